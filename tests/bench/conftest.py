"""Measuring, not testing: `make bench` collects bench_*.py here; numbers are printed and written to bench.json, none is asserted.

The database is a server of its own with the settings of a real installation (durable, its shared buffers by this machine's
memory), not the forgetful one of the tests. Whatever is compared runs in turn on that one server.
"""

import gc
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.db import connections

from config.embedded.home import Home
from config.embedded.postgres import Postgres

RESULTS: list[dict] = []
RACES: list["Race"] = []
LIMITS: dict[str, str] = {}


def compare(what: str, *, unit: str = "ms", counts: Callable[[list[float]], float] = statistics.median) -> "Race":
    """Begin to compare ways of doing one thing. Of what is short and easily disturbed the best round may count: `counts=min`."""
    RACES.append(Race(what, unit, counts))
    return RACES[-1]


def ask(sql: str, *values) -> list[tuple]:
    with connections["default"].cursor() as cursor:
        cursor.execute(sql, values or None)
        return cursor.fetchall() if cursor.description else []


def size(name: str, default: int) -> int:
    """A size from the environment."""
    return int(os.environ.get(name, default))


@pytest.fixture(scope="session")
def django_db_modify_db_settings():
    """Benches use a durable server, started here and gone with its folder afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="covenant-bench-"))
    server = Postgres(Home(folder))
    server.home.make()
    try:
        server.begin()
        server.wait()
        about = connections["default"].settings_dict
        word = server.passwords["postgres"]
        with psycopg.connect(host=str(server.home.sockets), dbname="postgres", user="postgres", password=word, autocommit=True) as master:
            master.execute("ALTER ROLE covenant SUPERUSER")  # emptying tables between benches goes past their triggers
        about |= {"HOST": str(server.home.sockets), "PASSWORD": server.passwords["covenant"]}
        yield
    finally:
        server.stop()
        server.home.remove_sockets()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def home(settings, tmp_path):
    settings.COVENANT_HOME = tmp_path
    return tmp_path


@contextmanager
def stopwatch():
    """Seconds of a block, in a list of one."""
    taken: list[float] = []
    began = time.perf_counter()
    yield taken
    taken.append(time.perf_counter() - began)


def note(what: str, way: str, number: float, unit: str = "ms", **more) -> None:
    """One number for the table and for bench.json."""
    RESULTS.append({"what": what, "way": way, "number": round(number, 3), "unit": unit} | more)


class Race:
    """What is compared: each way's times in turn, of which the medians count, and the ratios that are promised."""

    def __init__(self, what: str, unit: str, counts: Callable[[list[float]], float] = statistics.median):
        self.what, self.unit, self.counts = what, unit, counts
        self.taken: dict[str, list[float]] = {}

    def time(self, way: str, run: Callable[[], object], *, amount: int = 0) -> None:
        """Time one turn of one way; with rows/s as the unit it moves `amount` rows."""
        gc.collect()
        began = time.perf_counter()
        run()
        took = time.perf_counter() - began
        self.add(way, amount / took if self.unit == "rows/s" else took * 1000)

    def add(self, way: str, number: float) -> None:
        self.taken.setdefault(way, []).append(number)

    def number(self, way: str) -> float:
        return self.counts(self.taken[way])

    def ratio(self, way: str, other: str, wanted: str) -> None:
        """How many times the other's number ours is, round by round where both ran as often, else of what counts of each."""
        ours, others = self.taken[way], self.taken[other]
        in_turn = self.counts is statistics.median and len(ours) == len(others)
        found = [a / b for a, b in zip(ours, others, strict=True)] if in_turn else [self.number(way) / self.number(other)]
        note(self.what, f"{way} / {other}", statistics.median(found), "times", wanted=wanted, rounds=[round(one, 3) for one in found])

    def limited(self, text: str) -> None:
        """What limits it, and how far away what is possible is; printed below its numbers."""
        LIMITS[self.what] = text

    def done(self) -> None:
        for way, numbers in self.taken.items():
            note(self.what, way, self.number(way), self.unit, rounds=[round(number, 2) for number in numbers])


@pytest.fixture
def measure():
    """Times callables in turn (A B A B …) and keeps the medians, so that a noisy machine is noisy to both."""

    def side_by_side(what: str, *, rounds: int = 5, **ways):
        taken = {name: [] for name in ways}
        for _round in range(rounds):
            for name, way in ways.items():
                began = time.perf_counter()
                way()
                taken[name].append((time.perf_counter() - began) * 1000)
        for name, times in taken.items():
            note(what, name, statistics.median(times))

    return side_by_side


def pytest_sessionfinish():
    for race in RACES:
        race.done()
    if not RESULTS:
        return
    order = list(dict.fromkeys(row["what"] for row in RESULTS))
    rows = sorted(RESULTS, key=lambda row: (order.index(row["what"]), "wanted" in row))
    for row, following in zip(rows, [*rows[1:], {"what": ""}], strict=True):
        if row["what"] != following["what"] and row["what"] in LIMITS:
            row["limited_by"] = LIMITS[row["what"]]
    Path("bench.json").write_text(json.dumps(rows, indent=2) + "\n")
    print("\n" + "\n".join(map(_line, rows)))


def _line(row: dict) -> str:
    line = f"{row['what']:<58} {row['way']:<58} {row['number']:>14,.2f} {row['unit']:<7} {row.get('wanted', '')}".rstrip()
    return line + (f"\n    {row['limited_by']}" if "limited_by" in row else "")
