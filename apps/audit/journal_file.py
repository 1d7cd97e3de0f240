"""The journal as a file outside the database: signed lines, chained by digest, only ever appended.

    {"about":…,"at":…,"body":{…},"entry":uuid,"installation":uuid,"kind":…,"previous":hex,"sequence":n,"signature":hex}

Each line is canonical JSON. Its signature (Ed25519, the journal's key) is over the same object without "signature"; its
digest is the SHA-256 of the whole line without the newline, and stands in the next line as "previous". So the signature of
the last line vouches for every line before it, and reading needs to check one signature for all.

| who depends on it | on what |
|---|---|
| destruction | that a line given back by `append` is on disk (fsync) before a key is destroyed |
| a killed writer | that a line is found again by its entry, so that it is never written twice |
| status, each minute | that only what is new is parsed; the rest is hashed, so that a changed byte is noticed within a minute |

It must never change a byte before the last newline, and cut what follows it only when that is no signed line.
"""

import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.foundation import signing
from apps.foundation.digests import canonical, sha256
from apps.foundation.files import write_once
from apps.foundation.refusals import Refusal

NOTHING_BEFORE = bytes(32)
GENESIS = "journal.opened"
BLOCK = 1 << 20
REHASH_SECONDS = 60


class JournalLost(Refusal):
    """The journal is missing, or lacks lines that the database knows were written."""

    code = "journal_lost"
    mend = (
        "Put back the newest copy of the journal file, from wherever it is kept. "
        "If no copy holds the missing entries, nothing may be destroyed until an auditor has seen what is lost."
    )


class JournalNotOpened(JournalLost):
    """This installation has no journal yet."""

    code = "journal_not_opened"
    mend = "Run `manage.py prepare`."


class JournalDamaged(Refusal):
    """A line of the journal was altered, removed or put in by hand."""

    code = "journal_damaged"
    mend = "Keep the damaged file for the auditor, and put back an undamaged copy of the journal file in its place."


class JournalUnwritable(Refusal):
    """The journal file can't be written."""

    code = "journal_unwritable"
    mend = "Make room on its disk and see that the service may write there. What is owed is then written by itself."


@dataclass(frozen=True)
class Line:
    """One line, as read."""

    installation: UUID
    sequence: int
    entry: UUID
    kind: str
    about: str
    body: dict[str, Any]
    at: datetime
    previous: bytes
    signature: bytes
    digest: bytes


def path() -> Path:
    """Where the journal of this installation lies."""
    return Path(settings.COVENANT_HOME) / "journal" / "journal.ndjson"


def compose(
    *, installation: UUID, sequence: int, entry: UUID, kind: str, about: str, body: dict, at: datetime, previous: bytes
) -> bytes:
    """A signed line, without its newline."""
    content = {
        "installation": str(installation),
        "sequence": sequence,
        "entry": str(entry),
        "kind": kind,
        "about": about,
        "body": body,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "previous": previous.hex(),
    }
    return canonical({**content, "signature": signing.sign("journal", canonical(content)).hex()})


