"""What one holding handed over, as it waits for the others: a stream of records in one sealed file.

A record is a letter, the length in four bytes, and the content. In this order: for each table `T` (title) and its rows `R`, then its files (`F` with
the name, `B` for bytes) and what was redacted in it (`X`); at the end `E` with the counts. A stream without its `E` is no piece.
It must never be held in memory whole: a person may have a hundred thousand messages.
"""

import json
import re
import struct
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.foundation.personal_data import Collected

TABLE, ROW, FILE, BYTES, REDACTION, END = b"T", b"R", b"F", b"B", b"X", b"E"
HEAD = struct.Struct(">cI")
#: a file's bytes stand in records of this size at most, however it comes in
MOST_BYTES = 1 << 20
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class PieceCut(ValueError):
    """A defect: a stream ended before its end was written, and got its name all the same."""


@dataclass(frozen=True)
class Counted:
    """How much one holding handed over."""

    rows: int
    files: int
    redactions: int


def dumps(value: Any) -> str:
    """JSON as people can read it, with what no UTF-8 can hold as an escape."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
    return LONE_SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def _plain(value: Any) -> Any:
    """What JSON does not know, as people write it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return b64encode(value).decode()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no place in what is handed over")


def write(collected: Iterable[Collected], out: Callable[[bytes], Any]) -> Counted:
    """Write all that a holding hands over, and its end."""
    rows = files = redactions = 0
    for table in collected:
        _record(out, TABLE, dumps({"title": table.title}).encode())
        for row in table.rows:
            _record(out, ROW, dumps(dict(row)).encode())
            rows += 1
        for file in table.files:
            _record(out, FILE, dumps({"name": file.name}).encode())
            for piece in file.pieces:
                for start in range(0, len(piece), MOST_BYTES):
                    _record(out, BYTES, bytes(piece[start : start + MOST_BYTES]))
            files += 1
        for redaction in table.redactions:  # complete only now
            _record(out, REDACTION, dumps(asdict(redaction)).encode())
            redactions += 1
    counted = Counted(rows, files, redactions)
    _record(out, END, dumps(asdict(counted)).encode())
    return counted


def read(stream: Iterable[bytes]) -> Iterator[tuple[bytes, Any]]:
    """Each record as (letter, value): a value of JSON, or bytes of a file. Raises PieceCut."""
    waiting, kind = bytearray(), b""
    for piece in stream:
        waiting += piece
        start = 0
        while len(waiting) - start >= HEAD.size:
            kind, length = HEAD.unpack_from(waiting, start)
            if len(waiting) - start - HEAD.size < length:
                break
            content = bytes(waiting[start + HEAD.size : start + HEAD.size + length])
            start += HEAD.size + length
            yield kind, content if kind == BYTES else json.loads(content)
        del waiting[:start]
    if waiting or kind != END:
        raise PieceCut("a piece of a package has no end")


def _record(out: Callable[[bytes], Any], kind: bytes, content: bytes) -> None:
    out(HEAD.pack(kind, len(content)) + content)
