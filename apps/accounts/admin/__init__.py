"""Organizations, people, who acts for minors, what people linked, and services. The order of the imports is the order on the first page."""

from apps.accounts.admin.people import OrganizationAdmin, PersonAdmin, ServiceTokenAdmin  # isort: skip
from apps.accounts.admin.representatives import RepresentativeAdmin  # isort: skip
from apps.accounts.admin.minors import MinorCaseAdmin  # isort: skip
from apps.accounts.admin.linked import LinkedAccountAdmin  # isort: skip
from apps.accounts.admin.acceptances import PolicyAcceptanceAdmin  # isort: skip

__all__ = ["LinkedAccountAdmin", "MinorCaseAdmin", "OrganizationAdmin", "PersonAdmin", "PolicyAcceptanceAdmin", "RepresentativeAdmin", "ServiceTokenAdmin"]
