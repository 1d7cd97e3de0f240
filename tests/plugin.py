"""Gives a test run its own PostgreSQL and Valkey before Django reads its settings; loaded with `-p tests.plugin`.

The servers belong to a keeper process, which ends them and removes their folder as soon as this process is gone,
however it went. Must never hand a test the servers or the files of the checkout: whatever URLs the environment names
are replaced.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
DATABASES_A_WORKER = 2  # of Valkey: one for the queue, one for the cache

# What a caller has set for an installation of theirs decides nothing in a test.
CALLERS_OWN = (
    "SECRET_KEY",
    "DEMO",
    "HTTPS",
    "PORT",
    "BASE_URL",
    "ALLOWED_HOSTS",
    "EMAIL_URL",
    "DATABASE_POOL",
    "LOG_LEVEL",
)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config):
    """As a wrapper this runs ahead of pytest-django, which reads the settings in the same hook."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    # each worker has servers of its own: a transaction open in one would hold back the ledger's seals in the other
    early_config.add_cleanup(_start_servers())
    _take_own_part(worker)
    return (yield)


def _start_servers():
    keeper = subprocess.Popen(
        [sys.executable, "-m", "config.embedded.throwaway"],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "CACHE_URL")
        },
    )
    said = json.loads(keeper.stdout.readline() or '{"trouble": "the test servers did not start"}')
    if "trouble" in said:
        raise pytest.UsageError(said["trouble"])
    os.environ["COVENANT_TEST_FOLDER"] = said["folder"]
    os.environ["COVENANT_TEST_URLS"] = json.dumps(said["urls"])

    def stop():
        keeper.stdin.close()
        keeper.stdout.close()
        keeper.wait(60)

    return stop


def _take_own_part(worker):
    """Servers, a home, a queue and a cache for each worker."""
    urls = json.loads(os.environ["COVENANT_TEST_URLS"])
    number = int(worker.removeprefix("gw")) + 1 if worker else 0
    queue = number * DATABASES_A_WORKER
    urls["REDIS_URL"] = urls["REDIS_URL"].replace("virtual_host=0", f"virtual_host={queue}")
    urls["CACHE_URL"] = urls["CACHE_URL"].replace("db=1", f"db={queue + 1}")
    home = Path(os.environ["COVENANT_TEST_FOLDER"]) / f"home-{worker or 'main'}"
    home.mkdir(mode=0o700, exist_ok=True)
    os.environ.update(urls, COVENANT_HOME=str(home))
    for name in CALLERS_OWN:
        os.environ.pop(name, None)


def pytest_report_header():
    return f"servers: throw-away PostgreSQL and Valkey in {tempfile.gettempdir()}"
