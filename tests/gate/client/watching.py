"""What a thread of this process connects to, as the interpreter itself reports it, beside what the gate recorded."""

import sys
import threading
from collections import Counter

import pytest

from apps.gate.models import Crossing

Address = tuple[str, int]


class Watch:
    """Notes what one thread of this process connects to."""

    def __init__(self):
        self.noted: list = []
        self.thread: int | None = None
        sys.addaudithook(self._note)  # for the rest of the process; it notes only while a test watches

    def _note(self, event: str, given: tuple) -> None:
        if event == "socket.connect" and threading.get_ident() == self.thread:
            self.noted.append(given[1])


WATCH = Watch()


@pytest.fixture
def watched():
    WATCH.noted, WATCH.thread = [], threading.get_ident()
    yield WATCH.noted
    WATCH.thread = None


def off_this_machine(noted: list) -> list[Address]:
    """Addresses of the network; a unix socket leads nowhere else."""
    return [(one[0], one[1]) for one in noted if isinstance(one, tuple)]


def unmatched(noted: list, named: set[Address]) -> tuple[list[Address], list[Address]]:
    """What was opened and is neither recorded nor named; what is recorded and was not opened."""
    opened = Counter(one for one in off_this_machine(noted) if one not in named)
    recorded = Counter(Crossing.objects.values_list("address", "port"))
    return sorted((opened - recorded).elements()), sorted((recorded - opened).elements())
