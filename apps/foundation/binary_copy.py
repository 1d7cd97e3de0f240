"""Rows for PostgreSQL's binary COPY (its manual, "COPY", "Binary Format"), made by the hundred thousand.

The driver's own row writer looks at the type of every value; here who writes knows them, and what is the same in each row is
made once. It must never guess: a value that does not fit its column is refused by the server, with the whole COPY.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from struct import Struct

from django.db import connection
from psycopg.copy import LibpqWriter

BEGIN = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
END = b"\xff\xff"
#: bytes that are gathered before they are handed to the connection
BLOCK = 64 * 1024
#: bytes that may wait in memory for the server
AHEAD = 16 * 1024 * 1024

size = Struct("!i").pack
_EPOCH_DAY = date(2000, 1, 1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_ARRAY = Struct("!iiiiii").pack
_BYTEA = 17  # the type's number, the same in every server


def columns(count: int) -> bytes:
    """What stands before the fields of each row."""
    return count.to_bytes(2, "big")


def smallint(value: int) -> bytes:
    return size(2) + value.to_bytes(2, "big", signed=True)


def bigint(value: int) -> bytes:
    return size(8) + value.to_bytes(8, "big", signed=True)


def day(value: date) -> bytes:
    return size(4) + (value - _EPOCH_DAY).days.to_bytes(4, "big", signed=True)


def moment(value: datetime) -> bytes:
    return size(8) + ((value - _EPOCH) // timedelta(microseconds=1)).to_bytes(8, "big", signed=True)


def text(value: str) -> bytes:
    encoded = value.encode()
    return size(len(encoded)) + encoded


def bytea(value: bytes) -> bytes:
    return size(len(value)) + value


def array_of(items: Sequence[bytes], length: int) -> bytes:
    """A bytea[] whose items are all of one length."""
    begin, between = _array(len(items), length)
    return begin + between.join(items)


@cache
def _array(count: int, length: int) -> tuple[bytes, bytes]:
    """What stands before the first item of an array, and between two of them."""
    between = size(length)
    if count == 0:
        return size(12) + _ARRAY(0, 0, 0, _BYTEA, 0, 0)[4:16], between
    return _ARRAY(20 + count * (4 + length), 1, 0, _BYTEA, count, 1) + between, between


def send(statement: str, rows: Iterable[bytes]) -> None:
    """Write whole rows to a COPY … FROM STDIN (FORMAT BINARY), in blocks; the server takes them in while the next are made."""
    with connection.cursor() as wrapped:
        cursor = wrapped.cursor  # the driver's own: Django's, while it counts queries, takes no writer
        # the server takes rows in by the thousand and then looks up for a while: whoever waited for it each time would lose that while
        writer = LibpqWriter(cursor, flush_threshold=AHEAD)
        with connection.wrap_database_errors, cursor.copy(statement, writer=writer) as copy:
            waiting, length = [BEGIN], len(BEGIN)
            for row in rows:
                waiting.append(row)
                length += len(row)
                if length >= BLOCK:
                    copy.write(b"".join(waiting))
                    waiting, length = [], 0
            copy.write(b"".join((*waiting, END)))
