"""After a restore an exception that was withdrawn is withdrawn again, once, also one that the backup knows only as asked for."""

from types import SimpleNamespace

import pytest

from apps.audit.models import Event, JournalEntry
from apps.foundation.actors import SYSTEM
from apps.gate.models import CountryException
from apps.gate.services import exceptions, replay
from apps.gate.services.deciding import Recipient, Refused, decide
from apps.staff.models import Approval
from tests import cast
from tests.cast import DAY, NOON
from tests.gate import given

pytestmark = pytest.mark.django_db


@pytest.fixture
def withdrawn(cirrus):
    asked = exceptions.ask(
        recipient=Recipient.provider(cirrus.reference), country="CA", starts_at=NOON, ends_at=NOON + 60 * DAY, reason="Its second site.",
        by=given.dana(), at=NOON,
    )  # fmt: skip
    approved = exceptions.approve(exception=asked, by=cast.cleo(), at=NOON)
    return exceptions.withdraw(exception=approved, by=cast.cleo(), at=NOON + DAY)


def line():
    """The line as the file has it."""
    entry = JournalEntry.objects.get(kind="country_exception.withdrawn")
    return SimpleNamespace(kind=entry.kind, about=entry.about, body=entry.body, at=entry.created_at)


def restored(by_force, state: str) -> None:
    """The row as an older backup has it."""
    by_force(f"UPDATE gate_countryexception SET state = '{state}', withdrawn_by = '', withdrawn_at = NULL")


def test_a_withdrawal_is_repeated_once(withdrawn, package, by_force):
    restored(by_force, "approved")
    decide(package=package(countries=("CA",)), by=SYSTEM, at=NOON + 2 * DAY)

    for _twice in range(2):
        replay.exception_withdrawn(line(), at=NOON + 10 * DAY)

    row = CountryException.objects.get()
    assert (row.state, row.withdrawn_at, row.withdrawn_by) == ("withdrawn", NOON + DAY, str(cast.cleo().actor))
    assert Event.objects.filter(verb="country_exception.withdrawn_again").count() == 1
    with pytest.raises(Refused):
        decide(package=package(countries=("CA",)), by=SYSTEM, at=NOON + 10 * DAY)


def test_one_that_the_backup_knows_as_asked_for_can_not_be_approved_any_more(withdrawn, by_force):
    by_force("UPDATE gate_countryexception SET state = 'asked', decided_by = '', decided_at = NULL, withdrawn_by = '', withdrawn_at = NULL")
    by_force("UPDATE staff_approval SET verdict = 'open', decided_by_id = NULL, decided_at = NULL WHERE act = 'gate.approve_countryexception'")

    replay.exception_withdrawn(line(), at=NOON + 10 * DAY)

    assert CountryException.objects.get().state == "withdrawn"
    assert Approval.objects.waiting().count() == 0


def test_one_that_the_backup_does_not_know_needs_nothing(withdrawn, by_force):
    by_force("DELETE FROM gate_countryexception")

    replay.exception_withdrawn(line(), at=NOON + 10 * DAY)

    assert CountryException.objects.count() == 0
