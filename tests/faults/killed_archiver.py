"""A real Celery worker that kills itself with SIGKILL right before or after one named step of one organization's archiving.

Run as a program by test_archives_killed.py: killed_archiver.py STEP before|after ORG-…, or with no arguments as a whole worker.
The product knows nothing of it: the steps are wrapped from outside, as the code's own list names them.
"""

import os
import signal
import sys

import django

django.setup()

from apps.retention.models import Archive  # noqa: E402 - after Django is set up
from apps.retention.services import archiving  # noqa: E402
from config.celery import app  # noqa: E402


def dying(step, when: str, organization: str):
    def wrapped(archive_id, at):
        is_it = Archive.objects.filter(pk=archive_id, cohort__organization__reference=organization).exists()
        if is_it and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        step(archive_id, at)
        if is_it:
            os.kill(os.getpid(), signal.SIGKILL)

    return wrapped


if len(sys.argv) == 4:
    name, when, organization = sys.argv[1:]
    if name not in [step.__name__ for step in archiving.STEPS]:
        sys.exit(f"no step {name}")
    archiving.STEPS = tuple(dying(step, when, organization) if step.__name__ == name else step for step in archiving.STEPS)

app.worker_main(["worker", "--pool=solo", "--loglevel=WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"])
