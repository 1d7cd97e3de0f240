"""The process in which strangers' files are read. It holds nothing, reaches nobody, writes only its answer, and is killed when it takes too much.

Started by `isolation` with an empty environment. Standard input holds a line of JSON (what to read, within which bounds, and how long each
file is) and then the files; standard output takes one line of JSON for each: {"found": …} or {"refused": code}. Limits are set before a
byte of them is read. It knows neither Django nor the database.
"""

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import Any

from apps.contacts.reading.bounds import Bounds, OutOfBounds

READERS = {
    "cards": "apps.contacts.reading.vcards",
    "calendar": "apps.contacts.reading.icalendars",
    "multistatus": "apps.contacts.reading.multistatus",
}
OUT_OF_MEMORY, FORBIDDEN = 77, 78  # how this process ends for these
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
FORBIDDEN_EVENTS = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "ctypes.", "shutil.")
MOST_FILES = 48


def main() -> None:
    limit(memory=int(sys.argv[2]), seconds=int(sys.argv[3]), answer=int(sys.argv[4]))
    asked = json.loads(sys.stdin.buffer.readline())
    bounds = Bounds(**asked["bounds"])
    reader = importlib.import_module(READERS[asked["kind"]])
    alone()
    for size in asked["sizes"]:
        signal.setitimer(signal.ITIMER_PROF, bounds.processor_seconds)  # its signal ends the process
        answer(sys.stdin.buffer.read(size), reader, bounds, asked["about"])


def answer(data: bytes, reader: Any, bounds: Bounds, about: dict[str, Any]) -> None:
    """One line for one file. Whatever the reader stumbled over stays here: it may quote the file."""
    try:
        said = json.dumps({"found": reader.read(data, bounds, about)})
    except OutOfBounds as refused:
        said = json.dumps({"refused": refused.code})
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except RecursionError:
        said = json.dumps({"refused": "too_deep"})
    except Exception:  # a parser may fail at a hostile file in any way; it is unreadable
        said = json.dumps({"refused": "unreadable"})
    try:
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()
    except OSError:  # longer than an answer may be
        os._exit(OUT_OF_MEMORY)


def limit(*, memory: int, seconds: int, answer: int) -> None:
    """What this process may take, and that it leaves no memory behind when it crashes."""
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, answer),
        (resource.RLIMIT_NOFILE, MOST_FILES),
    ):
        with suppress(ValueError, OSError):  # a lower limit is there already
            resource.setrlimit(what, (most, most))


def alone() -> None:
    """Out of reach of any network, where the kernel lets us go there; and nothing that opens a connection or starts a program, anywhere."""
    libc = ctypes.CDLL(None)
    if libc.unshare(CLONE_NEWNET):
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    sys.addaudithook(forbid)


def forbid(event: str, given: tuple) -> None:
    if event.startswith(FORBIDDEN_EVENTS) or (event == "open" and isinstance(given[1], str) and set(given[1]) & set("wax+")):
        os._exit(FORBIDDEN)
