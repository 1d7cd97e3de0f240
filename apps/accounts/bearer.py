"""How a sending service shows its token to the API. Other apps' routers use it too, with their own scope."""

from django.http import HttpRequest
from ninja.security import HttpBearer

from apps.accounts.models import ServiceToken
from apps.accounts.services import tokens
from apps.foundation import clock


class ServiceTokenAuth(HttpBearer):
    """`Authorization: Bearer …`, for one scope. A refusal says whether the token is missing, unknown or not for this."""

    openapi_bearerFormat = "cov_…"
    openapi_description = "The token of a sending service. An administrator issues it; it is shown once."

    def __init__(self, scope: str):
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> ServiceToken:
        return tokens.authenticate(request.headers.get("Authorization"), scope=self.scope, at=clock.now())

    def authenticate(self, request: HttpRequest, token: str) -> ServiceToken:
        return tokens.authenticate(f"Bearer {token}", scope=self.scope, at=clock.now())
