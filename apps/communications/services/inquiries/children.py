"""An inquiry says that a child uses the service: a member of staff opens the case, and the account is suspended at once (P24).

The inquiry alone decides nothing: whoever writes may be wrong, or may want to harm somebody. So a person looks first, and names who it is.
"""

from datetime import datetime

from django.db import transaction

from apps.accounts.models import MinorCase, Person
from apps.accounts.services import minors
from apps.accounts.states import FoundOut
from apps.audit.services import ledger
from apps.communications.models import Inquiry
from apps.communications.services.inquiries.working import PastItsLife
from apps.communications.states import InquiryState
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import presence

OPEN_CASE = "communications.open_minor_case"


class PersonUnknown(Refusal):
    """There is no person of that reference."""

    code = "person_unknown"
    mend = "Look for the child under People, and copy the reference, like PER-7F3K2M9."


@transaction.atomic
def open_case(*, inquiry: Inquiry, person_reference: str, by: StaffMember, at: datetime) -> MinorCase:
    """Open the case of that person, or find the one that is open, and write it beside the inquiry."""
    opener = presence.lock(by)[by.pk]
    presence.require_right(opener, OPEN_CASE)
    person = Person.objects.filter(reference=person_reference.strip().upper()).first()
    if person is None:
        raise PersonUnknown
    row = Inquiry.objects.select_for_update(no_key=True, of=("self",)).get(pk=inquiry.pk)
    if row.state == InquiryState.KEPT:
        raise PastItsLife
    case = minors.report(person=person, how=FoundOut.REPORT, by=opener, at=at)
    row.minor_case = case.reference
    row.save(update_fields=["minor_case"])
    ledger.record("inquiry.about_a_minor", by=opener, about=row.reference, at=at, facts={"case": case.reference})
    return case
