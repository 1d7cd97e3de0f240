"""What every place does, in the same words: put, prove, fetch, holds, remove, try out.

| who depends on it | on what |
|---|---|
| delivery of archives | that `put` never leaves half an object under its name, and that putting the same twice is once |
| destruction of messages | that `prove` reads back every byte, or compares a checksum that the store computed itself |
| certificates of archives | that `remove` returns only when the place says, asked anew, that nothing is there |
| staff, logs | that nothing here prints an address, a path or a credential |

An instance belongs to one thread and one job: it resolves its address once and asks nobody again. It must never believe a
success code, never overwrite, and never wait or read without an end.
"""

import hashlib
import hmac
import io
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, BinaryIO, ClassVar

from apps.accounts.places import COUNTRIES
from apps.gate.client.addresses import Guard
from apps.gate.client.troubles import PeerMisbehaves, PeerSettingsUnfit, PeerTrouble
from apps.gate.client.wire import BLOCK, Limits
from apps.retention.archives.places.troubles import (
    NameTaken,
    NameUnfit,
    NotThere,
    PlaceCorrupts,
    PlaceForgets,
    PlaceKeeps,
    PlaceLies,
    SourceDiffers,
    StillLocked,
)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){0,7}", re.ASCII)
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
DRAFT = ".part"  # ends the name of what is not whole yet; no object may be called so
TRIAL_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a place answered to a put: enough to find, prove and remove this object and no other. Proof it is not."""

    name: str
    size: int
    sha256: str
    version: str = ""  # where the store has versions: exactly this one
    locked_until: datetime | None = None  # where the store locks
    statement: Mapping[str, Any] | None = None  # where the receiver signs

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**asdict(self), "locked_until": self.locked_until.isoformat() if self.locked_until else None}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "Receipt":
        until = kept.get("locked_until")
        return cls(**{**kept, "locked_until": datetime.fromisoformat(until) if until else None})


def require_name(name: str) -> str:
    """The name, if it is one that stays inside the place."""
    if not is_name(name):
        raise NameUnfit()
    return name


def is_name(name: str) -> bool:
    """Whether something is a name, or could begin one."""
    return bool(NAME.fullmatch(name)) and ".." not in name and not any(part.endswith(DRAFT) for part in name.split("/"))


class Source:
    """The bytes to send, checked on their way: the last block leaves only when all of it is what was announced.

    So no store, however it confirms, gets a whole object that is not the announced one. Never more than two blocks are held.
    """

    def __init__(self, stream: BinaryIO, *, size: int, sha256: str):
        if size < 0 or not SHA256.fullmatch(sha256):
            raise SourceDiffers("The announced size or SHA-256 is none.")
        self._stream, self._left, self._sha256 = stream, size, sha256
        self._digest = hashlib.sha256()
        self._ready: memoryview = memoryview(b"")
        self._ahead = self._take()
        if not self._left:
            self._verify()

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; all that are left only where nobody named a size."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(BLOCK), b""))
        if not self._ready:
            self._ready, self._ahead = memoryview(self._ahead), b""
            if self._left:
                self._ahead = self._take()
                if not self._left:
                    self._verify()
        piece, self._ready = bytes(self._ready[:size]), self._ready[size:]
        return piece

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(BLOCK), b"")

    def _take(self) -> bytes:
        wanted, pieces = min(BLOCK, self._left), []
        while wanted and (piece := self._from_stream(wanted)):
            wanted -= len(piece)
            pieces.append(piece)
        if wanted:
            raise SourceDiffers("What was to be sent is shorter than announced.")
        block = b"".join(pieces)
        self._digest.update(block)
        self._left -= len(block)
        return block

    def _from_stream(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except (OSError, ValueError):  # ours, and not the place's fault
            raise SourceDiffers("What was to be sent can't be read.") from None

    def _verify(self) -> None:
        if self._from_stream(1):
            raise SourceDiffers("What was to be sent is longer than announced.")
        if not hmac.compare_digest(self._digest.hexdigest(), self._sha256):
            raise SourceDiffers("What was to be sent has another SHA-256 than announced.")


class Reading(io.RawIOBase):
    """What a place gives back, as a stream that ends what it uses when it is closed."""

    def __init__(self, blocks: Iterator[bytes]):
        self._blocks = blocks
        self._ready = memoryview(next(blocks, b""))  # so that what is not there is said at once

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._ready = memoryview(block)
        taken = min(len(buffer), len(self._ready))
        buffer[:taken], self._ready = self._ready[:taken], self._ready[taken:]
        return taken

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._blocks.close()


class Place(ABC):
    """One place. `settings` may be shown to staff; `credentials` never."""

    kind: ClassVar[str]
    #: whether a client may name such a place; the others are ours
    for_clients: ClassVar[bool] = False
    #: what must be known about it, and what may be: name → what it is
    needs: ClassVar[Mapping[str, str]] = {}
    takes: ClassVar[Mapping[str, str]] = {}
    #: its credentials: name → what it is; which of them are needed, the place says itself
    secrets: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self, settings: Mapping[str, str], credentials: Mapping[str, str], *, country: str, guard: Guard, limits: Limits | None = None
    ):
        if country not in COUNTRIES:
            raise PeerSettingsUnfit("The country of the place is not one of ISO 3166-1, in two capitals.")
        self.country, self.guard, self.limits = country, guard, limits or Limits()
        self.settings, self._credentials = dict(settings), dict(credentials)
        missing = sorted(name for name in self.needs if not self.settings.get(name))
        unknown = sorted({*self.settings} - {*self.needs, *self.takes} | {*self._credentials} - {*self.secrets})
        if missing:
            raise PeerSettingsUnfit(f"Of the place is missing: {', '.join(missing)}.")
        if unknown:
            raise PeerSettingsUnfit("There are settings or credentials that no such place has.")

    def __repr__(self) -> str:
        return f"<place {self.kind} in {self.country}>"

    @abstractmethod
    def put(
        self, name: str, stream: BinaryIO, *, size: int, sha256: str, keep_until: datetime | None = None
    ) -> Receipt:
        """Store the announced bytes under `name`, all of them or none. The same again is once; anything else is NameTaken.

        `keep_until` is a wish to stores that can lock; the receipt says what they did.
        """

    @abstractmethod
    def _size(self, name: str, version: str) -> int | None:
        """How large the place says the object is; None where nothing lies under the name."""

    @abstractmethod
    def _blocks(self, name: str, version: str, *, at_most: int) -> Iterator[bytes]:
        """The object, block by block; who asks stops after `at_most` bytes. NotThere where nothing lies under the name."""

    @abstractmethod
    def _remove(self, name: str, receipt: Receipt, *, at: datetime) -> None:
        """Remove the object of the receipt; that nothing is there is no trouble."""

    def holds(self, name: str) -> bool:
        """Whether the place says that something lies under `name`."""
        return self._size(require_name(name), "") is not None

    def fetch(self, name: str, version: str | None = None, *, size: int | None = None) -> BinaryIO:
        """The object as a stream to be closed (`with place.fetch(…) as source`). NotThere where nothing lies under the name.

        It ends after `size` bytes, or after as many as the place itself names.
        """
        if size is None:
            size = self._size(require_name(name), version or "")
            if size is None:
                raise NotThere()
            if size > self.limits.largest_object:
                raise PeerMisbehaves("The place says that the object is larger than any of ours.")
        blocks = self._blocks(require_name(name), version or "", at_most=size)
        return io.BufferedReader(Reading(_not_more(blocks, size)), BLOCK)

    def prove(self, name: str, receipt: Receipt, *, again: bool = False) -> None:
        """Read back every byte and compare. NotProven says how it failed; other troubles say nothing about the object.

        `again` says that it was proven before: then what is missing was lost, and not merely never stored.
        """
        self._require_own(name, receipt)
        digest, size = hashlib.sha256(), 0
        try:
            with self.fetch(name, receipt.version, size=receipt.size) as source:
                while block := source.read(BLOCK):
                    digest.update(block)
                    size += len(block)
        except NotThere:
            raise (PlaceForgets if again else PlaceLies)() from None
        if size != receipt.size or not hmac.compare_digest(digest.hexdigest(), receipt.sha256):
            raise PlaceCorrupts()

    def remove(self, name: str, receipt: Receipt, *, at: datetime) -> None:
        """Remove the object and see that it is gone; gone already is fine. StillLocked before its lock ends."""
        self._require_own(name, receipt)
        if receipt.locked_until and receipt.locked_until > at:
            raise StillLocked(receipt.locked_until)
        self._remove(name, receipt, at=at)
        if self.holds(name):
            raise PlaceKeeps()

    def try_out(self, *, at: datetime) -> None:
        """Put a test object, prove it, see that it can't be overwritten, remove it. Raises what is wrong with the place."""
        name = f"try-out/TRY-{secrets.token_hex(8)}/part-00000"
        content, other = secrets.token_bytes(TRIAL_BYTES), secrets.token_bytes(TRIAL_BYTES)
        receipt = self._try_put(name, content, at=at)
        try:
            self.prove(name, receipt)
            if not self.holds(name):
                raise PeerMisbehaves("The place gives back the test object, and says that it does not hold it.")
            self._try_overwriting(name, other, at=at)
            self._try_further(name, receipt, at=at)
            self.prove(name, receipt)
        except PeerTrouble:
            with suppress(PeerTrouble):
                self._try_removal(name, receipt, at=at)
            raise
        self._try_removal(name, receipt, at=at)

    def _try_put(self, name: str, content: bytes, *, at: datetime) -> Receipt:
        return self.put(name, io.BytesIO(content), size=len(content), sha256=hashlib.sha256(content).hexdigest())

    def _try_overwriting(self, name: str, content: bytes, *, at: datetime) -> None:
        try:
            self._try_put(name, content, at=at)
        except NameTaken:
            return
        raise PeerMisbehaves("The place confirms another object under a name that is taken.")

    def _try_further(self, name: str, receipt: Receipt, *, at: datetime) -> None:
        """What only this kind of place can be tried for."""
        return

    def _try_removal(self, name: str, receipt: Receipt, *, at: datetime) -> None:
        self.remove(name, receipt, at=at)

    def _require_own(self, name: str, receipt: Receipt) -> None:
        if require_name(name) != receipt.name:
            raise ValueError("the receipt is for another object")

    def _credential(self, name: str) -> str:
        value = self._credentials.get(name, "")
        if not value:
            raise PeerSettingsUnfit(f"Of the place's credentials is missing: {name}.")
        return value


def draft_of(last: str) -> str:
    """The name, in the same folder, of what is not whole yet; every attempt has one of its own."""
    return f".{last}.{secrets.token_hex(6)}{DRAFT}"


def is_draft_of(name: str, last: str) -> bool:
    """Whether `name` is a draft of the object called `last`."""
    return len(name) == len(draft_of(last)) and name.startswith(f".{last}.") and name.endswith(DRAFT)


def _not_more(blocks: Iterator[bytes], at_most: int) -> Iterator[bytes]:
    """The blocks, until there are more bytes than there may be: a place that replies without an end is left."""
    read = 0
    try:
        for block in blocks:
            read += len(block)
            if read > at_most:
                raise PlaceCorrupts("The place gives back more than it was given.")
            yield block
    finally:
        blocks.close()


def is_same(blocks: Iterable[bytes], *, size: int, sha256: str) -> bool:
    """Whether what lies there already is what was announced."""
    digest, read = hashlib.sha256(), 0
    for block in blocks:
        digest.update(block)
        read += len(block)
        if read > size:
            return False
    return read == size and hmac.compare_digest(digest.hexdigest(), sha256)
