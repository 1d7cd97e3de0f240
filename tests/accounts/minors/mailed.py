"""Acts on minors that send mail: each returns when it was, and what its mail must say."""

from datetime import date

from apps.accounts.models import MinorCase
from apps.accounts.services import amending
from apps.accounts.services.days import look_after
from tests.accounts.minors.given import KIM_BORN, dana, grown, represented
from tests.cast import DAY, NOON


def a_representation_that_ends():
    row = represented(valid_until=date(2026, 4, 10)).representatives.get()
    at = NOON + 26 * DAY
    look_after(at=at)
    return at, ["dana@covenant.example", row.reference, "2026-04-10", "in 7 days", f"/admin/accounts/representative/{row.pk}/change/"]


def a_case_that_is_late():
    amending.amend_person(person=grown(), changes={"birth_date": KIM_BORN}, by=dana(), at=NOON)
    case, at = MinorCase.objects.get(), NOON + 11 * DAY
    look_after(at=at)
    said = ["is past its day", "2026-03-18 12:00", "the date of birth was corrected", f"/admin/accounts/minorcase/{case.pk}/change/"]
    return at, ["dana@covenant.example", case.reference, *said]
