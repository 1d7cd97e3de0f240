"""Rings who looks at a work row, after the commit. A ring carries nothing, and a lost one costs a minute: sweeps ring again.

The kinds and the tasks they wake stand in config/wakeups.py, so that a lower floor needs to know nobody above it.
"""

import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction

log = structlog.get_logger(__name__)


def ring(kind: str) -> None:
    """Wake the task that the table of wake-ups names for `kind`, once the running transaction has committed."""
    task = settings.WAKEUPS[kind]
    transaction.on_commit(lambda: _send(task), robust=True)


def _send(task: str) -> None:
    try:
        current_app.send_task(task, retry=False)
    except Exception as error:  # a broker that is down must not undo what was committed
        log.warning("doorbell_not_rung", task=task, error=type(error).__name__)
