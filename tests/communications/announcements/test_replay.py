"""After a restore nothing goes out a second time: what began since is not begun again, what was on its way waits for a person."""

import pytest

from apps.audit.models import JournalEntry
from apps.communications.models import Circular, Notice
from apps.communications.services import notices
from apps.communications.services.circulars import controlling, replay, sending
from apps.communications.states import CircularState
from apps.mail.models import OutgoingMail
from tests import cast
from tests.cast import DAY, NOON
from tests.communications.announcements import circulars
from tests.communications.announcements.published import second

pytestmark = pytest.mark.django_db


class Line:
    """A line of the journal as a replay hands it over."""

    def __init__(self, about, **body):
        self.about, self.body, self.at, self.kind = about, body, NOON, "circular.started"


def owed() -> list[tuple[str, dict]]:
    return [(entry.about, entry.body) for entry in JournalEntry.objects.filter(kind="circular.started")]


def test_what_began_is_in_the_journal(house):
    circulars.readers(1)
    row = circulars.approved()
    sending.sweep(at=NOON)
    assert owed() == [(row.reference, {"version": None})]


@pytest.mark.parametrize("make", [circulars.draft, circulars.asked, circulars.approved])
def test_what_began_after_the_backup_does_not_begin_again(house, make):
    circulars.readers(1)
    row = make()
    for _twice in range(2):
        replay.circular_started(Line(row.reference, version=None), at=NOON + DAY)
    assert Circular.objects.get().state == CircularState.CANCELLED
    assert sending.sweep(at=NOON + DAY) == 0


def test_what_the_backup_does_not_know_is_nothing(house):
    replay.circular_started(Line("ANN-UNKNOWN", version=None), at=NOON)
    assert Circular.objects.count() == 0


def test_a_notice_that_the_backup_does_not_know_is_not_made_twice(house):
    circulars.person(1)
    version = second()
    replay.circular_started(Line("ANN-7F3K2MP", version=version.number), at=NOON + DAY)
    assert notices.tell_of_policy(at=NOON + DAY) is None
    assert Notice.objects.get().state == CircularState.CANCELLED
    assert notices.work(at=NOON + DAY) == 0


def test_what_was_on_its_way_waits_with_its_mails_out_of_the_outbox(house):
    circulars.readers(2)
    row = circulars.approved()
    sending.sweep(at=NOON)
    replay.circulars_wait(at=NOON + DAY)
    assert set(OutgoingMail.objects.values_list("state", flat=True)) == {"taken_back"}
    shown = Circular.objects.get()
    assert (shown.state, shown.trouble) == (CircularState.PAUSED, replay.RESTORED)
    controlling.resume(circular=row, by=cast.cleo(), at=NOON + DAY)
    assert sending.sweep(at=NOON + DAY) == 0  # who may have it is not written to again
