"""Deaths by SIGKILL: a child of the test does one piece of work, with connections of its own, and dies where it is told to.

The product knows nothing of it: its steps, or what it does to disk and database, are wrapped in the child, from outside.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from apps.assurance.fsck.examination import CHECKS, examine
from apps.foundation import keys
from apps.retention.models import Destruction
from apps.retention.services import destroy

#: what holds at any moment, also right after a death: the rest waits for the end of the work
ALWAYS = ("leaves", "accounts", "messages", "seals", "aside", "holds", "owed")

#: how a process changes what is on disk
ON_DISK = ("fsync", "link", "unlink", "pwrite", "ftruncate", "replace", "rename", "rmdir")


def fork(work: Callable[[], Any]) -> int:
    """Begin `work` in a child; returns its process id."""
    connections.close_all()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        keys.forget_all()  # a process of its own has derived nothing yet; a lease outlasts what others have
        work()
        status = 0
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(status)


def end_of(pid: int) -> int:
    """How a child ended: 0, 1 where it raised, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def in_child(work: Callable[[], Any]) -> int:
    return end_of(fork(work))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_step(name: str, when: str, is_it: Callable[[Destruction], bool]) -> None:
    """In a child: die right before or after a step of the destruction that `is_it` tells."""
    assert name in [step.__name__ for step in destroy.STEPS]

    def dying(step):
        @wraps(step)
        def wrapped(work_id, at):
            mine = is_it(Destruction.objects.get(pk=work_id))
            if mine and when == "before":
                die()
            step(work_id, at)
            if mine:
                die()

        return wrapped

    destroy.STEPS = tuple(dying(step) if step.__name__ == name else step for step in destroy.STEPS)


def at_call(owner: Any, name: str, number: int, when: str = "after") -> None:
    """In a child: die at one call of a function, before it begins or after it has returned."""
    original, calls = getattr(owner, name), [0]

    @wraps(original)
    def wrapped(*arguments, **given):
        calls[0] += 1
        if calls[0] == number and when == "before":
            die()
        result = original(*arguments, **given)
        if calls[0] == number:
            die()
        return result

    setattr(owner, name, wrapped)


def at_effect(number: int, is_it: Callable[[Destruction], bool], *, step: str = "") -> None:
    """In a child: die before (even) or after (odd) the n-th change to disk or database within one destruction, or one step of it."""
    state = {"on": False, "count": 0}

    def counted(original):
        @wraps(original)
        def wrapped(*arguments, **given):
            for moment in ("before", "after"):
                if moment == "after":
                    result = original(*arguments, **given)
                if state["on"]:
                    if state["count"] == number:
                        die()
                    state["count"] += 1
            return result

        return wrapped

    def counting(original):
        @wraps(original)
        def wrapped(work_id, at):
            state["on"] = is_it(Destruction.objects.get(pk=work_id))
            try:
                original(work_id, at)
            finally:
                state["on"] = False

        return wrapped

    assert step in ("", *[one.__name__ for one in destroy.STEPS])
    destroy.STEPS = tuple(counting(one) if step in ("", one.__name__) else one for one in destroy.STEPS)
    for name in ON_DISK:
        setattr(os, name, counted(getattr(os, name)))
    BaseDatabaseWrapper._commit = counted(BaseDatabaseWrapper._commit)
    CursorWrapper.execute = _outside_of_transactions(CursorWrapper.execute, counted)


def _outside_of_transactions(execute, counted):
    effect = counted(execute)

    @wraps(execute)
    def wrapped(self, sql, params=None):
        is_read = sql.lstrip()[:6].upper() in ("SELECT", "SET SE")
        return (execute if self.db.in_atomic_block or is_read else effect)(self, sql, params)

    return wrapped


#: a draft that a killed writer left under a name that nobody reads: swept some day, no harm until then
DEBRIS = "It was left behind by a writer that was killed."


def found(home: Path, *, at: datetime, only: tuple[str, ...] = tuple(CHECKS), most: int | None = None) -> list[str]:
    """What the examiner finds, as sentences; but for debris, which deaths leave behind."""
    findings = examine(at=at, folder=home, most=most).findings
    return [f"{check}: {one.object}: {one.why}" for check in only for one in findings[check] if one.why != DEBRIS]


@contextmanager
def clocks_of_the_test(settings) -> Iterator[None]:
    """Days pass between two lines of a test, on the database's clock nothing does."""
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660
    yield
