"""Every hostile file is refused for what it is, within bounded time and memory, and whoever had it read goes on as before."""

import resource
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps.contacts.reading import files, isolation
from apps.contacts.reading.bounds import Bounds
from apps.contacts.reading.refused import WHY, FileRefused
from tests.contacts.reading import hostile

SINCE, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 1, 30, tzinfo=UTC)
#: tighter than in the house where only time is meant, so that the test does not take all of it
HASTY = Bounds(processor_seconds=4, seconds=40, most_details=5_000)
WITHIN = 45  # seconds on a busy machine; without bounds the same files took minutes or did not end
GROWTH = 120 << 10  # KB by which this process may have grown: the file itself and copies of it


def grown_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("name", hostile.CARDS)
def test_a_hostile_address_book_is_refused(name: str):
    made, code = hostile.CARDS[name]
    data, before, begun = made(), grown_kb(), time.monotonic()

    with pytest.raises(FileRefused) as refused:
        files.read_cards(data, bounds=HASTY)

    assert refused.value.code == code
    assert time.monotonic() - begun < WITHIN
    assert grown_kb() - before < GROWTH


@pytest.mark.parametrize("name", hostile.CALENDARS)
def test_a_hostile_calendar_is_refused(name: str):
    made, code = hostile.CALENDARS[name]
    data, before, begun = made(), grown_kb(), time.monotonic()

    with pytest.raises(FileRefused) as refused:
        files.read_calendar(data, since=SINCE, until=UNTIL, bounds=HASTY)

    assert refused.value.code == code
    assert time.monotonic() - begun < WITHIN
    assert grown_kb() - before < GROWTH


def test_memory_is_bounded_by_the_kernel():
    data = hostile.calendar(hostile.event(f"RRULE:FREQ=DAILY;BYMINUTE={hostile.numbers(60)};BYHOUR={hostile.numbers(16)}"))

    with pytest.raises(FileRefused) as refused:
        files.read_calendar(data, since=SINCE, until=UNTIL, bounds=Bounds(memory=100 << 20))

    assert refused.value.code == "took_too_much_memory"


def children() -> set[str]:
    """The processes that this one has started, dead or alive; servers of other tests may be among them."""
    return set(" ".join(path.read_text() for path in Path("/proc/self/task").glob("*/children")).split())


def test_one_clock_runs_for_all_files_and_no_process_is_left():
    never = hostile.calendar(hostile.event("RRULE:FREQ=DAILY;INTERVAL=0"))
    begun, before = time.monotonic(), children()

    answers = files.read_calendars_of([never] * 20, since=SINCE, until=UNTIL, bounds=Bounds(processor_seconds=60, seconds=3))

    assert [answer.code for answer in answers] == ["took_too_long"] * 20
    assert time.monotonic() - begun < WITHIN
    assert children() <= before


def test_a_hostile_file_among_others_is_refused_alone():
    fine, never = hostile.calendar(hostile.event()), hostile.calendar(hostile.event("RRULE:FREQ=DAILY;INTERVAL=0"))

    answers = files.read_calendars_of([fine, never, b"", fine], since=SINCE, until=UNTIL, bounds=HASTY)

    assert [answer.code if isinstance(answer, FileRefused) else len(answer) for answer in answers] == [1, "took_too_long", "unreadable", 1]


def test_after_three_files_that_had_to_be_ended_nobody_tries_a_fourth():
    never, fine = hostile.calendar(hostile.event("RRULE:FREQ=DAILY;INTERVAL=0")), hostile.calendar(hostile.event())
    bounds = Bounds(processor_seconds=0.5, seconds=20)

    answers = files.read_calendars_of([never, fine, never, never, fine], since=SINCE, until=UNTIL, bounds=bounds)

    assert [answer.code if isinstance(answer, FileRefused) else len(answer) for answer in answers] == [
        "took_too_long", 1, "took_too_long", "took_too_long", "took_too_long",
    ]  # fmt: skip


def test_every_reason_says_what_mends_it():
    for code, (what, mend) in WHY.items():
        refused = FileRefused.because(code)
        assert refused.as_dict() == {"code": code, "what": what, "mend": mend}


def test_a_window_has_an_end():
    with pytest.raises(ValueError, match="at most 400 days"):
        files.read_calendar(hostile.calendar(""), since=SINCE, until=datetime(2028, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="at most 400 days"):
        files.read_calendar(hostile.calendar(""), since=UNTIL, until=SINCE)


READERS_THAT_STRAY = {
    "opens a connection": "import socket\ndef read(*_): socket.create_connection(('127.0.0.1', 9), 1)",
    "looks up a name": "import socket\ndef read(*_): socket.getaddrinfo('localhost', 80)",
    "starts a program": "import subprocess\ndef read(*_): subprocess.run(['true'])",
    "forks": "import os\ndef read(*_): return os.fork()",
    "writes a file": "def read(*_): return open('/tmp/left-behind', 'w').name",
}


@pytest.mark.parametrize("name", READERS_THAT_STRAY)
def test_a_reader_that_is_led_astray_gets_nowhere(name: str, tmp_path, monkeypatch):
    """As if a hostile file had a parser do it: the reader itself is replaced."""
    (tmp_path / "astray.py").write_text(READERS_THAT_STRAY[name])
    start = isolation.START.replace("import main;", "import READERS, main;").replace(
        "main()", f"sys.path.insert(0, {str(tmp_path)!r}); READERS['cards'] = 'astray'; main()"
    )
    monkeypatch.setattr(isolation, "START", start)

    [answer] = isolation.read("cards", [b"x"], bounds=HASTY)

    assert isinstance(answer, FileRefused)
    assert answer.code == "unreadable"


def test_a_reader_sees_no_environment_and_hears_no_name_of_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("COVENANT_TEST_SECRET", "4711")
    (tmp_path / "looking.py").write_text(
        "import os, sys, resource\n"
        "def read(*_): return [sorted(os.environ), 'django' in sys.modules, resource.getrlimit(resource.RLIMIT_CORE), os.getcwd()]"
    )
    start = isolation.START.replace("import main;", "import READERS, main;").replace(
        "main()", f"sys.path.insert(0, {str(tmp_path)!r}); READERS['cards'] = 'looking'; main()"
    )
    monkeypatch.setattr(isolation, "START", start)

    [(environment, knows_django, core, folder)] = isolation.read("cards", [b"x"], bounds=HASTY)

    assert "COVENANT_TEST_SECRET" not in environment
    assert set(environment) <= {"LC_CTYPE"}  # the interpreter's own
    assert (knows_django, core, folder) == (False, [0, 0], "/")
