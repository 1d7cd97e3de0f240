"""Real processes at once: two workers on one day, a hold placed from another session at every step, hand-overs all the while."""

import os
import time
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps

import pytest
from django.db import connection

from apps.audit.services import journal
from apps.holds.models import Hold
from apps.retention.models import AsideMessage, Batch, Cohort, Destruction, Message
from apps.retention.services import accounts, destroy, leaves, sealing, sweep
from tests import cast
from tests.cast import DAY, NOON
from tests.faults import deaths, worlds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

LEASE = timedelta(minutes=3)
HOURS = timedelta(hours=1)


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    with deaths.clocks_of_the_test(settings):
        yield


def test_two_workers_at_once_end_every_day_once(home):
    worlds.begin()
    for number in range(4):
        worlds.a_day(number)
    at = worlds.end_of_day(3)
    workers = [deaths.fork(lambda n=n: sweep.sweep(at=at + n * timedelta(seconds=1))) for n in range(3)]
    assert [deaths.end_of(pid) for pid in workers] == [0, 0, 0]
    sweep.sweep(at=at + LEASE)
    journal.write_owed()
    assert deaths.found(home, at=at + LEASE) == []
    worlds.each_thing_was_done_once()
    assert Destruction.objects.count() == 4


def test_two_workers_whose_leases_are_over_end_one_day_once(home, settings):
    """The lease only keeps them from doing the same in vain: with none at all each step still happens once."""
    settings.RETENTION_LEASE_SECONDS = 0
    worlds.begin()
    worlds.a_day(0, messages=60)
    at = worlds.end_of_day(0)
    workers = [deaths.fork(lambda n=n: sweep.sweep(at=at + n * timedelta(seconds=1))) for n in range(4)]
    assert [deaths.end_of(pid) for pid in workers] == [0] * 4
    sweep.sweep(at=at + LEASE)
    journal.write_owed()
    assert deaths.found(home, at=at + LEASE) == []
    worlds.each_thing_was_done_once()


def test_works_that_killed_their_workers_too_often_are_parked_and_hold_up_nobody_behind_them(home):
    worlds.begin()
    for number in range(4):
        worlds.a_day(number)
    at = worlds.end_of_day(3)
    sealing.expire_due(at=at)
    destroy.open_due(at=at)
    Destruction.objects.filter(day__lt=worlds.end_of_day(2).date()).update(attempts=destroy.MOST_ATTEMPTS)
    assert len(sweep.sweep(at=at).destroyed) == 2
    assert list(Destruction.objects.order_by("day").values_list("state", "parked_at")) == [("due", at)] * 2 + [("done", None)] * 2


@contextmanager
def a_worker_that_waits(name: str, when: str, number: int, at):
    """A worker in a process of its own that stops before or after one step, until the block is left."""
    said, go_on = os.pipe(), os.pipe()

    def waiting():
        os.write(said[1], b"x")
        os.read(go_on[0], 1)

    def stopping(step):
        @wraps(step)
        def wrapped(work_id, at):
            mine = worlds.is_day(number)(Destruction.objects.get(pk=work_id))
            if mine and when == "before":
                waiting()
            step(work_id, at)
            if mine and when == "after":
                waiting()

        return wrapped

    def work():
        destroy.STEPS = tuple(stopping(step) if step.__name__ == name else step for step in destroy.STEPS)
        sweep.sweep(at=at)

    pid = deaths.fork(work)
    try:
        os.read(said[0], 1)
        yield
    finally:
        os.write(go_on[1], b"x")
        ended = deaths.end_of(pid)
        for handle in (*said, *go_on):
            os.close(handle)
    assert ended == 0


def test_a_hold_placed_from_another_session_at_any_step_keeps_everything_until_the_key_is_gone(home):
    places = [(step.__name__, when) for step in destroy.STEPS for when in ("before", "after")]
    worlds.begin()
    last_chance = places.index(("destroy_key", "before"))
    for number, (name, when) in enumerate(places):
        worlds.a_day(number)
        at = worlds.end_of_day(number)
        with a_worker_that_waits(name, when, number, at):
            hold = worlds.a_hold_on_everything(at)
        assert deaths.found(home, at=at, only=deaths.ALWAYS) == [], f"a hold {when} {name}"
        sweep.sweep(at=at + LEASE)  # where it came between two looks, the worker gave way
        journal.write_owed()
        assert deaths.found(home, at=at + LEASE) == [], f"a hold {when} {name}"
        cohort = Cohort.objects.get(organization=worlds.clinic(), expiry_on=at.date())
        account = accounts.account_of(cohort)
        kept = 5 if number <= last_chance else 2
        assert (account.aside_for_hold, account.destroyed) == (kept, 5 - kept), f"a hold {when} {name}"
        assert Hold.objects.get(pk=hold.pk).state == "active"
        worlds.release_all(at)
    sweep.sweep(at=at + DAY)
    assert deaths.found(home, at=at + DAY) == []


