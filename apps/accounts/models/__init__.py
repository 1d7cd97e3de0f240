"""Organizations, people with what reaches and names them, who acts for minors, the accounts people linked, and the services that register them."""

from apps.accounts.models.acceptance import PolicyAcceptance, acceptance_reference
from apps.accounts.models.indexes import trigram
from apps.accounts.models.linked import GrantedScope, LinkAttempt, LinkedAccount, LinkedClaim, ScopeClaim
from apps.accounts.models.minors import MinorCase, case_reference
from apps.accounts.models.organizations import Organization, organization_reference
from apps.accounts.models.people import ExternalIdentity, Person, PersonEmail, PersonPhone, person_reference
from apps.accounts.models.representatives import LARGEST_DOCUMENT, Representative, representative_reference
from apps.accounts.models.services import RememberedRequest, ServiceToken, token_reference

__all__ = [
    "LARGEST_DOCUMENT",
    "ExternalIdentity",
    "GrantedScope",
    "LinkAttempt",
    "LinkedAccount",
    "LinkedClaim",
    "MinorCase",
    "Organization",
    "Person",
    "PersonEmail",
    "PersonPhone",
    "PolicyAcceptance",
    "RememberedRequest",
    "Representative",
    "ScopeClaim",
    "ServiceToken",
    "acceptance_reference",
    "case_reference",
    "organization_reference",
    "person_reference",
    "representative_reference",
    "token_reference",
    "trigram",
]
