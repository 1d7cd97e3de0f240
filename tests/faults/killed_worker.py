"""A real Celery worker that kills itself with SIGKILL right before or after one named step of the destruction of one secret.

Run as a program by test_destruction_killed.py: killed_worker.py STEP before|after SECRET, or with no arguments as a whole worker.
The product knows nothing of it: the steps are wrapped from outside, as the code's own list names them.
"""

import os
import signal
import sys

import django

django.setup()

from apps.retention.models import Destruction  # noqa: E402 - after Django is set up
from apps.retention.services import destroy  # noqa: E402
from config.celery import app  # noqa: E402


def dying(step, when: str, secret: str):
    def wrapped(work_id, at):
        is_it = Destruction.objects.get(pk=work_id).secret == secret
        if is_it and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        step(work_id, at)
        if is_it:
            os.kill(os.getpid(), signal.SIGKILL)

    return wrapped


if len(sys.argv) == 4:
    name, when, secret = sys.argv[1:]
    if name not in [step.__name__ for step in destroy.STEPS]:
        sys.exit(f"no step {name}")
    destroy.STEPS = tuple(dying(step, when, secret) if step.__name__ == name else step for step in destroy.STEPS)

app.worker_main(["worker", "--pool=solo", "--loglevel=WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"])
