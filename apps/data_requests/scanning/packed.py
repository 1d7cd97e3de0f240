"""What programs pack: gzip, zip and zstandard, opened under caps, so that a copy that was packed is a copy that is found.

A bomb must not fill the memory: what unpacks to more than the cap, or does not unpack, is said to be unread.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator

import zstandard

LARGEST = 256 << 20
MOST_MEMBERS = 10_000
BLOCK = 1 << 20
#: how long a file's beginning has to be to see how it is packed
BEGINNING = 4
GZIP, ZIP, ZSTANDARD = b"\x1f\x8b\x08", b"PK\x03\x04", b"\x28\xb5\x2f\xfd"


class Unread(Exception):
    """It unpacks to more than may be held, or not at all."""


def is_packed(beginning: bytes) -> bool:
    """Whether a file or value that begins so was packed by one of the three."""
    return beginning.startswith((GZIP, ZIP, ZSTANDARD))


def pieces(file: io.BufferedIOBase) -> Iterator[bytes]:
    """What is inside, piece by piece. Raises Unread."""
    beginning = file.read(BEGINNING)
    file.seek(0)
    try:
        if beginning.startswith(ZIP):
            yield from _zip(file)
        elif beginning.startswith(GZIP):
            yield from _capped(_gzip(file))
        else:
            yield from _capped(_zstandard(file))
    except (zlib.error, zstandard.ZstdError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise Unread(type(error).__name__) from None


def _capped(blocks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        if size > LARGEST:
            raise Unread("too large")
        yield block


def _gzip(file: io.BufferedIOBase) -> Iterator[bytes]:
    opener = zlib.decompressobj(wbits=31)
    while block := opener.unconsumed_tail or file.read(BLOCK):
        yield opener.decompress(block, BLOCK)
        if opener.eof:
            return


def _zstandard(file: io.BufferedIOBase) -> Iterator[bytes]:
    with zstandard.ZstdDecompressor(max_window_size=LARGEST).stream_reader(file) as opened:
        while block := opened.read(BLOCK):
            yield block


def _zip(file: io.BufferedIOBase) -> Iterator[bytes]:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > LARGEST:
            raise Unread("too large")
        for member in members:
            yield member.filename.encode("utf-8", "surrogatepass") + b"\x1f"
            with archive.open(member) as opened:
                while block := opened.read(BLOCK):
                    yield block
