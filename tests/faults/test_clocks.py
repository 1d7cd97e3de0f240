"""Time as it comes: clocks that jump, a leap day, the two changes of daylight time, and midnight in UTC in the middle of work."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from apps.audit.services import heartbeat, journal
from apps.retention.models import ClockDoubt, Cohort, Destruction, Message
from apps.retention.services import clock_guard, destroy, leaves, reading, sealing, sweep
from tests import cast
from tests.cast import DAY, NOON
from tests.faults import deaths, worlds

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
EASTERN = ZoneInfo("America/New_York")


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    with deaths.clocks_of_the_test(settings):
        yield


@pytest.mark.parametrize("jump", [27 * HOUR, -27 * HOUR, 3650 * DAY, -365 * DAY], ids=["a day ahead", "a day back", "ten years ahead", "a year back"])
def test_a_clock_that_jumped_destroys_nothing_until_a_person_confirms_it(home, settings, jump):
    worlds.begin()
    worlds.a_day(0)
    before = worlds.end_of_day(0) - 20 * HOUR if jump > timedelta() else worlds.end_of_day(0) + 30 * HOUR
    heartbeat.beat(clock_guard.HEART, at=before)
    settings.CLOCK_JUMP_HOURS = 26
    at = before + jump
    assert sweep.sweep(at=at).destroyed == []
    assert Message.objects.on_days([worlds.end_of_day(0).date()]).count() + _aside() == 8
    doubts = list(ClockDoubt.objects.all())
    assert {doubt.against for doubt in doubts} <= {"heartbeat", "journal"}
    assert len(doubts) >= 1
    assert sweep.sweep(at=at + HOUR).destroyed == []
    assert ClockDoubt.objects.count() == len(doubts)
    settings.CLOCK_JUMP_HOURS = 24 * 3660 * 2
    for doubt in doubts:
        clock_guard.confirm(doubt=doubt, by=cast.cleo(), at=at + HOUR)
    end = max(at + HOUR, worlds.end_of_day(0)) + HOUR
    assert len(sweep.sweep(at=end).destroyed) == 1
    journal.write_owed()
    assert deaths.found(home, at=end) == []


def _aside() -> int:
    return sum(cohort.aside.count() for cohort in Cohort.objects.all())


def test_a_clock_that_jumps_between_the_intent_and_the_key_leaves_the_key(home, settings):
    worlds.begin()
    worlds.a_day(0)
    at = worlds.end_of_day(0)
    settings.CLOCK_JUMP_HOURS = 26
    heartbeat.beat(clock_guard.HEART, at=at)
    sealing.expire_due(at=at)
    destroy.open_due(at=at)
    work = Destruction.objects.get()
    for step in destroy.STEPS[:3]:
        step(work.pk, at)
    with pytest.raises(clock_guard.ClockInDoubt):
        destroy.destroy_key(work.pk, at + 30 * HOUR)
    assert (home / "keystore" / work.secret).exists()
    assert deaths.found(home, at=at + 30 * HOUR, only=deaths.ALWAYS) == []


@pytest.mark.parametrize(
    ("sent", "life_days", "day"),
    [
        (datetime(2028, 2, 22, 12, tzinfo=UTC), 7, date(2028, 3, 1)),
        (datetime(2028, 2, 21, 23, 59, 59, tzinfo=UTC), 7, date(2028, 2, 29)),
        (datetime(2028, 2, 29, 0, 0, tzinfo=UTC), 366, date(2029, 3, 1)),
        (datetime(2027, 2, 28, 23, 59, 59, 999999, tzinfo=UTC), 366, date(2028, 3, 1)),
    ],
    ids=["over the leap day", "on the leap day", "from the leap day", "a year that has one"],
)
def test_over_a_leap_day_nothing_ends_early_or_late(home, sent, life_days, day):
    cast.house(at=sent - 30 * DAY)
    clinic = cast.client(at=sent - 30 * DAY)
    cast.rule(clinic, life_days, at=sent - 20 * DAY)
    leaves.make_leaves(at=sent)
    cast.hand_over(clinic, [cast.message(1, at=sent)], at=sent + SECOND)
    cohort = Cohort.objects.get()
    assert cohort.expiry_on == day
    assert sent + life_days * DAY <= _midnight(day) < sent + (life_days + 1) * DAY + SECOND
    _ends_at_midnight(home, cohort, sent)


@pytest.mark.parametrize(
    "wall",
    [
        datetime(2026, 3, 8, 1, 59, 59, tzinfo=EASTERN),
        datetime(2026, 3, 8, 3, 0, tzinfo=EASTERN),
        datetime(2026, 11, 1, 1, 30, tzinfo=EASTERN),
        datetime(2026, 11, 1, 1, 30, fold=1, tzinfo=EASTERN),
        datetime(2026, 11, 1, 20, 30, tzinfo=EASTERN),
    ],
    ids=["before the hour is lost", "after it is lost", "the hour that comes twice", "its second time", "evening, next day in UTC"],
)
def test_changes_of_daylight_time_move_no_end(home, wall):
    sent = wall.astimezone(UTC)
    cast.house(at=sent - 30 * DAY)
    clinic = cast.client(at=sent - 30 * DAY)
    cast.rule(clinic, 7, at=sent - 20 * DAY)
    leaves.make_leaves(at=sent)
    cast.hand_over(clinic, [cast.message(1, at=wall)], at=sent + SECOND)
    cohort = Cohort.objects.get()
    assert cohort.expiry_on == (sent + 8 * DAY).date()
    _ends_at_midnight(home, cohort, sent)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _ends_at_midnight(home, cohort: Cohort, sent: datetime) -> None:
    """To the last second of the day before it can be read and nothing destroys it; from the first of its own it can't, and goes."""
    last, first = _midnight(cohort.expiry_on) - SECOND, _midnight(cohort.expiry_on)
    one = {"organization": cohort.organization, "source": "product", "message_id": "m1", "sent_at": sent}
    assert sweep.sweep(at=last).destroyed == []
    assert reading.read_message(**one, at=last)["id"] == "m1"
    with pytest.raises(reading.MessageGone):
        reading.read_message(**one, at=first)
    assert len(sweep.sweep(at=first).destroyed) == 1
    journal.write_owed()
    assert deaths.found(home, at=first) == []


def test_midnight_in_the_middle_of_a_hand_over_and_of_a_destruction(home):
    """A batch whose chunks lie on both sides, and a sweep that begins before and ends after: each message goes by its own day."""
    worlds.begin()
    worlds.a_day(0, hold=False)
    midnight = _midnight(worlds.end_of_day(0).date())
    batch_lines = [cast.message(n, at=NOON, id=f"late{n}") for n in (1, 2)]
    cast.hand_over(worlds.clinic(), batch_lines[:1], at=midnight - 3 * DAY, key="late-1")
    assert cast.hand_over(worlds.clinic(), batch_lines[1:], at=midnight, key="late-2").refused == 1
    assert sweep.sweep(at=midnight - SECOND).destroyed == []
    assert Cohort.objects.filter(state="sealed").count() == 2
    assert len(sweep.sweep(at=midnight).destroyed) == 1
    journal.write_owed()
    assert deaths.found(home, at=midnight) == []
    assert Cohort.objects.get(organization=worlds.clinic()).destroyed_messages == 6
