"""What left and what did not, permits and connections, exceptions for countries, and what is to be erased elsewhere."""

from apps.gate.models.exceptions import CountryException, exception_reference
from apps.gate.models.left import (
    Crossing,
    Disclosure,
    DisclosureSubject,
    GateRefusal,
    Permit,
    RememberedDecision,
    disclosure_reference,
    permit_reference,
    refusal_reference,
)
from apps.gate.models.withdrawals import WithdrawalNotice, notice_reference

__all__ = [
    "CountryException",
    "Crossing",
    "Disclosure",
    "DisclosureSubject",
    "GateRefusal",
    "Permit",
    "RememberedDecision",
    "WithdrawalNotice",
    "disclosure_reference",
    "exception_reference",
    "notice_reference",
    "permit_reference",
    "refusal_reference",
]
