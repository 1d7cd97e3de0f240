"""Reads archives back: one part line by line, or a whole archive checked. Every flaw is a refusal with a name of its own.

It shares the stand-alone verifier's eyes, so that what an auditor finds and what we find is the same. It must never hand
on a message that does not match its proof, nor unpack what an attacker packed without a limit.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import Any, BinaryIO

from apps.foundation.refusals import Refusal
from apps.retention.archives import verify_archive
from apps.retention.archives.verify_archive import MENDS, Flaw

#: lines handed over at once, and how many such batches may wait
BATCH = 500
WAITING = 4


class FlawedArchive(Refusal):
    """An archive is not as it was signed. `code` names how; `flaws` are all that were found."""

    code = "archive_flawed"
    mend = "Put back what is wrong from where else the archive is kept; nothing was changed."
    flaws: Sequence[Flaw] = ()


class PartMissing(FlawedArchive):
    """A part that the manifest names is not there."""

    code = "part_missing"
    mend = MENDS[code]


class PartFlipped(FlawedArchive):
    """The bytes of a part were changed."""

    code = "part_flipped"
    mend = MENDS[code]


class PartTruncated(FlawedArchive):
    """A part ends too early."""

    code = "part_truncated"
    mend = MENDS[code]


class PartReordered(FlawedArchive):
    """A part stands in the place of another one of the same archive."""

    code = "part_reordered"
    mend = MENDS[code]


class PartForeign(FlawedArchive):
    """A part belongs to another archive."""

    code = "part_foreign"
    mend = MENDS[code]


class PartReplaced(FlawedArchive):
    """Somebody wrote a part of their own in the place of the one that was signed."""

    code = "part_replaced"
    mend = MENDS[code]


class NotOurKey(FlawedArchive):
    """None of the identities opens the archive."""

    code = "not_our_key"
    mend = MENDS[code]


KINDS = {kind.code: kind for kind in (PartMissing, PartFlipped, PartTruncated, PartReordered, PartForeign, PartReplaced, NotOurKey)}


def refusal(flaw: Flaw, flaws: Sequence[Flaw] = ()) -> FlawedArchive:
    """A flaw as this application tells it."""
    named = KINDS.get(flaw.code, FlawedArchive)(f"{flaw.file}: {flaw.what}" if flaw.file else flaw.what, code=flaw.code, mend=MENDS[flaw.code])
    named.flaws = tuple(flaws) or (flaw,)
    return named


def verify(folder: Path, *, key: bytes, identities: Sequence[str] = ()) -> dict[str, Any]:
    """The manifest of an archive in which nothing is wrong. Raises the first flaw, the worst ones first."""
    report = verify_archive.check(folder, key, identities)
    if report.flaws:
        worst = min(report.flaws, key=lambda flaw: flaw.code in verify_archive.COULD_NOT)
        raise refusal(worst, report.flaws)
    return report.manifest


def read_part(source: BinaryIO, identities: Sequence[str], *, largest: int | None = None) -> Iterator[dict[str, Any]]:
    """The header of a part, then its lines, as they are decrypted. Raises FlawedArchive, at the latest at its end.

    `largest` is `plain_bytes` of what was noted when the part was written; without it a rough limit holds. Whoever wants to
    know that it is the part that was signed compares `sha256` first: the key to write a part is public.
    """
    reading = _Reading(source, identities, largest)
    reading.start()
    try:
        while batch := reading.next_batch():
            yield from batch
        if reading.trouble:
            raise refusal(reading.trouble) if isinstance(reading.trouble, Flaw) else reading.trouble
    finally:
        reading.stop()


class _Stopped(Exception):
    """Nobody wants the rest."""


class _Reading(Thread):
    """The library of age drives itself and hands on what it decrypted; here that is turned into something to iterate."""

    def __init__(self, source: BinaryIO, identities: Sequence[str], largest: int | None):
        super().__init__(name="age", daemon=True)
        self._what = (source, identities, self._take, largest)
        self._stopped = Event()
        self._batch: list[dict[str, Any]] = []
        self._batches: Queue[list[dict[str, Any]]] = Queue(maxsize=WAITING)
        self._ended = False
        self._number = -1
        self.trouble: BaseException | None = None

    def run(self) -> None:
        try:
            verify_archive.read_lines(*self._what)
        except BaseException as error:  # told to who iterates: this thread has nobody to tell
            self.trouble = error
        if self._batch:
            self._batches.put(self._batch)
        self._batches.put([])

    def next_batch(self) -> list[dict[str, Any]]:
        """What comes next; nothing at the end."""
        batch = self._batches.get()
        self._ended = not batch
        return batch

    def stop(self) -> None:
        """Let the thread come to its end, though somebody stopped iterating before."""
        self._stopped.set()
        while not self._ended:
            self.next_batch()
        self.join()

    def _take(self, raw: bytes) -> None:
        if self._stopped.is_set():
            raise _Stopped
        self._number += 1
        self._batch.append(verify_archive.parse_line(raw, self._number) if self._number else verify_archive.parse_header(raw))
        if len(self._batch) == BATCH:
            self._batches.put(self._batch)
            self._batch = []
