"""Broker and database flushed, frozen, killed and back, under real workers and real beats: the same end, once."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from celery import Celery, current_app

from apps.audit.services import heartbeat, journal
from apps.foundation import doorbell
from apps.retention.models import Destruction
from apps.retention.services import clock_guard
from config.embedded.broker import Broker
from config.embedded.home import Home
from config.embedded.postgres import Postgres
from tests.architecture.sources import CHECKOUT
from tests.faults import deaths, worlds
from tests.faults.test_destruction_killed import wait_until, worker

pytestmark = pytest.mark.chaos

DAYS = 6
#: seconds that whoever rings may wait for a broker that does not answer
PATIENCE = 8


@pytest.fixture
def broker(tmp_path_factory):
    """A Valkey of this test's own."""
    home = Home(tmp_path_factory.mktemp("broker"))
    home.make()
    server = Broker(home, throwaway=True)
    server.begin()
    server.wait()
    yield server
    with contextlib.suppress(ProcessLookupError):
        os.kill(server.process.pid, signal.SIGCONT)
    server.stop()
    home.remove_sockets()


@pytest.fixture
def due(home, settings, broker, monkeypatch):
    """Days of some months ago that nobody has destroyed yet, and workers that hear of them from this test's broker."""
    monkeypatch.setenv("REDIS_URL", broker.url())
    with deaths.clocks_of_the_test(settings):
        worlds.begin()
        for number in range(DAYS):
            worlds.a_day(number)
        heartbeat.beat(clock_guard.HEART, at=datetime.now(UTC))
        yield


def ring(broker) -> None:
    with contextlib.suppress(Exception):
        Celery(broker=broker.url(), set_as_current=False).send_task("retention.sweep", ignore_result=True, retry=False)


def rings(broker) -> None:
    """As a service does on commit, with the application's own settings but for the broker's address."""
    own = Celery(broker=broker.url(), set_as_current=False)
    own.config_from_object("django.conf:settings", namespace="CELERY")
    own.conf.broker_url = broker.url()
    own.set_current()
    assert current_app.connection_for_write().as_uri() == own.connection_for_write().as_uri()
    doorbell.ring("retention.due")


@contextlib.contextmanager
def at_work(*processes_at_work):
    try:
        yield
    finally:
        for process in processes_at_work:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGTERM)
        for process in processes_at_work:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def all_done() -> bool:
    time.sleep(0.5)
    works = Destruction.objects.all()
    return works.count() == DAYS and all(work.state == "done" for work in works)


def the_end_is_the_same_once(home) -> None:
    journal.write_owed()
    assert deaths.found(home, at=datetime.now(UTC)) == []
    worlds.each_thing_was_done_once()


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_flushed_loses_rings_and_nothing_else(home, due, broker):
    one = worker()
    with at_work(one):
        time.sleep(4)
        one.send_signal(signal.SIGSTOP)
        for _ in range(20):
            ring(broker)
        redis.Redis(unix_socket_path=str(broker.socket)).flushall()
        one.send_signal(signal.SIGCONT)
        wait_until(lambda: ring(broker) or all_done(), "every day destroyed")
    the_end_is_the_same_once(home)


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_killed_comes_back_and_is_heard_again(home, due, broker):
    one = worker()
    with at_work(one):
        time.sleep(4)
        os.kill(broker.process.pid, signal.SIGKILL)
        broker.process.wait()
        began = time.monotonic()
        assert deaths.in_child(lambda: rings(broker)) == 0
        assert time.monotonic() - began < PATIENCE, "who rings a broker that is gone waits for it"
        time.sleep(3)
        broker.begin()
        broker.wait()
        wait_until(lambda: ring(broker) or all_done(), "every day destroyed")
    the_end_is_the_same_once(home)


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_froze_loses_nothing(home, due, broker):
    one = worker()
    with at_work(one):
        time.sleep(4)
        os.kill(broker.process.pid, signal.SIGSTOP)
        time.sleep(5)
        os.kill(broker.process.pid, signal.SIGCONT)
        wait_until(lambda: ring(broker) or all_done(), "every day destroyed")
    the_end_is_the_same_once(home)


