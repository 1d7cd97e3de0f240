"""Organizations, people, what people linked, and the services that register them. The order of the imports is the order on the first page."""

from apps.accounts.admin.people import OrganizationAdmin, PersonAdmin, ServiceTokenAdmin  # isort: skip
from apps.accounts.admin.linked import LinkedAccountAdmin  # isort: skip

__all__ = ["LinkedAccountAdmin", "OrganizationAdmin", "PersonAdmin", "ServiceTokenAdmin"]
