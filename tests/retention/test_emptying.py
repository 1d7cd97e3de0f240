"""A leaf is emptied beside others who work: whoever reads meanwhile is not held up, and no row goes that has no right to."""

import threading
import time
from contextlib import contextmanager
from datetime import date

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Organization
from apps.retention.models import Certificate, Destruction, Message
from apps.retention.services import accounts, destroy, sealing
from apps.retention.services.accounts import AccountDoesNotBalance
from apps.retention.services.ends import day as ends_of_day
from apps.retention.states import DestructionState
from tests import cast
from tests.cast import DAY, NOON
from tests.faults import deaths

EXPIRY = date(2026, 3, 16)
LEAF = "message_20260316"
MORNING_AFTER = NOON + 8 * DAY
AT_ONCE = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    """These tests stand in March."""
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660


@pytest.fixture
def shredded(home, db):
    """The destruction of a day whose key is gone and whose rows are still there; those of a client that is owed an archive stepped aside."""
    cast.house()
    cast.client("Earlier")
    cast.hand_over(cast.hill_clinic(), [cast.message(n) for n in range(1, 4)])
    mercy = cast.client("Mercy General", archive="hosted")
    cast.rule(mercy, 7)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 4)])
    cast.client("Later")
    sealing.expire_due(at=MORNING_AFTER)
    destroy.open_due(at=MORNING_AFTER)
    work = Destruction.objects.get()
    for step in destroy.STEPS[: destroy.STEPS.index(destroy.truncate_and_certify)]:
        step(work.pk, MORNING_AFTER)
    return Destruction.objects.get(state=DestructionState.SHREDDED)


def another_session() -> psycopg.Connection:
    return psycopg.connect(**connection.get_connection_params() | {"context": None, "cursor_factory": psycopg.Cursor}, autocommit=True)


@contextmanager
def a_report_that_runs(seconds: float):
    """Somebody reads all leaves in a transaction of that length, which began before the block."""
    begun = threading.Event()

    def read():
        with another_session() as session, session.transaction():
            session.execute("SELECT count(*) FROM message")
            begun.set()
            time.sleep(seconds)

    report = threading.Thread(target=read)
    report.start()
    assert begun.wait(10)
    try:
        yield
    finally:
        report.join()


