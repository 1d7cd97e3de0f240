"""An empty leaf is dropped long after its day: nobody misses it, nobody waits for it, and none goes that holds anything."""

import threading
import time
from contextlib import contextmanager
from datetime import date

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from apps.assurance.fsck import examination
from apps.audit.models import Event, JournalEntry
from apps.foundation.keys import keystore
from apps.holds.services import matters, placing, releasing
from apps.retention import promises
from apps.retention.models import AsideMessage, Cohort, Destruction, Leaf, Message
from apps.retention.services import accounts, leaves, sweep
from apps.retention.states import CohortState, DestructionState
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")

EXPIRY = date(2026, 3, 16)
LEAF = "message_20260316"
MORNING_AFTER = NOON + 8 * DAY
LONG_AFTER = NOON + 39 * DAY  # the first night on which thirty days lie between


@pytest.fixture(autouse=True)
def clocks(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660  # weeks pass between two lines of a test


@pytest.fixture
def destroyed(house):
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(n) for n in range(1, 4)])
    sweep.sweep(at=MORNING_AFTER)
    assert Cohort.objects.get().state == CohortState.DESTROYED
    return clinic


def is_there(leaf: str = LEAF) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [leaf])
        return cursor.fetchone()[0]


def drop(day: date = EXPIRY, at=LONG_AFTER) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT covenant_drop_leaf(%s, %s)", [day, at])
        return cursor.fetchone()[0]


def test_an_empty_leaf_stands_for_thirty_days_and_is_dropped_then_with_its_record(destroyed):
    assert EXPIRY not in leaves.drop_empty(at=LONG_AFTER - DAY)
    assert is_there()
    dropped = leaves.drop_empty(at=LONG_AFTER)
    assert EXPIRY in dropped
    assert (is_there(), Leaf.objects.filter(day=EXPIRY).exists()) == (False, False)
    assert {event.object for event in Event.objects.filter(verb="leaf.dropped")} >= {"2026-03-16"}
    assert leaves.drop_empty(at=LONG_AFTER) == []
    assert drop() is False  # twice is once


def test_whoever_looks_at_a_day_whose_leaf_is_gone_finds_nothing_amiss(house, destroyed):
    leaves.drop_empty(at=LONG_AFTER)
    cohort = Cohort.objects.get()
    assert accounts.account_of(cohort).as_dict() | {"ingested": 3, "destroyed": 3} == accounts.account_of(cohort).as_dict()
    assert (accounts.require_balance(cohort).balance, accounts.rows_by_organization(EXPIRY)) == (0, {})
    assert Message.objects.on_days([EXPIRY]).count() == 0
    assert [violation for check in promises.CHECKS for violation in check.run(LONG_AFTER).violations] == []
    assert [found for found in examination.examine(at=LONG_AFTER, folder=house).findings.values() if found] == []
    sweep.sweep(at=LONG_AFTER)
    assert Destruction.objects.get().state == DestructionState.DONE


def test_what_stands_aside_keeps_no_leaf_and_is_destroyed_without_it(house):
    cast.hand_over(cast.hill_clinic(), [cast.message(n, conversation=f"c{n}") for n in range(1, 4)])
    counsel = cast.staff("ezra", Role.COUNSEL)
    matter = matters.open_matter(title="Case 26-114", reason="Preservation letter", by=counsel, at=NOON)
    hold = placing.place(matter=matter, conversation=("product", "c2"), organization=Cohort.objects.get().organization, reason="asked", by=counsel, at=NOON)
    sweep.sweep(at=MORNING_AFTER)
    assert EXPIRY in leaves.drop_empty(at=LONG_AFTER)
    assert AsideMessage.objects.count() == 1
    releasing.ask_release(hold=hold, reason="the court said so", by=counsel, at=LONG_AFTER)
    releasing.approve_release(hold=hold, by=cast.cleo(), at=LONG_AFTER)
    sweep.sweep(at=LONG_AFTER + 8 * DAY)
    assert (AsideMessage.objects.count(), Cohort.objects.get().destroyed_messages) == (0, 3)
    assert accounts.require_balance(Cohort.objects.get()).balance == 0


