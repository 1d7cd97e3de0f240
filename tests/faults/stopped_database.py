"""A process that sweeps and pauses right before one of its commits, so that its database can be stopped there.

Run as a program: it reads a command a line and answers with one of JSON. `sweep N K` pauses before the K-th commit of that
sweep by answering "paused", and goes on when it reads a line.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402 - after Django is set up
from django.db import connections  # noqa: E402
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: E402

from apps.audit.services import journal  # noqa: E402
from apps.retention.services import sweep  # noqa: E402
from tests.faults import deaths, worlds  # noqa: E402

settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
settings.CLOCK_JUMP_HOURS = 24 * 3660
LEASE = timedelta(minutes=3)
commit, left = BaseDatabaseWrapper._commit, [-1]


def answer(what) -> None:
    print(json.dumps(what), flush=True)


def pausing(self):
    left[0] -= 1
    if left[0] == -1:
        answer("paused")
        sys.stdin.readline()
    return commit(self)


BaseDatabaseWrapper._commit = pausing


def do(command: str, *numbers: str):
    match command:
        case "begin":
            worlds.begin()
        case "day":
            worlds.a_day(int(numbers[0]))
        case "sweep":
            left[0] = int(numbers[1])
            found = sweep.sweep(at=worlds.end_of_day(int(numbers[0])) + int(numbers[2]) * LEASE)
            return {"destroyed": len(found.destroyed), "paused": left[0] < 0}
        case "examine":
            journal.write_owed()
            return deaths.found(Path(settings.COVENANT_HOME), at=worlds.end_of_day(int(numbers[0])) + 5 * LEASE)
        case "always":
            return deaths.found(Path(settings.COVENANT_HOME), at=worlds.end_of_day(int(numbers[0])), only=deaths.ALWAYS)
        case "once":
            worlds.each_thing_was_done_once()
    return "done"


for line in sys.stdin:
    try:
        answer(do(*line.split()))
    except Exception as error:  # the test decides what may be raised
        answer({"raised": type(error).__name__, "what": str(error)[:300], "at": datetime.now(UTC).isoformat()})
        connections.close_all()
    left[0] = -1
