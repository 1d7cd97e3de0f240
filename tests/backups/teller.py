"""A replay in a process of its own that kills itself with SIGKILL before, in or after the line with a given number.

Run as a program by test_replaying.py: teller.py before|within|after SEQUENCE, or with no arguments to the end. The product
knows nothing of it: what takes a line over is wrapped from outside.
"""

import os
import signal
import sys

import django

django.setup()

from apps.backups.services import replaying  # noqa: E402 - after Django is set up
from apps.foundation import clock  # noqa: E402
from apps.foundation.actors import SYSTEM  # noqa: E402
from tests.backups.handlers import HANDLERS  # noqa: E402


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if len(sys.argv) == 3:
    when, number = sys.argv[1], int(sys.argv[2])
    take_over, adopt = replaying._take_over, replaying.restoring.adopt

    def dying(line, *arguments, **options):
        if when == "before" and line.sequence == number:
            die()
        done = take_over(line, *arguments, **options)
        if when == "after" and line.sequence == number:
            die()
        return done

    def dying_within(line):
        done = adopt(line)
        if line.sequence == number:
            die()
        return done

    replaying._take_over = dying
    if when == "within":
        replaying.restoring.adopt = dying_within

done = replaying.replay(handlers=HANDLERS, by=SYSTEM, at=clock.now())
print(sum(done.repeated.values()), done.marked)
