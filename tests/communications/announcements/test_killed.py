"""Whoever kills a sender at whatever step: the next one goes on, nobody gets it twice, and nobody is missed."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as live_settings
from django.db import connection

from apps.communications import promises
from apps.communications.models import Circular, Delivery
from apps.communications.services.circulars import reporting, sending
from apps.communications.states import CircularState
from apps.mail.models import OutgoingMail
from tests.cast import NOON
from tests.communications.announcements import circulars

pytestmark = pytest.mark.django_db(transaction=True)

CHECKOUT = Path(live_settings.BASE_DIR)
#: where each step may end: before anything, with everything done and nothing committed, and committed
PLACES = [
    ("start", "inside", 1), ("start", "after", 1), ("_claim", "after", 1), ("_fix", "inside", 2), ("_fix", "after", 1),
    ("_hand_over", "before", 1), ("_hand_over", "inside", 2), ("_hand_over", "after", 2), ("_let_go", "inside", 1),
]  # fmt: skip


@pytest.fixture
def run(home, server):
    """Another process that sends, and dies where it is told."""

    def one(step, when, turn, at) -> int:
        environment = os.environ | {
            "TEST_DATABASE": connection.settings_dict["NAME"], "EMAIL_URL": f"smtp://127.0.0.1:{server.port}", "COVENANT_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "tests.communications.announcements.killed_sender", step, when, str(turn), at.isoformat()],
            cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode in (0, -signal.SIGKILL), done.stderr[-2000:]
        return done.returncode

    return one


@pytest.mark.parametrize(("step", "when", "turn"), PLACES, ids=lambda value: str(value))
def test_a_sender_killed_at_any_step_is_carried_on_to_everybody_once(house, run, server, step, when, turn):
    everybody = circulars.readers(7)
    announcement = circulars.approved()
    assert run(step, when, turn, NOON) == -signal.SIGKILL
    again = NOON + sending.LEASE + timedelta(minutes=1)
    assert run("none", "-", 0, again) == 0
    sending.sweep(at=again + timedelta(minutes=1))
    assert sorted(server.recipients) == sorted(f"reader{number}@client.example" for number in range(1, 8))
    assert sorted(Delivery.objects.values_list("person_id", flat=True)) == sorted(one.pk for one in everybody)
    row = Circular.objects.get(pk=announcement.pk)
    assert (row.state, row.audience) == (CircularState.SENT, 7)
    assert reporting.report(row).lines == [("sent", "sent", 7)]
    assert OutgoingMail.objects.filter(is_bulk=True).count() == 7
    for check in promises.CHECKS:
        if check.promise == "P13":
            assert check.run(again + timedelta(hours=1)).violations == ()