def raw_rows(count: int, organization_id: int, *, segment: int = 0) -> None:
    """Rows that came past the service: nothing of them has to open here."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO message SELECT nextval('message_id_seq'), %s, %s, %s, 1, substr(sha256((%s || '-' || n)::bytea), 1, 16),"
            " ARRAY[]::bytea[], sha256(n::text::bytea), repeat('x', 500)::bytea FROM generate_series(1, %s) n",
            [EXPIRY, organization_id, segment, organization_id, count],
        )


@AT_ONCE
def test_who_reads_while_a_leaf_that_is_in_use_is_waited_for_is_held_up_for_a_moment_only(shredded):
    waits, seen_waiting = [], 0
    with a_report_that_runs(2.5):
        worker = deaths.fork(lambda: destroy.run(work=shredded, at=MORNING_AFTER))
        with another_session() as reader:
            until = time.monotonic() + 2
            while time.monotonic() < until:
                seen_waiting += reader.execute(
                    "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' AND relation = %s::regclass", [LEAF]
                ).fetchone()[0]
                began = time.monotonic()
                assert reader.execute("SELECT count(*) FROM message").fetchone() == (3,)
                waits.append(time.monotonic() - began)
    assert deaths.end_of(worker) == 0
    assert seen_waiting > 0, "nothing was waited for, so nobody could be held up"
    assert len(waits) > 20
    assert max(waits) < 1, "a reader waited as long as a report that began before it"
    assert (Destruction.objects.get().state, Message.objects.on_days([EXPIRY]).count()) == (DestructionState.DONE, 0)


@AT_ONCE
def test_a_leaf_that_never_rests_is_waited_for_in_the_end(shredded, monkeypatch):
    monkeypatch.setattr(ends_of_day, "POLITE_TRIES", 2)
    monkeypatch.setattr(ends_of_day, "PAUSE_SECONDS", 0.01)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '7s'")
    with a_report_that_runs(1):
        began = time.monotonic()
        destroy.run(work=shredded, at=MORNING_AFTER)
        assert time.monotonic() - began > 0.5
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("7s",)
        cursor.execute("RESET lock_timeout")
    assert (Destruction.objects.get().state, Message.objects.on_days([EXPIRY]).count()) == (DestructionState.DONE, 0)


@AT_ONCE
def test_the_limit_of_a_session_is_as_before_after_a_polite_try(shredded):
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '7s'")
        destroy.truncate_and_certify(shredded.pk, MORNING_AFTER)
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("7s",)
        cursor.execute("RESET lock_timeout")
    assert Destruction.objects.get().state == DestructionState.TRUNCATED


@pytest.mark.parametrize("strangers", [["Earlier"], ["Later"], ["Mercy General"], ["Earlier", "Mercy General", "Later"]])
def test_rows_of_who_has_no_part_in_it_keep_a_leaf_from_being_emptied(shredded, strangers):
    """Whether they have no cohort of that day or one that stepped aside, and wherever they stand in the index."""
    for stranger in Organization.objects.filter(name__in=strangers):
        raw_rows(2, stranger.pk, segment=7)
    refusal = f"rows of {len(strangers)} organizations in the leaf of 2026-03-16 belong to no cohort that may be destroyed"
    with pytest.raises(DatabaseError, match=refusal), transaction.atomic():
        destroy.truncate_and_certify(shredded.pk, MORNING_AFTER)
    assert (Message.objects.on_days([EXPIRY]).count(), Certificate.objects.count()) == (3 + 2 * len(strangers), 0)


def test_a_refusal_is_not_taken_for_a_leaf_in_use(shredded, monkeypatch):
    monkeypatch.setattr(ends_of_day, "PAUSE_SECONDS", 3600)
    raw_rows(1, Organization.objects.get(name="Later").pk)
    with pytest.raises(DatabaseError, match="belong to no cohort"), transaction.atomic():
        destroy.truncate_and_certify(shredded.pk, MORNING_AFTER)


def test_emptying_a_leaf_reads_none_of_its_rows_but_one_an_organization(shredded):
    raw_rows(20_000, Organization.objects.get(name="Hill Clinic").pk)
    before = rows_read()
    with connection.cursor() as cursor:
        cursor.execute("SELECT covenant_destroy_leaf(%s, %s)", [shredded.pk, MORNING_AFTER])
    assert rows_read() - before < 100
    assert Message.objects.on_days([EXPIRY]).count() == 0


def rows_read() -> int:
    """Rows of the leaf that this transaction has read, from the table or by way of an index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) + (SELECT sum(idx_tup_read) FROM (SELECT"
            " pg_stat_get_xact_tuples_returned(indexrelid) AS idx_tup_read FROM pg_index WHERE indrelid = relid) AS indexes)"
            " FROM pg_stat_xact_user_tables WHERE relid = %s::regclass", [LEAF]
        )  # fmt: skip
        return cursor.fetchone()[0]


def test_the_rows_of_a_day_are_counted_for_all_of_its_organizations_in_one_pass(shredded, django_assert_num_queries):
    later = Organization.objects.get(name="Later")
    raw_rows(4, later.pk)
    with django_assert_num_queries(2):
        counted = accounts.rows_by_organization(EXPIRY)
    assert counted == {Organization.objects.get(name="Hill Clinic").pk: 3, later.pk: 4}
    assert counted[Organization.objects.get(name="Earlier").pk] == 0


def test_a_day_without_a_leaf_has_no_rows(shredded):
    assert accounts.rows_by_organization(date(1999, 1, 1)) == {}


@AT_ONCE
def test_the_rows_of_a_day_are_counted_in_an_index(shredded):
    raw_rows(5_000, Organization.objects.get(name="Hill Clinic").pk)
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")  # no row counts as seen by all before its commit is on disk, and tests don't wait for that
        cursor.execute(f"VACUUM ANALYZE {LEAF}")
    with CaptureQueriesContext(connection) as asked:
        accounts.rows_by_organization(EXPIRY)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {asked[-1]['sql']}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert f"Index Only Scan using {LEAF}_organization_id_segment_id_idx" in plan


def test_a_row_that_came_or_went_past_the_service_is_found_before_the_leaf_is_emptied(shredded):
    hill = Organization.objects.get(name="Hill Clinic")
    raw_rows(1, hill.pk)
    with pytest.raises(AccountDoesNotBalance, match="off by -1 messages"), transaction.atomic():
        destroy.truncate_and_certify(shredded.pk, MORNING_AFTER)
    for number in Message.objects.on_days([EXPIRY]).order_by("-id").values_list("id", flat=True)[:2]:
        Message.objects.on_days([EXPIRY]).filter(id=number).delete()
    with pytest.raises(AccountDoesNotBalance, match="off by 1 messages"), transaction.atomic():
        destroy.truncate_and_certify(shredded.pk, MORNING_AFTER)
    assert Destruction.objects.get().state == DestructionState.SHREDDED
