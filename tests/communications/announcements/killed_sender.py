"""A process that sends what is due and kills itself with SIGKILL before, in the middle of, or after the n-th call of one step.

    python -m tests.communications.announcements.killed_sender STEP before|inside|after N 2026-03-08T12:00:00+00:00

The product knows nothing of it: the step is wrapped from outside. `inside` is after its statements and before its commit.
"""

import os
import signal
import sys
from datetime import datetime, timedelta

import django
from django.db import connections, transaction

django.setup()
connections.databases["default"]["NAME"] = os.environ["TEST_DATABASE"]

from apps.communications.services.circulars import sending  # noqa: E402 - Django first
from apps.mail.services import outbox  # noqa: E402

sending.CHUNK, sending.FIXED_AT_ONCE = 3, 4


def dying(step, when: str, turn: int):
    calls = 0

    def wrapped(*arguments, **more):
        nonlocal calls
        calls += 1
        if calls != turn:
            return step(*arguments, **more)
        if when == "inside":
            with transaction.atomic():
                step(*arguments, **more)
                os.kill(os.getpid(), signal.SIGKILL)
        if when == "after":
            step(*arguments, **more)
        return os.kill(os.getpid(), signal.SIGKILL)

    return wrapped


step, when, turn, moment = sys.argv[1:]
if step != "none":
    setattr(sending, step, dying(getattr(sending, step), when, int(turn)))
sending.sweep(at=datetime.fromisoformat(moment))
outbox.send_due(at=datetime.fromisoformat(moment) + timedelta(seconds=10))