def test_a_hold_waits_for_a_key_that_is_just_going_and_then_comes_too_late(home):
    """Placed between the last look at the holds and the commit: it waits, and what its coverage report says is true."""
    worlds.begin()
    worlds.a_day(0)
    at = worlds.end_of_day(0)
    said, go_on = os.pipe(), os.pipe()

    def work():
        day = destroy.ENDS["day"]
        original = day.require_free

        def looked(work, cohorts, *, at):
            original(work, cohorts, at=at)
            if work.state == "journalled":
                os.write(said[1], b"x")
                os.read(go_on[0], 1)

        day.require_free = looked
        sweep.sweep(at=at)

    worker = deaths.fork(work)
    os.read(said[0], 1)
    placing = deaths.fork(lambda: worlds.a_hold_on_everything(at))
    until = time.monotonic() + 20
    while not _waiting() and time.monotonic() < until:
        time.sleep(0.05)
    assert _waiting(), "the hold did not wait"
    assert not Hold.objects.filter(conversation_id="").exists()
    os.write(go_on[1], b"x")
    assert [deaths.end_of(worker), deaths.end_of(placing)] == [0, 0]
    sweep.sweep(at=at + LEASE)
    journal.write_owed()
    hold, work = Hold.objects.get(conversation_id=""), Destruction.objects.get()
    assert hold.pk > work.newest_hold
    assert accounts.account_of(Cohort.objects.get(organization=worlds.clinic())).destroyed == 3
    assert deaths.found(home, at=at + LEASE) == []


def _waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return cursor.fetchone()[0] > 0


def test_hand_overs_go_on_while_days_are_sealed_expire_and_are_destroyed(home, settings):
    """Four senders, who also send again what they sent, and two sweepers, on one clock that runs through nine days in some seconds."""
    settings.RETENTION_LEASE_SECONDS = 3600
    worlds.begin()
    for ahead in range(10):
        leaves.make_leaves(at=NOON + ahead * DAY)
    started, seconds = time.monotonic(), 8

    def now():
        return NOON + (time.monotonic() - started) / seconds * 9 * DAY

    def sender(who: int):
        number = 0
        while time.monotonic() < started + seconds:
            at = now()
            lines = [
                cast.message(n, at=max(NOON, at - (n % 8) * DAY), id=f"s{who}-{number}-{n}", conversation="kept" if n % 5 == 0 else "free")
                for n in range(1, 40)
            ]
            for again in range(2):
                cast.hand_over(worlds.clinic() if who % 2 else worlds.mercy(), lines, at=now(), key=f"k{who}-{number}-{again}")
            number += 1

    def sweeper():
        while time.monotonic() < started + seconds:
            sweep.sweep(at=now())
            sealing.seal_due(at=now())

    workers = [deaths.fork(lambda who=who: sender(who)) for who in range(4)] + [deaths.fork(sweeper) for _ in range(2)]
    assert [deaths.end_of(pid) for pid in workers] == [0] * 6
    end = NOON + 20 * DAY
    for hours in range(0, 3):
        sweep.sweep(at=end + hours * HOURS)
    journal.write_owed()
    assert deaths.found(home, at=end + 3 * HOURS) == []
    worlds.each_thing_was_done_once()
    account = {cohort: accounts.account_of(cohort) for cohort in Cohort.objects.select_related("organization")}
    assert sum(Batch.objects.values_list("accepted", flat=True)) == sum(one.ingested for one in account.values()) > 400
    ended = [(one.ingested, one.destroyed) for cohort, one in account.items() if cohort.organization == worlds.clinic()]
    assert [ingested - destroyed for ingested, destroyed in ended] == [0] * len(ended)
    assert Message.objects.on_days(Cohort.objects.values_list("expiry_on", flat=True)).count() == 0
    assert AsideMessage.objects.exclude(ground="archive").count() == 0