@pytest.mark.django_db(transaction=True)
def test_who_rings_a_broker_that_froze_does_not_wait_for_it(home, broker):
    """The ring is lost, the act stands, and whoever clicked has an answer; ten rings in a row wait no longer than one."""
    os.kill(broker.process.pid, signal.SIGSTOP)
    pid, until = deaths.fork(lambda: [rings(broker) for _ in range(10)]), time.monotonic() + PATIENCE
    while time.monotonic() < until and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.2)
    if time.monotonic() >= until:
        os.kill(pid, signal.SIGKILL)
    assert deaths.end_of(pid) == 0, f"who rang a frozen broker waited {PATIENCE} s and more"


@pytest.mark.django_db(transaction=True)
def test_two_beats_and_two_workers_end_every_day_once(home, due, broker, tmp_path):
    workers = [worker() for _ in range(2)]
    environment = os.environ | {
        "COVENANT_HOME": str(home), "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(CHECKOUT), "REDIS_URL": broker.url(),
    }  # fmt: skip
    program = str(Path(__file__).with_name("fast_beat.py"))
    beats = [subprocess.Popen([sys.executable, program, str(tmp_path / f"beat-{n}")], env=environment) for n in range(2)]
    with at_work(*workers, *beats):
        wait_until(all_done, "every day destroyed by two beats")
    the_end_is_the_same_once(home)


class Sweeper:
    """The program of stopped_database.py on a database of its own, which can be stopped in immediate mode."""

    def __init__(self, folder: Path):
        self.home = Home(folder)
        self.home.make()
        self.database = Postgres(self.home)  # durable, as a real installation's: a stop at once may lose nothing that was committed
        self.start()
        self.environment = os.environ | {
            "DATABASE_URL": self.database.url, "COVENANT_HOME": str(folder / "covenant"), "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": str(CHECKOUT),
        }  # fmt: skip
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=CHECKOUT, env=self.environment, check=True)
        program = str(Path(__file__).with_name("stopped_database.py"))
        self.program = subprocess.Popen(
            [sys.executable, program], cwd=CHECKOUT, env=self.environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def start(self):
        self.database.begin()
        self.database.wait()

    def stop_at_once(self):
        self.database.process.send_signal(signal.SIGQUIT)
        self.database.process.wait(30)

    def say(self, *words):
        self.program.stdin.write(" ".join(map(str, words)) + "\n")
        self.program.stdin.flush()

    def hear(self):
        return json.loads(self.program.stdout.readline())

    def ask(self, *words):
        self.say(*words)
        return self.hear()

    def end(self):
        self.program.stdin.close()
        self.program.wait(30)
        self.database.stop()
        self.home.remove_sockets()


@pytest.fixture
def sweeper(tmp_path_factory):
    made = Sweeper(tmp_path_factory.mktemp("database"))
    yield made
    made.end()


def test_a_database_stopped_at_once_before_any_commit_leads_to_the_same_end_once(sweeper):
    assert sweeper.ask("begin") == "done"
    stops = 0
    while True:
        assert sweeper.ask("day", stops) == "done"
        answer = sweeper.ask("sweep", stops, stops, 0)
        if answer != "paused":
            break
        sweeper.stop_at_once()
        sweeper.say("go")
        assert "raised" in (answer := sweeper.hear()) or answer["destroyed"] == 0
        sweeper.start()
        assert sweeper.ask("always", stops) == [], f"after a stop before commit {stops}"
        assert sweeper.ask("sweep", stops, 10_000, 1).keys() == {"destroyed", "paused"}
        assert sweeper.ask("sweep", stops, 10_000, 2).keys() == {"destroyed", "paused"}
        assert sweeper.ask("examine", stops) == [], f"after a stop before commit {stops}"
        stops += 1
    assert answer == {"destroyed": 1, "paused": False}
    assert stops > 10
    assert sweeper.ask("examine", stops) == []
    assert sweeper.ask("once") == "done"
