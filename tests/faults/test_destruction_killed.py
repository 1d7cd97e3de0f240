"""SIGKILL of a real worker before and after every step of a destruction: the same end, once.

The steps come from the code's own list, so that a new step without this test can't exist. One day of messages for each
place of death; each worker first ends what the one before it left, then dies at its own place.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from celery import Celery
from django.conf import settings as live_settings

from apps.audit.models import Event, JournalEntry
from apps.audit.services import journal
from apps.foundation.keys import keystore
from apps.retention.models import Certificate, Cohort, Destruction, Message
from apps.retention.services import accounts, destroy
from apps.retention.states import CohortState, DestructionState
from tests import cast

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
    assert len(days) == len(DEATHS)

    for (step, when), day in zip(DEATHS, days, strict=True):
        dying = worker(step, when, day.isoformat())
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
            return Destruction.objects.exclude(state=DestructionState.DONE).count() == 0

        wait_until(all_done, "every day destroyed")
    finally:
        whole.send_signal(signal.SIGTERM)
        whole.wait(30)

    destroyed = Cohort.objects.filter(organization=clinic)
    assert [cohort.state for cohort in destroyed] == [CohortState.DESTROYED] * len(days)
    assert Certificate.objects.count() == len(days)
    assert Counter(Event.objects.filter(verb="cohort.destroyed").values_list("object", flat=True)) == Counter(
        {cohort.reference: 1 for cohort in destroyed}
    )
    assert keystore().names("day") == []
    assert Message.objects.on_days(days).count() == 0
    kept = Cohort.objects.filter(organization=mercy)
    assert [(cohort.state, accounts.account_of(cohort).aside_for_archive) for cohort in kept] == [("expired", 3)] * len(days)
    assert [accounts.account_of(cohort).balance for cohort in Cohort.objects.all()] == [0] * 2 * len(days)

    kinds = Counter((line.kind, line.about) for line in journal.read() if line.kind.startswith("destruction."))
    expected = {(kind, work.reference): 1 for work in Destruction.objects.all() for kind in ("destruction.intended", "destruction.done")}
    assert kinds == Counter(expected)
    assert JournalEntry.objects.filter(sequence=None).count() == 0
    assert journal.status().in_step
