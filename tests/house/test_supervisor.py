"""The supervisor with small real children: what they say is passed on, one that ends ends all, a stubborn one is ended."""

import contextlib
import os
import signal
import sys
import time

import pytest

from config.embedded.supervisor import Child, Stopped, Supervisor
from config.embedded.trouble import Trouble
from tests.house.installation import CHECKOUT

SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
IS_DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
HAS_A_CHILD = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, 'up', flush=True); p.wait()"


def child(name, program, **options):
    return Child(name, [sys.executable, "-c", program], sign=b"up", **options)


@pytest.fixture
def said():
    return []


@pytest.fixture
def supervisor(said):
    with Supervisor({"A_URL": "given"}, CHECKOUT, said.append).listening() as supervisor:
        yield supervisor
        supervisor.stop([[child.name for child in supervisor.children]])


def start(supervisor, *children):
    for one in children:
        supervisor.start(one)
    supervisor.wait_until(lambda: all(one.ready for one in children), "not up", patience=20)


def test_a_step_runs_to_its_end_with_the_environment_and_its_words_are_passed_on(supervisor, said):
    told = "import os, sys; print(os.environ['A_URL']); print('wrong', file=sys.stderr); sys.exit(3)"
    assert supervisor.step(child("prepare", told)) == (3, "given\nwrong")
    assert said == ["prepare   starting", "prepare  | given", "prepare  | wrong"]
    assert supervisor.children == []


def test_one_that_ends_by_itself_is_named_and_its_last_words_are_heard(supervisor, said):
    last = child(
        "worker",
        "import os, time; print('up', flush=True); time.sleep(0.3); print('farewell', flush=True); os._exit(4)",
    )
    start(supervisor, child("web", SLEEPS), last)
    with pytest.raises(Trouble, match="worker ended by itself \\(exit status 4\\); everything else is stopped with it"):
        supervisor.watch()
    assert said[-1] == "worker   | farewell"


def test_one_that_is_killed_is_named_with_the_signal(supervisor):
    beat = child("beat", SLEEPS)
    start(supervisor, beat)
    beat.process.kill()
    with pytest.raises(Trouble, match="beat ended by itself \\(killed by SIGKILL\\)"):
        supervisor.watch()


def test_a_request_to_stop_ends_the_watching_and_the_children_end_in_order(supervisor, said):
    start(supervisor, child("web", SLEEPS), child("worker", SLEEPS))
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Stopped):
        supervisor.watch()
    supervisor.stop([["web"], ["worker"]])
    assert said[-2:] == ["web       stopping", "worker    stopping"]
    assert [one.process.returncode for one in supervisor.children] == [-signal.SIGTERM, -signal.SIGTERM]


def test_a_stubborn_child_is_killed_when_its_time_is_over(supervisor):
    deaf = child("worker", IS_DEAF, patience=1)
    start(supervisor, deaf)
    began = time.monotonic()
    supervisor.stop([["worker"]])
    assert (deaf.process.returncode, time.monotonic() - began < 3) == (-signal.SIGKILL, True)


def test_what_a_child_left_in_its_group_ends_with_it(supervisor, said):
    start(supervisor, child("worker", HAS_A_CHILD))
    grandchild = int(next(line for line in said if line.endswith(" up")).split()[2])
    supervisor.stop([["worker"]])
    until = time.monotonic() + 5
    while alive(grandchild) and time.monotonic() < until:
        time.sleep(0.02)
    assert alive(grandchild) is False


def alive(number):
    """Whether a process runs; one that nobody waited for does not."""
    with contextlib.suppress(OSError), open(f"/proc/{number}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"
    return False
