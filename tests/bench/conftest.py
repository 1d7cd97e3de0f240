"""Measuring, not testing: `make bench` collects bench_*.py here; numbers are printed and written to bench.json, none is asserted."""

import json
import statistics
import time
from pathlib import Path

import pytest

RESULTS: list[dict] = []


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
        RESULTS.extend({"what": what, "way": name, "median_ms": round(statistics.median(times), 2)} for name, times in taken.items())

    return side_by_side


@pytest.fixture
def home(settings, tmp_path):
    settings.COVENANT_HOME = tmp_path
    return tmp_path


def pytest_sessionfinish():
    if RESULTS:
        Path("bench.json").write_text(json.dumps(RESULTS, indent=2) + "\n")
        print("\n" + "\n".join(f"{row['what']:<60} {row['way']:<28} {row['median_ms']:>12,.2f} ms" for row in RESULTS))