def parse(raw: bytes) -> Line:
    """The line in `raw`; JournalDamaged where it is none. The signature is not looked at (see `is_signed`)."""
    try:
        content = json.loads(raw)
        return Line(
            installation=UUID(content["installation"]),
            sequence=content["sequence"],
            entry=UUID(content["entry"]),
            kind=content["kind"],
            about=content["about"],
            body=content["body"],
            at=datetime.fromisoformat(content["at"]),
            previous=bytes.fromhex(content["previous"]),
            signature=bytes.fromhex(content["signature"]),
            digest=sha256(raw),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise JournalDamaged("A line of the journal can't be read.") from None


def is_signed(raw: bytes, public: bytes) -> bool:
    """Whether the line in `raw` was signed by the owner of `public`, exactly as it stands."""
    try:
        content = json.loads(raw)
        signature = bytes.fromhex(content.pop("signature"))
        exact = canonical({**content, "signature": signature.hex()}) == raw
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return exact and signing.is_signed(public, canonical(content), signature)


class Known:
    """What one process knows of the journal file: enough to find an entry, to append, and to see that nothing changed."""

    def __init__(self) -> None:
        self.file: tuple[int, int] | None = None  # device and inode
        self.stamp: tuple[int, int] | None = None  # size and time of change when last looked at
        self.end = 0  # just behind the last complete line
        self.hashed_at = float("-inf")
        self.prefix = hashlib.sha256()  # of all bytes before `end`
        self.fingerprint = hashlib.sha256()  # of (entry, digest) of each line but the first
        self.sequences: dict[bytes, int] = {}
        self.digests = bytearray()
        self.first: Line | None = None
        self.last: Line | None = None
        self.torn = b""

    @property
    def lines(self) -> int:
        """How many lines there are, the opening one included."""
        return len(self.digests) // 32

    def copy(self, *, entries: bool) -> "Known":
        """A copy that other threads don't change, without what is needed only to read on."""
        copied = Known()
        copied.first, copied.last, copied.fingerprint = self.first, self.last, self.fingerprint.copy()
        copied.digests = bytearray(self.digests)
        copied.sequences = dict(self.sequences) if entries else {}
        return copied

    def sequence_of(self, entry: UUID) -> int | None:
        return self.sequences.get(entry.bytes)

    def digest_of(self, sequence: int) -> bytes:
        return bytes(self.digests[32 * sequence : 32 * sequence + 32])

    def take(self, raw: bytes) -> Line:
        """Add the next line, refusing one that does not continue the chain."""
        number = self.lines
        try:
            line = parse(raw)
        except JournalDamaged:
            raise JournalDamaged(f"Line {number + 1} of the journal can't be read.") from None
        if line.sequence != number:
            raise JournalDamaged(f"Line {number + 1} of the journal says it is number {line.sequence}: lines were removed or put in.")
        if line.previous != (self.last.digest if self.last else NOTHING_BEFORE):
            raise JournalDamaged(f"Line {number} of the journal was altered: the line after it names another digest.")
        if self.first and line.installation != self.first.installation:
            raise JournalDamaged(f"Line {number + 1} of the journal belongs to another installation than the first.")
        if line.entry.bytes in self.sequences:
            raise JournalDamaged(f"Line {number + 1} of the journal repeats an earlier entry.")
        self.sequences[line.entry.bytes] = line.sequence
        self.digests += line.digest
        if self.first is None:
            self.first = line
        else:
            self.fingerprint.update(line.entry.bytes + line.digest)
        self.last = line
        self.end += len(raw) + 1
        self.prefix.update(raw + b"\n")
        return line


_known: dict[Path, Known] = {}
_guard = threading.RLock()


def look(*, entries: bool = False) -> Known:
    """A copy of what stands in the journal now, complete lines only, its entries only where asked for.

    A torn tail is left alone. Refusals: JournalLost, JournalDamaged.
    """
    with _guard, _opened(os.O_RDONLY, fcntl.LOCK_SH) as handle:
        return _catch_up(handle, rehash=True).copy(entries=entries)


@contextmanager
def opened_for_writing() -> Iterator["Writer"]:
    """The journal, locked against every other process, caught up with what they wrote."""
    with _guard, _opened(os.O_RDWR, fcntl.LOCK_EX) as handle:
        yield Writer(handle, _catch_up(handle, rehash=False))


def create(line: bytes) -> bool:
    """Begin the journal with its opening line, on disk with its folder; returns False where there is one already."""
    return write_once(path(), line + b"\n")


def raw_lines() -> Iterator[bytes]:
    """Every complete line as it stands on disk now, without its newline."""
    with _opened(os.O_RDONLY, fcntl.LOCK_SH) as handle:
        left, rest = os.fstat(handle).st_size, b""
        stream = os.fdopen(os.dup(handle), "rb")
    with stream:
        while left > 0 and (block := stream.read(min(BLOCK, left))):
            left -= len(block)
            *complete, rest = (rest + block).split(b"\n")
            yield from complete


class Writer:
    """The journal while this process alone may write it."""

    def __init__(self, handle: int, known: Known):
        self._handle = handle
        self.known = known

    @property
    def torn(self) -> bytes:
        """What a power cut left behind the last newline."""
        return self.known.torn

    def is_torn_line_whole(self) -> bool:
        """Whether the torn tail lacks nothing but its newline."""
        return is_signed(self.torn, signing.public_key("journal"))

    def complete_torn_line(self) -> None:
        line = parse(self.torn)
        if (line.sequence, line.previous) != (self.known.lines, self.known.last.digest):
            raise JournalDamaged("What stands behind the last line of the journal is signed, but does not continue it.")
        self._append(b"\n", at=self.known.end + len(self.torn))
        self._caught_up(self.torn)

    def cut_torn_line(self) -> None:
        os.ftruncate(self._handle, self.known.end)
        os.fsync(self._handle)
        self.known.torn = b""
        self._stamp()

    def append(self, line: bytes) -> Line:
        """Put a line at the end; it is on disk when this returns. JournalUnwritable leaves the file as it was."""
        self._append(line + b"\n", at=self.known.end)
        return self._caught_up(line)

    def flush(self) -> None:
        """Make sure that what another, killed process wrote is on disk too."""
        os.fsync(self._handle)

    def _append(self, content: bytes, *, at: int) -> None:
        written = 0
        try:
            while written < len(content):
                written += os.pwrite(self._handle, content[written:], at + written)
            os.fsync(self._handle)
        except OSError as error:
            os.ftruncate(self._handle, at)
            _known.pop(path(), None)
            raise JournalUnwritable(f"The journal can't be written ({type(error).__name__} {error.errno}).") from error

    def _caught_up(self, line: bytes) -> Line:
        self.known.torn = b""
        taken = self.known.take(line)
        self._stamp()
        return taken

    def _stamp(self) -> None:
        status = os.fstat(self._handle)
        self.known.stamp = (status.st_size, status.st_mtime_ns)


@contextmanager
def _opened(mode: int, lock: int) -> Iterator[int]:
    """The file, locked; opened anew where somebody put another one in its place while we waited for the lock."""
    while True:
        try:
            handle = os.open(path(), mode | os.O_CLOEXEC)
        except FileNotFoundError:
            raise JournalLost("The journal file is missing.") from None
        except PermissionError as error:
            raise JournalUnwritable("The journal file may not be opened by this service.") from error
        try:
            fcntl.flock(handle, lock)
            if _is_still_there(handle):
                yield handle
                return
        finally:
            os.close(handle)


def _is_still_there(handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path()))
    except FileNotFoundError:
        return False


