"""Measuring, not testing: `make bench` collects bench_*.py here; numbers are printed and written to bench.json, none is asserted.

The database is a server of its own with the settings of a real installation (durable, its shared buffers by this machine's
memory), not the forgetful one of the tests. Whatever is compared runs in turn on that one server.
"""

import json
import os
import shutil
import statistics
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.db import connections

from config.embedded.home import Home
from config.embedded.postgres import Postgres

RESULTS: list[dict] = []


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
    if RESULTS:
        Path("bench.json").write_text(json.dumps(RESULTS, indent=2) + "\n")
        print("\n" + "\n".join(f"{row['what']:<72} {row['way']:<44} {row['number']:>14,.2f} {row['unit']}" for row in RESULTS))
