"""How much a lent file may hold, and how much reading it may take. Known to both processes; it imports nothing that is slow to load.

An address book of some thousand entries with pictures, or a calendar of many years, is read; what is beyond has another purpose.
"""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Of one file. Bytes, counts and seconds."""

    largest: int = 20 << 20
    most_lines: int = 400_000
    longest_line: int = 1 << 20  # unfolded: a picture
    longest_read: int = 64 << 10  # unfolded, of what is looked at: an address, a rule, a list of days
    deepest: int = 6
    most_components: int = 30_000
    most_properties: int = 300_000
    most_details: int = 60_000  # addresses and numbers, or times at which somebody is busy
    largest_encoded: int = 256 << 10  # as quoted-printable
    most_at_a_time: int = 1_000  # times that one rule names within a day or a year before its rest picks from them
    memory: int = 512 << 20
    processor_seconds: float = 10
    seconds: float = 40  # on the clock: the machine may be busy

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class OutOfBounds(Exception):
    """In the child: a file is not read, for the reason that the code names. Nothing of the file is in it."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code
