"""The first and the last line of the journal file, read without what lies between: what a glance may cost at any size.

Nothing is remembered and no lock is taken: a line being written has no newline yet, so it is not the last one. It proves
nothing about the lines between; who needs that reads them (`apps.audit.journal_file.look`).
"""

import os

from apps.audit import journal_file
from apps.audit.journal_file import JournalDamaged, JournalLost, Line, is_signed, parse
from apps.foundation import signing

BLOCK = 1 << 14


def first_and_last() -> tuple[Line, Line]:
    """The opening line and the last whole line, whose signature is checked. Refusals: JournalLost, JournalDamaged."""
    try:
        handle = os.open(journal_file.path(), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise JournalLost("The journal file is missing.") from None
    try:
        first, last = _first(handle), _last(handle, os.fstat(handle).st_size)
    finally:
        os.close(handle)
    if not is_signed(last, signing.public_key("journal")):
        raise JournalDamaged("The last line of the journal is not signed by this installation's key.")
    return parse(first), parse(last)


def _first(handle: int) -> bytes:
    read = b""
    while b"\n" not in read:
        block = os.pread(handle, BLOCK, len(read))
        if not block:
            raise JournalDamaged("The journal has no opening line.")
        read += block
    return read.partition(b"\n")[0]


def _last(handle: int, size: int) -> bytes:
    """Backwards from the end, until the newline before the last whole line was read, or the beginning."""
    start, read = size, b""
    while start > 0 and read.count(b"\n") < 2:
        step = min(BLOCK, start)
        start -= step
        read = os.pread(handle, step, start) + read
    return read[: read.rfind(b"\n")].rpartition(b"\n")[2]