def _catch_up(handle: int, *, rehash: bool) -> Known:
    """Bring what this process knows up to date; only lines it has not seen are parsed."""
    status = os.fstat(handle)
    known = _known.pop(path(), None)  # put back only when nothing was refused
    if known is None or known.file != (status.st_dev, status.st_ino) or status.st_size < known.end:
        known = Known()
        known.file = (status.st_dev, status.st_ino)
    stamp = (status.st_size, status.st_mtime_ns)
    changed = known.stamp != stamp
    if rehash and (changed or time.monotonic() - known.hashed_at >= REHASH_SECONDS):
        if known.lines and _hash_of(handle, known.end) != known.prefix.digest():
            known = Known()
            known.file = (status.st_dev, status.st_ino)
            changed = True
        known.hashed_at = time.monotonic()
    if changed:
        _read_on(handle, known)
        known.stamp = stamp
    _known[path()] = known
    return known


def _hash_of(handle: int, length: int) -> bytes:
    digest, offset = hashlib.sha256(), 0
    while offset < length and (block := os.pread(handle, min(BLOCK, length - offset), offset)):
        digest.update(block)
        offset += len(block)
    return digest.digest()


def _read_on(handle: int, known: Known) -> None:
    before, offset, rest, last = known.lines, known.end, b"", b""
    while block := os.pread(handle, BLOCK, offset):
        offset += len(block)
        *complete, rest = (rest + block).split(b"\n")
        for raw in complete:
            known.take(raw)
            last = raw
    known.torn = rest
    if known.lines == 0:
        raise JournalDamaged("The journal has no opening line.")
    if known.lines > before and not is_signed(last, signing.public_key("journal")):
        raise JournalDamaged(f"Line {known.lines} of the journal is not signed by this installation's key.")
