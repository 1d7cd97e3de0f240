"""Writes the parts of an archive: JSON lines, packed by zstandard, encrypted by age, hashed on the way, in constant memory.

| who depends on it | on what |
|---|---|
| the manifest | what a part is told to be (PartFacts) is what was written |
| destruction, by way of it | a message whose proof does not match never gets into a part |
| readers of any time | a line is canonical JSON and holds the message byte for byte as it was proven when it came in |

It must never write plaintext anywhere but into the encryption, nor know a key that opens what it wrote.
"""

import hashlib
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, BinaryIO

import zstandard

from apps.foundation.digests import canonical, leaf_hash
from apps.foundation.refusals import Refusal
from apps.retention.archives import verify_archive
from apps.retention.archives.age_streams import AgeWriter

FORMAT = verify_archive.FORMAT
MANIFEST = verify_archive.MANIFEST
#: half of a line is random; level 1 packs it as small as level 3, in half of the time
LEVEL = 1
BLOCK = 256 * 1024


class ProofDiffers(Refusal):
    """A message does not match the proof that was stored beside it when it came in."""

    code = "proof_differs"
    mend = "Compare the message with a backup; somebody changed the row. Nothing was archived of this part."


class LineTooLong(Refusal):
    """A message is longer than a line of an archive may be."""

    code = "archive_line_too_long"
    mend = "Tell the developers: ingest took in a message that no archive can carry. Nothing was archived of this part."


@dataclass(frozen=True, kw_only=True)
class PartFacts:
    """What one part is, for the manifest."""

    number: int
    name: str
    segments: Sequence[int]
    lines: int
    bytes: int
    sha256: str
    plain_bytes: int
    plain_sha256: str
    start_sha256: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def folder_name(*, organization: str, expiry: date, archive: str) -> str:
    """Where an archive stands below the place it is put."""
    return f"{organization}/{expiry.isoformat()}/{archive}"


def part_name(number: int) -> str:
    return verify_archive.part_name(number)


def part_header(
    *, archive: str, part: int, organization: str, expiry: date, policy_versions: Iterable[int], previous: str, made_at: datetime
) -> dict[str, Any]:  # fmt: skip
    """The first line of a part. `previous` is the SHA-256 of the part before it as it was encrypted, empty for the first."""
    if part < 1 or bool(previous) != (part > 1):
        raise ValueError("every part but the first names the one before it")
    return {
        "format": FORMAT,
        "archive": archive,
        "part": part,
        "organization": organization,
        "expiry": expiry.isoformat(),
        "policy_versions": sorted(set(policy_versions)),
        "previous": previous,
        "made_at": made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


class PartWriter:
    """Writes one part to `sink`. Used as a context: what is left without `close` is given up and can't be opened.

    with PartWriter(sink, recipients, header) as part:
        part.add_raw(...)
        facts = part.close()
    """

    def __init__(self, sink: BinaryIO, recipients: Sequence[str], header: Mapping[str, Any]):
        self._header = dict(header)
        self._policy_versions = frozenset(header["policy_versions"])
        self._age = AgeWriter(sink, recipients, start_bytes=verify_archive.START)
        self._finalizer = weakref.finalize(self, self._age.give_up)
        self._zstd = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
        self._plain = hashlib.sha256()
        self._segments: set[int] = set()
        self._lines: list[bytes] = [canonical(self._header) + b"\n"]
        self._waiting = len(self._lines[0])
        self._count, self._size = -1, 0  # the header is no line of the archive

    def __enter__(self) -> "PartWriter":
        return self

    def __exit__(self, *_raised) -> None:
        self.give_up()

    def add(self, line: Mapping[str, Any]) -> None:
        """Add a line as it is read back: salt and proof in hexadecimal digits, the message as a value."""
        self.add_raw(
            line["id"], line["segment"], line["policy_version"], bytes.fromhex(line["salt"]), bytes.fromhex(line["proof"]),
            canonical(line["message"]),
        )  # fmt: skip

    def add_raw(self, id: int, segment: int, policy_version: int, salt: bytes, proof: bytes, message: bytes) -> None:
        """Add a message by its canonical JSON, as it comes out of its decryption behind its salt. Raises ProofDiffers.

        Spliced, not parsed: the bytes in the archive are the very bytes that were proven.
        """
        if leaf_hash(salt, message) != proof:
            raise ProofDiffers(f"Message {id} does not match its proof.")
        self._segments.add(segment)
        if policy_version not in self._policy_versions:
            raise ValueError("the header does not name the policy version of a message")
        line = b"".join(
            (
                f'{{"id":{id:d},"message":'.encode(),
                message,
                f',"policy_version":{policy_version:d},"proof":"{proof.hex()}","salt":"{salt.hex()}","segment":{segment:d}}}\n'.encode(),
            )
        )
        self._lines.append(line)
        self._waiting += len(line)
        if self._waiting >= BLOCK:
            if len(line) > verify_archive.LARGEST_LINE:
                raise LineTooLong
            self._pack()

    def close(self) -> PartFacts:
        """Finish the part and say what it is. Raises what the sink raised."""
        self._pack()
        self._age.write(self._zstd.flush())
        self._age.close()
        return PartFacts(
            number=self._header["part"],
            name=part_name(self._header["part"]),
            segments=sorted(self._segments),
            lines=self._count,
            bytes=self._age.size,
            sha256=self._age.sha256,
            plain_bytes=self._size,
            plain_sha256=self._plain.hexdigest(),
            start_sha256=hashlib.sha256(self._age.start).hexdigest(),
        )

    def give_up(self) -> None:
        """Leave the part unfinished. After `close` it does nothing."""
        self._finalizer()

    def _pack(self) -> None:
        block = b"".join(self._lines)
        if block.count(b"\n") != len(self._lines):
            raise ValueError("a message is not canonical JSON: it holds a line end")
        self._plain.update(block)
        self._age.write(self._zstd.compress(block))
        self._count += len(self._lines)
        self._size += len(block)
        self._lines, self._waiting = [], 0
