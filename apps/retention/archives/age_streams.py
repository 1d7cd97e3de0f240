"""An age file written from what is pushed, in constant memory.

The library of age pulls what it encrypts and drives itself; messages are pushed as they are decrypted. So the library runs
in a thread of its own, with a few blocks between. It must never let the thread outlive the writing, hide why the sink
failed, or leave something that looks finished when the writing was given up.
"""

import hashlib
from collections.abc import Sequence
from queue import Queue
from threading import Thread
from typing import BinaryIO

import pyrage

from apps.retention.archives.age_keys import recipient_of

#: blocks that may wait for the thread
WAITING = 8


class GivenUp(Exception):
    """The writing was given up; the file stays unfinished, so that it can't be opened to its end."""


class _End:
    """Stands behind the last block."""


class AgeWriter:
    """Encrypts to `recipients` what is written, and writes it to `sink`, hashing it on the way."""

    def __init__(self, sink: BinaryIO, recipients: Sequence[str], *, start_bytes: int):
        keys = [recipient_of(recipient) for recipient in recipients]
        if not keys:
            raise ValueError("an age file without a recipient can never be opened")
        self._sink = _Sink(sink, start_bytes)
        self._source = _Source()
        self._trouble: BaseException | None = None
        self._thread = Thread(target=self._run, args=(keys,), name="age", daemon=True)
        self._thread.start()

    def write(self, block: bytes) -> None:
        """Hand on one block. Raises what the sink raised, as soon as that is known."""
        if self._trouble:
            raise self._trouble
        self._source.blocks.put(block)

    def close(self) -> None:
        """Finish the file. Raises what the sink raised."""
        self._end(_End())
        if self._trouble:
            raise self._trouble

    def give_up(self) -> None:
        """End without finishing the file. After `close` it does nothing."""
        self._end(GivenUp())

    @property
    def size(self) -> int:
        return self._sink.size

    @property
    def sha256(self) -> str:
        return self._sink.digest.hexdigest()

    @property
    def start(self) -> bytes:
        return bytes(self._sink.start)

    def _end(self, mark: _End | GivenUp) -> None:
        if self._thread.is_alive():
            self._source.blocks.put(mark)
            self._thread.join()

    def _run(self, keys: list) -> None:
        try:
            pyrage.encrypt_io(self._source, self._sink, keys)
        except BaseException as error:  # told to who writes: this thread has nobody to tell
            self._trouble = error
        # the library gives its own name to what broke off on this side, and where the last write fails it says nothing at all
        self._trouble = self._sink.error or self._source.error or self._trouble
        self._source.drain()  # who writes may be waiting for room


class _Source:
    """What the library reads from."""

    def __init__(self):
        self.blocks: Queue[bytes | _End | GivenUp] = Queue(maxsize=WAITING)
        self.error: Exception | None = None
        self._rest = memoryview(b"")
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        if self.error:  # asked again, it must not look like an end
            raise self.error
        while not self._rest and not self._ended:
            self._rest = memoryview(self._next())
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)

    def drain(self) -> None:
        while not self._ended:
            self._take()

    def _next(self) -> bytes:
        block = self._take()
        if isinstance(block, GivenUp):
            self.error = block
            raise block
        return b"" if isinstance(block, _End) else block

    def _take(self) -> bytes | _End | GivenUp:
        block = self.blocks.get()
        self._ended = isinstance(block, _End | GivenUp)
        return block


class _Sink:
    """What the library writes to. Keeps the reason where writing fails: the library would tell it as one of its own."""

    def __init__(self, sink: BinaryIO, start_bytes: int):
        self._sink = sink
        self._start_bytes = start_bytes
        self.start = bytearray()
        self.size = 0
        self.digest = hashlib.sha256()
        self.error: Exception | None = None

    def write(self, data: bytes) -> int:
        if self.error:  # the library tries the same bytes again
            raise self.error
        try:
            self._write_all(data)
        except Exception as error:
            self.error = error
            raise
        self.start += data[: self._start_bytes - len(self.start)]
        self.digest.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Whoever owns the sink flushes it."""

    def _write_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            written = self._sink.write(rest)
            rest = rest[len(rest) if written is None else written :]
