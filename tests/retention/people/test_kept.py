"""What a hold names stays when its person is erased, apart and unread, until the hold ends; said once, and no more than that."""

import pytest
from django.db import DatabaseError, connection, transaction

from apps.accounts.services.subjects import subject_of
from apps.audit.models import Event
from apps.foundation.personal_data import Ended, Kept, KeptGround
from apps.holds.services import matters, placing, releasing
from apps.holds.services.placing import Conversation
from apps.retention.models import AsideMessage, Cohort, EarlyDeletion, Message
from apps.retention.services import people, reading, sweep
from apps.retention.services.people import erasing
from apps.retention.services.reading import NoSuchMessage
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON
from tests.retention.people.erased import erase, sound

pytestmark = pytest.mark.usefixtures("house")


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def clinic():
    return cast.hill_clinic(30)


@pytest.fixture
def ada(clinic):
    return cast.ada(clinic)


@pytest.fixture
def ezra():
    return cast.staff("ezra", Role.COUNSEL)


@pytest.fixture
def matter(ezra):
    return matters.open_matter(title="Case 26-114", reason="Preservation letter", by=ezra, at=NOON)


def hold(matter, ezra, **scope):
    return placing.place(matter=matter, reason="asked by the court", by=ezra, at=NOON, **scope)


def release(held, ezra, at):
    releasing.ask_release(hold=held, reason="the case is closed", by=ezra, at=at)
    releasing.approve_release(hold=held, by=cast.cleo(), at=at)


def two_conversations(clinic):
    cast.hand_over(clinic, [cast.message(n, conversation=f"c{n % 2}", at=NOON - (n % 2) * DAY) for n in range(1, 6)])


@pytest.mark.parametrize("answer", ["erase", "pseudonymise"])
def test_what_a_hold_names_stays_apart_and_nobody_reads_it(clinic, ada, matter, ezra, answer):
    two_conversations(clinic)
    held = hold(matter, ezra, organization=clinic, conversation=Conversation("product", "c1"))
    ended = erase(ada, answer)
    assert ended.kept == (Kept(KeptGround.HOLD, held.reference, 3),)
    assert (ended.erased, ended.anonymised) == ((2, 0) if answer == "erase" else (0, 2))
    assert AsideMessage.objects.count() == 3
    with pytest.raises(NoSuchMessage):
        reading.read_message(organization=clinic, source="product", message_id="m1", sent_at=NOON - DAY, at=NOON)
    sound()


@pytest.mark.parametrize("answer", ["erase", "pseudonymise"])
def test_when_the_hold_ends_what_it_had_kept_goes_long_before_its_day(clinic, ada, matter, ezra, answer):
    two_conversations(clinic)
    held = hold(matter, ezra, organization=clinic, conversation=Conversation("product", "c1"))
    subject = subject_of(ada)
    erase(subject, answer)
    release(held, ezra, NOON + DAY)
    still = erase(subject, at=NOON + 2 * DAY)  # its grace runs
    assert still == Ended(kept=(Kept(KeptGround.HOLD, held.reference, 3),))
    after = NOON + 9 * DAY
    assert erase(subject, at=after) == Ended(erased=3)
    assert not AsideMessage.objects.exists()
    assert not EarlyDeletion.objects.filter(kept_for_hold=True).exists()
    assert Event.objects.get(verb="messages.let_go").facts["messages"] == 3
    sound(after)
    assert sweep_until_all_is_destroyed(clinic)


def sweep_until_all_is_destroyed(clinic):
    """Its day comes, and its certificates are issued with an account that adds up."""
    at = NOON + 40 * DAY
    sweep.sweep(at=at)
    sound(at)
    return not Message.objects.on_days(Cohort.objects.filter(organization=clinic).values_list("expiry_on", flat=True)).exists()


def test_the_database_lets_nothing_go_that_a_hold_keeps_still(clinic, ada, matter, ezra):
    two_conversations(clinic)
    hold(matter, ezra, organization=clinic)
    erase(ada, "erase")
    for change in ("kept_for_hold = false", "reason = 'other'", "kept_for_hold = false, reason = 'other'"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE retention_earlydeletion SET {change}")
    assert EarlyDeletion.objects.filter(kept_for_hold=True).count() == 5


def test_a_hold_placed_between_two_pieces_keeps_what_is_left(clinic, ada, matter, ezra, monkeypatch):
    monkeypatch.setattr(erasing, "PIECE", 2)
    two_conversations(clinic)
    subject = subject_of(ada)
    for _call in range(2):  # the mark, and the first two
        with transaction.atomic():
            people.erase(subject, NOON, "erase")
    held = hold(matter, ezra, organization=clinic)
    ended = erase(subject)
    assert ended.kept == (Kept(KeptGround.HOLD, held.reference, 3),)
    assert EarlyDeletion.objects.filter(kept_for_hold=False).count() == 2
    sound()
