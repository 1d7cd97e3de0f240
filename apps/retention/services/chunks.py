"""A reader's lines cut into chunks that are committed whole or not at all, with the checkpoint of each.

It must never hold more than one chunk, nor hand on what comes after lines that are not those committed before.
"""

from collections.abc import Iterable, Iterator

from apps.foundation import garbage
from apps.retention.importing.lines import Line
from apps.retention.models import Batch
from apps.retention.services.batches import BatchKeyUsed

#: bytes of input after which a chunk is committed, however few its lines
CHUNK_BYTES = 16 * 1024 * 1024

#: lines, the number of the last of them, and the digest of all bytes up to there where the source has such
Chunk = tuple[list[Line], int, bytes | None]


def of(reader: Iterable, batch: Batch, *, size: int) -> Iterator[Chunk]:
    """The chunks of a reader, one after the other; Python looks for garbage between two of them only."""
    cut = _cut(reader, size, batch)
    while True:
        with garbage.put_off():
            chunk = next(cut, None)
            if chunk is None:
                return
            yield chunk


def _cut(reader: Iterable, size: int, batch: Batch) -> Iterator[Chunk]:
    """Cut a reader into (lines, number of the last line, digest up to there); check the part that was committed before.

    A chunk also ends after CHUNK_BYTES, so that memory does not grow with the length of lines.
    """
    chunk: list[Line] = []
    committed, known = batch.committed_lines, bytes(batch.committed_digest or b"")
    ends_at = _bytes_read(reader) + CHUNK_BYTES
    for line in reader:
        chunk.append(line)
        if line.number == committed and known and known != _digest_of(reader):
            raise BatchKeyUsed(f"{batch.reference} has this name already, and its first lines were others.")
        if len(chunk) == size or (len(chunk) % 16 == 0 and _bytes_read(reader) >= ends_at):
            yield chunk, line.number, _digest_of(reader)
            chunk = []
            ends_at = _bytes_read(reader) + CHUNK_BYTES
    if chunk:
        yield chunk, chunk[-1].number, _digest_of(reader)


def _bytes_read(reader: Iterable) -> int:
    return getattr(reader, "bytes_read", 0)


def _digest_of(reader) -> bytes | None:
    digest = getattr(reader, "sha256", None)
    return digest.digest() if digest is not None else None
