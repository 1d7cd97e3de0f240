"""One writer at a time, over all hosts that share the volume: flock(2) on a file in the keystore's first folder.

On NFS the kernel carries it to the server (since Linux 2.6.12). Where no lock can be had the two verbs still keep their word
among themselves, because names appear by link(2) and marks come before anything is overwritten; only then may a destruction go
on without it. A killed process leaves no lock behind.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apps.foundation.keys.refusals import CopyOutOfReach, KeystoreBusy, RotationRuns

#: who holds it changes one secret, some milliseconds; a reader that mends by the way does not wait for long
PATIENCE_SECONDS, READERS_PATIENCE_SECONDS = 20, 1
PAUSE_SECONDS = 0.002


@contextmanager
def locked(path: Path, *, needed: bool, patience: float) -> Iterator[None]:
    """Hold the lock. Raises KeystoreBusy; CopyOutOfReach where no lock can be had and one is needed."""
    handle = _take(path, until=time.monotonic() + patience, needed=needed)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock of rotations, at once or not at all. Raises RotationRuns."""
    try:
        handle = _take(path, until=0, needed=True)
    except KeystoreBusy:
        raise RotationRuns from None
    try:
        yield
    finally:
        os.close(handle)


def _take(path: Path, *, until: float, needed: bool) -> int | None:
    while True:
        try:
            handle = _open(path)
        except OSError as error:
            if needed:
                raise CopyOutOfReach(f"{path.parent} can't be locked: {error.strerror}.") from error
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still_there(handle, path):
                return handle
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EINTR):
                os.close(handle)
                if needed:
                    raise CopyOutOfReach(f"{path.parent} can't be locked: {error.strerror}.") from error
                return None
        os.close(handle)
        if time.monotonic() > until:
            raise KeystoreBusy
        time.sleep(PAUSE_SECONDS)


def _open(path: Path) -> int:
    """Without making the folder: a folder that is gone must not come back empty."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return os.open(path, os.O_RDONLY)  # a read-only volume can still be locked


def _is_still_there(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False
