"""A real Celery worker that kills itself with SIGKILL right before or after one named step of one day's destruction.

Run as a program by test_destruction_killed.py: killed_worker.py STEP before|after DAY, or with no arguments as a whole worker.
The product knows nothing of it: the steps are wrapped from outside, as the code's own list names them.
"""

import os
import signal
import sys
from datetime import date

import django

django.setup()

from apps.retention.models import Destruction  # noqa: E402 - after Django is set up
from apps.retention.services import destroy  # noqa: E402
from config.celery import app  # noqa: E402


def dying(step, when: str, day: date):
    def wrapped(work_id, at):
        is_it = Destruction.objects.get(pk=work_id).day == day
        if is_it and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        step(work_id, at)
        if is_it:
            os.kill(os.getpid(), signal.SIGKILL)

    return wrapped


if len(sys.argv) == 4:
    name, when, day = sys.argv[1], sys.argv[2], date.fromisoformat(sys.argv[3])
    if name not in [step.__name__ for step in destroy.STEPS]:
        sys.exit(f"no step {name}")
    destroy.STEPS = tuple(dying(step, when, day) if step.__name__ == name else step for step in destroy.STEPS)

app.worker_main(["worker", "--pool=solo", "--loglevel=WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"])
