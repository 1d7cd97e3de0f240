"""How long others stand still while a day is destroyed and a report of 4 s over all leaves runs: ours, and plain DETACH and DROP.

Two others go on all the while, each in a process and a session of its own: one stores a row a time in a leaf of another day, one
looks for a row in all leaves. BENCH_PAUSE_ROWS (default 100,000) rows end each time, in three rounds.
"""

import multiprocessing
import time
from collections.abc import Callable
from datetime import date, timedelta
from multiprocessing.connection import Connection

import psycopg
import pytest
from django.db import connection

from apps.retention.models import Destruction
from apps.retention.services import destroy, leaves, sealing
from tests import cast
from tests.bench import filling
from tests.bench.conftest import ask, compare, size
from tests.bench.filling import leaf_of

ROWS = size("BENCH_PAUSE_ROWS", 100_000)
ROUNDS = 3
REPORT_SECONDS = 4
FIRST = cast.NOON.date() + timedelta(days=8)
LIVE = FIRST + timedelta(days=60)
STORE = (
    "INSERT INTO message SELECT nextval('message_id_seq'), '{day}', 1, 0, 1, substr(sha256(random()::text::bytea), 1, 16),"
    " ARRAY[sha256(random()::text::bytea)], sha256('x'), repeat('x', 400)::bytea"
)
LOOK = "SELECT count(*) FROM message WHERE source_tag = sha256('nobody')"


@pytest.fixture(autouse=True)
def clock_is_ours(settings):
    """Days pass between two lines of a bench."""
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660


class Other:
    """Somebody else at work: one statement after the other until told to stop, each timed."""

    def __init__(self, statement: str):
        parameters = connection.get_connection_params() | {"context": None, "cursor_factory": psycopg.Cursor, "prepare_threshold": None}
        forked = multiprocessing.get_context("fork")
        self.line, theirs = forked.Pipe()
        self.process = forked.Process(target=self.work, args=(parameters, statement, theirs))
        self.process.start()
        theirs.close()  # so that its end is seen here
        self.line.recv()

    @staticmethod
    def work(parameters: dict, statement: str, line: Connection) -> None:
        taken = []
        with psycopg.connect(**parameters, autocommit=True) as session:
            session.execute(statement)
            line.send("begun")
            while not line.poll():
                began = time.perf_counter()
                session.execute(statement)
                taken.append((time.perf_counter() - began) * 1000)
                time.sleep(0.002)
        line.send(taken)

    def longest(self) -> float:
        self.line.send("stop")
        taken = self.line.recv()
        self.process.join()
        assert len(taken) > 50, "nobody worked meanwhile"
        return max(taken)


def pauses(end: Callable[[], object]) -> tuple[float, float]:
    """The longest pause of whoever stores and of whoever looks, while `end` does away with a leaf."""
    ask("CHECKPOINT")
    storing, looking = Other(STORE.format(day=LIVE)), Other(LOOK)
    parameters = connection.get_connection_params() | {"context": None, "cursor_factory": psycopg.Cursor, "prepare_threshold": None}
    forked = multiprocessing.get_context("fork")
    report = forked.Process(target=_report, args=(parameters,))
    report.start()
    time.sleep(0.5)
    end()
    report.join()
    return storing.longest(), looking.longest()


def _report(parameters: dict) -> None:
    with psycopg.connect(**parameters) as session:
        session.execute("SELECT count(*) FROM message")
        time.sleep(REPORT_SECONDS)


def ours(day: date) -> None:
    destroy.destroy_due(at=cast.NOON + (day - cast.NOON.date()))
    assert Destruction.objects.get(day=day).state == "done"


def detached(day: date) -> None:
    ask(f"ALTER TABLE message DETACH PARTITION {leaf_of(day)}")
    ask(f"DROP TABLE {leaf_of(day)}")


@pytest.mark.django_db(transaction=True)
def bench_pauses_of_others(home):
    cast.house()
    clinic = cast.hill_clinic(7)
    leaves.make_leaves(at=cast.NOON, days=[LIVE])
    days = [FIRST + timedelta(days=number) for number in range(2 * ROUNDS)]
    for number, day in enumerate(days):
        filling.fill(clinic, day, ROWS, first=1 + number * ROWS)
    filling.settle("message")
    storing = compare(f"longest pause of who stores, {ROWS:,} rows end beside a report of {REPORT_SECONDS} s")
    looking = compare(f"longest pause of who looks into all leaves, {ROWS:,} rows end beside a report of {REPORT_SECONDS} s")
    for number in range(ROUNDS):
        day, other = days[number], days[ROUNDS + number]  # those detached come later, so that no sweep looks for them
        sealing.expire_due(at=cast.NOON + (day - cast.NOON.date()))
        for way, end in (("ours", lambda: ours(day)), ("DETACH and DROP", lambda: detached(other)), ("nobody ends anything", lambda: time.sleep(0.5))):  # noqa: B023
            stored, looked = pauses(end)
            storing.add(way, stored)
            looking.add(way, looked)
    storing.ratio("ours", "DETACH and DROP", "at most 1/20")
    looking.ratio("ours", "DETACH and DROP", "at most 1/20")
    storing.limited(
        "TRUNCATE locks the one leaf, which takes no rows any more: who stores waits for the processor and the disk only, as he does when"
        " nothing ends. Physical limit: that floor, measured beside it."
    )
    looking.limited(
        "Whoever plans over all leaves needs a lock on the one that is waited for: we ask for it 50 ms at a time with 250 ms between, so that he"
        " waits 50 ms and the emptying itself at the most. Physical limit: one emptying."
    )
