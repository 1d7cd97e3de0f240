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


def compare(what: str, *, unit: str = "ms") -> "Race":
    """Begin to compare ways of doing one thing."""
    RACES.append(Race(what, unit))
    return RACES[-1]


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

    def __init__(self, what: str, unit: str):
        self.what, self.unit = what, unit
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

    def median(self, way: str) -> float:
        return statistics.median(self.taken[way])

    def ratio(self, way: str, other: str, wanted: str) -> None:
        """How many times the other's number ours is, round by round where both ran as often, else of the medians."""
        ours, others = self.taken[way], self.taken[other]
        found = [a / b for a, b in zip(ours, others, strict=True)] if len(ours) == len(others) else [self.median(way) / self.median(other)]
        note(self.what, f"{way} / {other}", statistics.median(found), "times", wanted=wanted, rounds=[round(one, 3) for one in found])

    def done(self) -> None:
        for way, numbers in self.taken.items():
            note(self.what, way, statistics.median(numbers), self.unit, rounds=[round(number, 2) for number in numbers])


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
    Path("bench.json").write_text(json.dumps(rows, indent=2) + "\n")
    print("\n" + "\n".join(map(_line, rows)))


def _line(row: dict) -> str:
    return f"{row['what']:<58} {row['way']:<58} {row['number']:>14,.2f} {row['unit']:<7} {row.get('wanted', '')}".rstrip()
