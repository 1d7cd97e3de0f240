"""The doorbell after the commit, with a real broker: it rings, it never waits long, and it rings again when it has rested."""

import contextlib
import os
import signal
import time

import pytest
import redis
from celery import Celery, current_app
from django.db import transaction

from apps.foundation import doorbell
from config.embedded.broker import Broker
from config.embedded.home import Home


@pytest.fixture
def broker(tmp_path_factory, monkeypatch):
    """A Valkey of this test's own, to which this process rings with the settings of the application."""
    home = Home(tmp_path_factory.mktemp("broker"))
    home.make()
    server = Broker(home, throwaway=True)
    server.begin()
    server.wait()
    before = current_app._get_current_object()
    own = Celery(set_as_current=False)
    own.config_from_object("django.conf:settings", namespace="CELERY")
    own.conf.broker_url = server.url()
    own.set_current()
    monkeypatch.setattr(doorbell, "_bell", doorbell.Bell())
    yield server
    before.set_current()
    with contextlib.suppress(ProcessLookupError):
        os.kill(server.process.pid, signal.SIGCONT)
    server.stop()
    home.remove_sockets()


def waiting(broker) -> int:
    return redis.Redis(unix_socket_path=str(broker.socket)).llen("celery")


@pytest.mark.django_db(transaction=True)
def test_it_rings_after_the_commit_and_not_before(broker):
    with transaction.atomic():
        doorbell.ring("retention.due")
        assert waiting(broker) == 0
    assert waiting(broker) == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_taken_back_rings_nobody(broker):
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        doorbell.ring("retention.due")
        raise ZeroDivisionError
    assert waiting(broker) == 0


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_froze_is_waited_for_once_and_rung_again_after_a_rest(broker, monkeypatch):
    monkeypatch.setattr(doorbell, "PATIENCE", 1)
    monkeypatch.setattr(doorbell, "IMPATIENT", doorbell.IMPATIENT | {"socket_timeout": 1})
    monkeypatch.setattr(doorbell, "REST", 2)
    os.kill(broker.process.pid, signal.SIGSTOP)
    began = time.monotonic()
    for _ in range(10):
        doorbell.ring("retention.due")
    assert time.monotonic() - began < 2, "each ring waits for a broker that does not answer"
    os.kill(broker.process.pid, signal.SIGCONT)
    there = waiting(broker)
    time.sleep(2)
    doorbell.ring("retention.due")
    assert waiting(broker) == there + 1


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_gone_is_not_waited_for(broker):
    os.kill(broker.process.pid, signal.SIGKILL)
    broker.process.wait()
    began = time.monotonic()
    doorbell.ring("retention.due")
    assert time.monotonic() - began < 1
