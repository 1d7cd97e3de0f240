"""`make run` with real processes: starts, is asked for twice, is killed, starts again, stops.

Nothing may be left behind.
"""

import http.client
import os
import signal
import stat
import sys

import psycopg
import pytest
import redis

from config.embedded.home import Home
from tests.house.installation import Installation

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("house")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("house")


@pytest.fixture(scope="module")
def running(folder):
    installation = Installation(folder).start()
    yield installation
    installation.end()


@pytest.fixture
def restarted(running):
    """The same installation once more, for a test that ends it."""
    if running.process.poll() is not None:
        running.start()
    return running


def connect(url):
    credentials, _, path = url.removeprefix("postgres://").partition("@/")
    user, _, password = credentials.partition(":")
    folder, _, database = path.rpartition("/")
    return psycopg.connect(host=folder, user=user, password=password, dbname=database, autocommit=True)


def mode(path):
    return oct(stat.S_IMODE(path.lstat().st_mode))


def test_the_start_shows_each_state_and_ends_with_one_ready_line_and_how_to_log_in(running):
    lines = running.said().splitlines()
    for name in ("postgres", "valkey", "web", "worker", "beat"):
        states = [
            line.split()[1] for line in lines if line.startswith(f"{name} ") and not line.startswith(f"{name:<9}|")
        ]
        assert states == ["starting", "ready"], name
    assert [line for line in lines if "Ready:" in line] == [f"Ready: {running.address}"]
    login = (running.home / "run" / "login.txt").read_text().splitlines()
    after = lines[lines.index(f"Ready: {running.address}") + 1 :]
    assert after[: len(login)] == login


def test_the_login_page_answers_at_the_address_it_named(running):
    line = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    line.request("GET", "/admin/")
    answer = line.getresponse()
    line.close()
    assert (answer.status, answer.getheader("Location").split("?")[1]) == (302, "next=/admin/")


def test_a_second_run_in_the_same_checkout_is_refused_and_names_the_first(running):
    second = running.module("config.run", PORT="1")
    assert second.returncode == 1
    assert f"already runs from this checkout at {running.address} (process {running.process.pid})" in second.stderr
    assert f"Mend: Use that one, or stop it first: kill {running.process.pid}" in second.stderr


def test_manage_py_in_another_terminal_works_on_the_same_data(running):
    asked = """if True:
        from django.db import connection
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_postmaster_start_time()")
            print(cursor.fetchone()[0])"""
    with connect(running.urls()["DATABASE_URL"]) as line:
        started = line.execute("SELECT pg_postmaster_start_time()").fetchone()[0]
    said = running.command(sys.executable, "manage.py", "shell", "-v", "0", "-c", asked)
    assert (said.stdout.strip(), said.returncode) == (str(started), 0), said.stderr


def test_a_command_joins_the_servers_that_run_already(running):
    said = running.alone(sys.executable, "-c", "import os; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'])")
    assert said.stdout.split() == [running.urls()["DATABASE_URL"], running.urls()["REDIS_URL"]]


def test_secrets_and_sockets_are_for_their_owner_only(running):
    sockets = Home(running.home).sockets
    private = [running.home / "postgres-passwords.json", running.home / "run" / "services.env"]
    assert [mode(path) for path in private] == ["0o600", "0o600"]
    assert [mode(path) for path in (sockets, sockets / ".s.PGSQL.5432", sockets / "valkey.sock")] == ["0o700"] * 3
    assert [mode(running.home / name) for name in ("postgres", "valkey", "run", "log")] == ["0o700"] * 4


def test_the_database_is_durable_silent_and_reached_by_its_password_alone(running):
    url = running.urls()["DATABASE_URL"]
    settings = ("fsync", "listen_addresses", "max_locks_per_transaction", "wal_recycle", "log_min_error_statement")
    with connect(url) as line:
        assert [line.execute(f"SHOW {name}").fetchone()[0] for name in settings] == ["on", "", "1024", "off", "panic"]
        assert line.execute("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = 'covenant'").fetchone() == (
            False,
            False,
        )
        line.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")  # what a plain owner of the database may install
    wrong = url.replace(url.split(":")[2].split("@")[0], "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(wrong)


def test_the_broker_keeps_what_it_has_and_evicts_nothing(running):
    with redis.from_url(running.urls()["CACHE_URL"]) as line:
        told = line.config_get("maxmemory-policy") | line.config_get("appendonly") | line.config_get("port")
    assert told == {"maxmemory-policy": "noeviction", "appendonly": "yes", "port": "0"}


def test_killing_the_supervisor_leaves_no_process_and_the_next_start_clears_what_lies_about(restarted):
    restarted.process.kill()
    restarted.process.wait()
    assert restarted.left_after(10) == {}
    assert (restarted.home / "run" / "services.env").exists()
    # The number in a dead server's pid file may belong to somebody else by now: here, to this very process.
    (restarted.home / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{restarted.home / 'postgres'}\n")
    restarted.start()
    assert restarted.said().count("Ready: ") == 1


def test_a_stop_is_clean_and_in_order(restarted):
    sockets = Home(restarted.home).sockets
    assert restarted.signal(signal.SIGTERM) == 0
    stopped = [line.split()[0] for line in restarted.said().splitlines() if line.endswith(" stopping")]
    assert stopped == ["web", "beat", "worker", "valkey", "postgres"]
    assert restarted.said().splitlines()[-1].split() == ["covenant", "stopped"]
    assert restarted.left_after(1) == {}
    assert (sockets.exists(), (restarted.home / "run" / "services.env").exists()) == (False, False)
