"""SIGKILL of a real worker before and after every step of a destruction: the same end, once.

The steps come from the code's own list, so that a new step without this test can't exist. One day of messages, one bundle or
one archive for each place of death; each worker first ends what the one before it left, then dies at its own place.
"""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery
from django.conf import settings as live_settings

from apps.audit.models import Heartbeat, JournalEntry
from apps.audit.services import heartbeat, journal
from apps.foundation.keys import keystore
from apps.retention.models import Archive, AsideMessage, Certificate, Cohort, Destruction, Message
from apps.retention.services import accounts, clock_guard, destroy, sweep
from apps.retention.states import ArchiveState, CohortState, DestructionState
from tests import cast
from tests.faults import deaths, worlds

DEATHS = [(step.__name__, when) for step in destroy.STEPS for when in ("before", "after")]
PATIENCE = 90


def worker(*death: str) -> subprocess.Popen:
    database = live_settings.DATABASES["default"]
    url = os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + database["NAME"]
    environment = os.environ | {
        "DATABASE_URL": url,
        "COVENANT_HOME": str(live_settings.COVENANT_HOME),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "RETENTION_LEASE_SECONDS": "1",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    return subprocess.Popen([sys.executable, str(Path(__file__).with_name("killed_worker.py")), *death], env=environment)


def wait_until(condition, what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            pytest.fail(f"waited {PATIENCE} s for: {what}", pytrace=False)
        time.sleep(0.1)


def ring() -> None:
    Celery(broker=os.environ["REDIS_URL"]).send_task("retention.sweep", ignore_result=True)


def each_dies_in_its_turn(secrets: list[str]) -> None:
    """One worker for each place of death and secret, and one in the end that lives."""
    assert len(secrets) == len(DEATHS)
    for (step, when), secret in zip(DEATHS, secrets, strict=True):
        dying = worker(step, when, secret)
        until = time.monotonic() + PATIENCE
        while dying.poll() is None and time.monotonic() < until:
            ring()
            time.sleep(1.2)  # over the lease, so that what the last one left can be taken up
        assert dying.wait(1) == -signal.SIGKILL, f"the worker did not die {when} {step}"

    whole = worker()
    try:

        def all_done():
            ring()
            time.sleep(1)
            works = Destruction.objects.filter(secret__in=secrets, state=DestructionState.DONE)
            return works.count() == len(secrets) and not Destruction.objects.exclude(state=DestructionState.DONE).exists()

        wait_until(all_done, "every destruction done")
    finally:
        whole.send_signal(signal.SIGTERM)
        whole.wait(30)
    journal.write_owed()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_at_any_step_of_a_destruction_leads_to_the_same_end_once(home):
    cast.house()
    clinic = cast.hill_clinic(7)
    mercy = cast.client("Mercy General", archive="hosted")
    cast.rule(mercy, 7)
    for number, _death in enumerate(DEATHS):
        at = cast.NOON + timedelta(days=number)
        cast.hand_over(clinic, [cast.message(n, at=at) for n in range(1, 6)], at=at, key=f"b{number}")
        cast.hand_over(mercy, [cast.message(n, at=at) for n in range(1, 4)], at=at, key=f"b{number}")
    days = list(Cohort.objects.filter(organization=clinic).order_by("expiry_on").values_list("expiry_on", flat=True))
    each_dies_in_its_turn([f"day/{day.isoformat()}" for day in days])

    destroyed = Cohort.objects.filter(organization=clinic)
    assert [cohort.state for cohort in destroyed] == [CohortState.DESTROYED] * len(days)
    assert Certificate.objects.count() == len(days)
    assert keystore().names("day") == []
    assert Message.objects.on_days(days).count() == 0
    kept = Cohort.objects.filter(organization=mercy)
    assert [(cohort.state, accounts.account_of(cohort).aside_for_archive) for cohort in kept] == [("expired", 3)] * len(days)
    assert [accounts.account_of(cohort).balance for cohort in Cohort.objects.all()] == [0] * 2 * len(days)
    worlds.each_thing_was_done_once()
    assert JournalEntry.objects.filter(sequence=None).count() == 0
    assert journal.status().in_step
    assert deaths.found(home, at=datetime.now(UTC)) == []


@pytest.fixture
def past(settings):
    """What was set up lies months back; the workers' own settings are the usual ones."""
    with deaths.clocks_of_the_test(settings):
        yield
    Heartbeat.objects.all().delete()


def the_clock_is_right() -> None:
    """The last heartbeat of the past would look like a jump to workers that live today."""
    heartbeat.beat(clock_guard.HEART, at=datetime.now(UTC))


@pytest.mark.chaos
@pytest.mark.django_db(transaction=True)
def test_workers_killed_over_what_had_stepped_aside_lead_to_the_same_end_once(home, past):
    worlds.begin()
    secrets = []
    for number in range(len(DEATHS)):
        worlds.a_day(number)
        sweep.sweep(at=worlds.end_of_day(number))
    for number in range(len(DEATHS)):
        at, bundle = worlds.a_bundle_falls_due(number)
        destroy.open_due(at=at)  # each with a day of its own: that is the order in which workers take them up
        secrets.append(bundle.secret)
    the_clock_is_right()
    each_dies_in_its_turn(secrets)
    assert AsideMessage.objects.filter(ground="hold").count() == 0
    worlds.each_thing_was_done_once()
    assert deaths.found(home, at=datetime.now(UTC)) == []


@pytest.mark.chaos
@pytest.mark.django_db(transaction=True)
def test_workers_killed_over_hosted_archives_lead_to_the_same_end_once(home, past):
    worlds.begin(archive=True)
    secrets = []
    for number in range(len(DEATHS)):
        worlds.a_day(number, hold=False)
        secrets.append(f"archive/{worlds.an_archive_closes(number)[1].reference}")
        sweep.sweep(at=worlds.end_of_day(number))
    the_clock_is_right()
    each_dies_in_its_turn(secrets)
    assert set(Archive.objects.values_list("state", flat=True)) == {ArchiveState.DESTROYED}
    worlds.each_thing_was_done_once()
    assert deaths.found(home, at=datetime.now(UTC)) == []
