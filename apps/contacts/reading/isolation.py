"""Has files read by a process of their own, and ends it when it takes too long.

Files and answers lie in memory only, never in a folder and never in a pipe that could fill up. The process is killed with whatever it
started. One that died while it read a file has that file refused; the files after it are read by another one, but only so many times.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from apps.contacts.reading.bounds import Bounds
from apps.contacts.reading.child import OUT_OF_MEMORY
from apps.contacts.reading.refused import WHY, FileRefused

ROOT = Path(__file__).parents[3]
START = "import sys; sys.path.insert(0, sys.argv[1]); from apps.contacts.reading.child import main; main()"
LARGEST_ANSWER = 64 << 20
MOST_DEATHS = 3
OF_TIME = frozenset({-signal.SIGPROF, -signal.SIGXCPU, -signal.SIGALRM})


def read(kind: str, files: Sequence[bytes], *, bounds: Bounds, about: dict[str, Any] | None = None) -> list[Any | FileRefused]:
    """What the reader of that kind found in each file, or why it is refused."""
    answers: list[Any | FileRefused] = []
    deaths = 0
    until = time.monotonic() + bounds.seconds
    while len(answers) < len(files):
        if deaths == MOST_DEATHS or time.monotonic() >= until:
            answers += [FileRefused.because("took_too_long")] * (len(files) - len(answers))
            break
        said, why = _run(kind, files[len(answers) :], bounds, about or {}, until - time.monotonic())
        answers += said
        if len(answers) < len(files):
            answers.append(FileRefused.because(why))
            deaths += 1
    return answers


def _run(kind: str, files: Sequence[bytes], bounds: Bounds, about: dict[str, Any], seconds: float) -> tuple[list[Any], str]:
    """Answers of one process, and why it ended before it had answered for all."""
    small = [file if len(file) <= bounds.largest else file[: bounds.largest + 1] for file in files]  # enough to be refused
    asked = {"kind": kind, "bounds": bounds.as_dict(), "sizes": [len(file) for file in small], "about": about}
    given, taken = os.memfd_create("files"), os.memfd_create("answers")
    try:
        with os.fdopen(os.dup(given), "wb") as into:
            into.write(json.dumps(asked).encode() + b"\n")
            into.writelines(small)
        os.lseek(given, 0, os.SEEK_SET)
        ended = _wait(given, taken, bounds, seconds)
        os.lseek(taken, 0, os.SEEK_SET)
        with os.fdopen(os.dup(taken), "rb") as out:
            return [_answer(line) for line in out if line.endswith(b"\n")][: len(files)], ended
    finally:
        os.close(given)
        os.close(taken)


def _wait(given: int, taken: int, bounds: Bounds, seconds: float) -> str:
    numbers = (bounds.memory, max(1, round(3 * bounds.processor_seconds)), LARGEST_ANSWER)
    process = subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", START, str(ROOT), *map(str, numbers)],
        stdin=given, stdout=taken, stderr=subprocess.DEVNULL, env={}, cwd="/", start_new_session=True,
    )  # fmt: skip
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return "took_too_long"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if code in OF_TIME:
        return "took_too_long"
    return "took_too_much_memory" if code in (OUT_OF_MEMORY, -signal.SIGKILL) else "unreadable"


def _answer(line: bytes) -> Any | FileRefused:
    answer = json.loads(line)
    refused = answer.get("refused")
    return answer["found"] if refused is None else FileRefused.because(refused if refused in WHY else "unreadable")