def not_over(clinic):
    return "is not over", (NOON + 7 * DAY)


def not_destroyed(clinic):
    Cohort.objects.create(organization=cast.client("Late"), expiry_on=date(2026, 3, 17), opened_at=NOON)
    return "neither destroyed nor aside", LONG_AFTER, date(2026, 3, 17)


def not_done(clinic):
    Destruction.objects.create(day=date(2026, 3, 17), secret="day/2026-03-17", opened_at=NOON)
    return "is not done", LONG_AFTER, date(2026, 3, 17)


def not_empty(clinic):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO message (id, expiry, organization_id, segment, policy_version_id, source_tag, tags, proof, ciphertext)"
            " SELECT 9, '2026-03-17', %s, 0, 1, decode(repeat('ab', 16), 'hex'), '{}', sha256('x'), 'x'", [clinic.pk],
        )  # fmt: skip
    return "is not empty", LONG_AFTER, date(2026, 3, 17)


@pytest.mark.parametrize("why", [not_over, not_destroyed, not_done, not_empty])
def test_the_database_itself_refuses_a_leaf_that_must_stay(destroyed, why):
    said, at, *day = why(destroyed)
    with pytest.raises(DatabaseError, match=said):
        drop(*day, at=at)
    assert is_there()
    assert is_there("message_20260317")


def test_a_leaf_that_holds_what_it_should_not_keeps_no_other_from_being_dropped(destroyed):
    not_empty(destroyed)
    dropped = leaves.drop_empty(at=LONG_AFTER + DAY)
    assert (date(2026, 3, 17) in dropped, date(2026, 3, 18) in dropped, is_there("message_20260317")) == (False, False, True)
    assert EXPIRY in dropped
    assert date(2026, 3, 18) in leaves.drop_empty(at=LONG_AFTER + 2 * DAY)


def test_a_day_whose_key_is_there_keeps_its_leaf(destroyed):
    keystore().ensure("day/2026-03-17")
    assert date(2026, 3, 17) not in leaves.drop_empty(at=LONG_AFTER + DAY)
    keystore().destroy("day/2026-03-17")
    assert date(2026, 3, 17) in leaves.drop_empty(at=LONG_AFTER + DAY)


@pytest.mark.django_db(transaction=True)
def test_a_restored_database_drops_nothing():
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    sweep.sweep(at=MORNING_AFTER)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM audit_journalentry WHERE sequence = (SELECT max(sequence) FROM audit_journalentry)")
        cursor.execute("SET session_replication_role = origin")
    assert JournalEntry.objects.exists()
    assert leaves.drop_empty(at=LONG_AFTER) == []
    assert is_there()


@contextmanager
def a_report_that_runs():
    """Somebody reads all leaves in a transaction that lasts as long as the block."""
    with psycopg.connect(**connection.get_connection_params() | {"context": None, "cursor_factory": psycopg.Cursor}) as session:
        session.execute("SELECT count(*) FROM message")
        yield


@pytest.mark.django_db(transaction=True)
def test_beside_a_report_it_gives_up_for_the_night_and_nobody_who_writes_waits_for_it(monkeypatch):
    monkeypatch.setattr(leaves, "POLITE_TRIES", 8)
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    sweep.sweep(at=MORNING_AFTER)
    leaves.make_leaves(at=LONG_AFTER)
    found: list[object] = []

    def night():
        try:
            found.append(leaves.drop_empty(at=LONG_AFTER))
        finally:
            connection.close()

    with a_report_that_runs():
        worker, waits = threading.Thread(target=night), []
        worker.start()
        number = 1
        while worker.is_alive():
            number += 1
            began = time.monotonic()
            cast.hand_over(clinic, [cast.message(number, at=LONG_AFTER)], at=LONG_AFTER, key=f"k{number}")
            waits.append(time.monotonic() - began)
        worker.join()
    assert found == [[]]
    assert is_there()
    assert len(waits) > 3
    assert max(waits) < 1
    assert EXPIRY in leaves.drop_empty(at=LONG_AFTER)
