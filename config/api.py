"""The API for sending services: one document, described by OpenAPI at /api/v1/openapi.json."""

from ninja import NinjaAPI

from apps.accounts.api import router as accounts
from apps.retention.api import router as retention

api = NinjaAPI(title="Covenant", version="1", urls_namespace="api-v1", docs_url=None)
api.add_router("", accounts)
api.add_router("", retention)
