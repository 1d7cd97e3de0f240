"""Organizations, people with what reaches and names them, the accounts they linked, and the services that may register them."""

from apps.accounts.models.indexes import trigram
from apps.accounts.models.linked import GrantedScope, LinkAttempt, LinkedAccount, LinkedClaim, ScopeClaim
from apps.accounts.models.organizations import Organization, organization_reference
from apps.accounts.models.people import ExternalIdentity, Person, PersonEmail, PersonPhone, person_reference
from apps.accounts.models.services import RememberedRequest, ServiceToken, token_reference

__all__ = [
    "ExternalIdentity",
    "GrantedScope",
    "LinkAttempt",
    "LinkedAccount",
    "LinkedClaim",
    "Organization",
    "Person",
    "PersonEmail",
    "PersonPhone",
    "RememberedRequest",
    "ScopeClaim",
    "ServiceToken",
    "organization_reference",
    "person_reference",
    "token_reference",
    "trigram",
]
