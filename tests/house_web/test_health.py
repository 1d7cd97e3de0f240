"""The probes: alive without asking anybody, ready only when every part is, nothing told that helps a stranger."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from apps.audit.models import Heartbeat
from apps.audit.services import heartbeat, installation, journal
from apps.foundation import clock, signing
from config import health

pytestmark = pytest.mark.django_db(transaction=True)

STRANGE_HOST = "probe.invalid"


@pytest.fixture
def everything_runs(settings, tmp_path):
    """An installation of its own, with a journal that begins and a worker that was just heard from."""
    settings.COVENANT_HOME = tmp_path
    signing.create_missing()
    at = clock.now()
    installation.ensure(at)
    journal.open_journal(at)
    heartbeat.beat("worker", at=at)


def probe(address, **headers):
    return Client(HTTP_HOST=STRANGE_HOST).get(address, headers=headers)


def test_alive_answers_without_asking_the_database(django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = probe("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"alive": True})


@pytest.mark.usefixtures("everything_runs")
def test_ready_when_every_part_is():
    answer = probe("/readyz")

    assert answer.json() == {
        "ready": True,
        "parts": {name: {"state": "ok", "mend": ""} for name in ("database", "broker", "worker", "journal")},
    }
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("everything_runs")
def test_a_worker_that_fell_silent_makes_it_not_ready_and_says_the_mend():
    Heartbeat.objects.filter(name="worker").update(at=clock.now() - timedelta(minutes=4))

    answer = probe("/readyz")

    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert answer.json()["parts"]["worker"] == {
        "state": "down",
        "mend": "Start a worker and the beat, and look at their logs: none was heard from in the last minutes.",
    }


def test_no_worker_ever_heard_from_is_not_ready():
    Heartbeat.objects.all().delete()

    assert probe("/readyz").json()["parts"]["worker"]["state"] == "down"


@pytest.mark.usefixtures("everything_runs")
def test_a_broker_that_does_not_answer_is_named_without_its_address(monkeypatch):
    monkeypatch.setattr(health.current_app.conf, "broker_url", "redis+socket:///nowhere/pa55word.sock")
    monkeypatch.setattr(health.current_app.conf, "broker_write_url", "redis+socket:///nowhere/pa55word.sock")

    answer = probe("/readyz")

    assert answer.json()["parts"]["broker"]["state"] == "down"
    assert answer.status_code == 503
    assert b"pa55word" not in answer.content


@pytest.mark.usefixtures("everything_runs")
def test_a_journal_out_of_step_is_not_ready(settings):
    lines = list(journal.read())
    assert lines
    path = next(file for file in (settings.COVENANT_HOME / "journal").iterdir() if file.suffix == ".ndjson")
    kept = path.read_bytes()
    try:
        path.write_bytes(b"")
        answer = probe("/readyz")
    finally:
        path.write_bytes(kept)

    assert answer.status_code == 503
    assert answer.json()["parts"]["journal"]["state"] == "down"
    assert answer.json()["parts"]["journal"]["mend"] != ""


def test_a_database_that_does_not_answer_leaves_it_alive_and_not_ready(monkeypatch):
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    monkeypatch.setitem(connection.settings_dict, "NAME", "pa55word")

    ready, alive = probe("/readyz"), probe("/healthz")

    monkeypatch.undo()
    connection.close()
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert ready.json()["parts"]["database"]["state"] == "down"
    assert b"nowhere" not in ready.content
    assert b"pa55word" not in ready.content


def test_a_probe_sets_no_cookie_and_is_not_redirected(settings):
    settings.SECURE_SSL_REDIRECT = True

    answer = probe("/healthz")

    assert answer.status_code == 200
    assert dict(answer.cookies) == {}


def test_a_probe_only_asks(client):
    assert client.post("/healthz").status_code == 405
    assert client.post("/readyz").status_code == 405


def test_metrics_do_not_exist_without_a_token_in_the_settings():
    assert probe("/metrics").status_code == 404


def test_metrics_are_for_who_has_the_token(settings):
    settings.METRICS_TOKEN = "let-me-count"

    assert probe("/metrics").status_code == 401
    assert probe("/metrics", authorization="Bearer other").status_code == 401
    answer = probe("/metrics", authorization="Bearer let-me-count")
    assert answer.status_code == 200
    assert b"django_http_requests_before_middlewares_total" in answer.content
