"""How a child process starts and ends here: in a session of its own, tied to its parent's life, never through a shell.

Ctrl-C in a terminal reaches the supervisor alone, which stops the others in order; should the supervisor be killed,
the kernel ends its children. Must stay free of threads: the tie to the parent is the kernel's tie to the parent's
thread.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from config.embedded.trouble import Trouble

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def tied(orphan_signal, identity=None):
    """What a child does between fork and exec: change its identity, then ask the kernel to end it with its parent."""
    parent = os.getpid()

    def prepare():
        if identity is not None:
            identity.take()
        if sys.platform == "linux":
            LIBC.prctl(PR_SET_PDEATHSIG, int(orphan_signal))  # after the identity: changing that would clear it
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def spawn(command, *, orphan_signal=signal.SIGTERM, identity=None, own_session=True, **options):
    """Start a child that outlives neither a stop nor the death of this process."""
    return subprocess.Popen(
        [str(part) for part in command],
        start_new_session=own_session,
        preexec_fn=tied(orphan_signal, identity),  # noqa: PLW1509 - safe: this process has one thread
        stdin=options.pop("stdin", subprocess.DEVNULL),
        **options,
    )


def end(process, *steps):
    """Walk down the steps (signal, seconds to wait) until the child is gone and waited for; SIGKILL is the last one."""
    for number, patience in steps:
        if process.poll() is not None:
            return process.returncode
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(patience)
    kill_group(process)
    return process.wait()


def end_gently(process, patience=10):
    """For a program that shares our terminal and group: SIGTERM, then SIGKILL for it alone."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def kill_group(process):
    """SIGKILL for a child and whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def living_in(folder):
    """The processes whose working directory is this folder: servers of a killed start, on their way out."""
    found = []
    folder = os.path.realpath(folder)
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(entry / "cwd") == folder and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def wait_until_vacant(folder, what, patience=20):
    """A second server on the same files would corrupt them, so the last one's end is awaited."""
    until = time.monotonic() + patience
    while left := living_in(folder):
        if time.monotonic() > until:
            raise Trouble(
                f"{what} of an earlier start still runs in {folder} (process {left[0]}).",
                f"Stop it, then start again: kill {left[0]}",
            )
        time.sleep(0.05)


def tail(path, lines=12):
    with contextlib.suppress(OSError):
        return "\n".join("    " + line for line in path.read_text(errors="replace").splitlines()[-lines:])
    return ""
