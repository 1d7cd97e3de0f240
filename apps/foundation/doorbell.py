"""Rings who looks at a work row, after the commit. A ring carries nothing, and a lost one costs a minute: sweeps ring again.

The kinds and the tasks they wake stand in config/wakeups.py, so that a lower floor needs to know nobody above it.
It must never make whoever rings wait for a broker that does not answer: the act stands already.
"""

import time

import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction

log = structlog.get_logger(__name__)

#: seconds that a broker is waited for. Its own settings have none: a worker that listens waits as long as nobody rings.
PATIENCE = 3
IMPATIENT = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE, "max_retries": 0}
#: seconds in which a process rings no more after a ring was lost: a sweep rings often, and would wait each time
REST = 20


class Bell:
    """The bell of this process, which rests after a ring that nobody answered."""

    def __init__(self) -> None:
        self._rests_until = 0.0

    def send(self, task: str) -> None:
        """Tell the broker; where it does not answer, the ring is lost and nothing else."""
        if time.monotonic() < self._rests_until:
            return
        try:
            # a connection of its own: those of Celery's pool take their patience from the settings, which workers share
            with current_app.connection_for_write(transport_options=IMPATIENT, connect_timeout=PATIENCE) as connection:
                current_app.send_task(task, connection=connection, retry=False)
        except Exception as error:  # a broker that is down must not undo what was committed
            self._rests_until = time.monotonic() + REST
            log.warning("doorbell_not_rung", task=task, error=type(error).__name__)


_bell = Bell()


def ring(kind: str) -> None:
    """Wake the task that the table of wake-ups names for `kind`, once the running transaction has committed."""
    task = settings.WAKEUPS[kind]
    transaction.on_commit(lambda: _send(task), robust=True)


def _send(task: str) -> None:
    _bell.send(task)
