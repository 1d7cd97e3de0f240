"""What can be found of a person, and how a finding is said."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class What(StrEnum):
    """By what a place was found, in the words of a report."""

    EMAIL = "e-mail address"
    PHONE = "phone"
    NAME = "name"
    IDENTITY = "id from elsewhere"
    REFERENCE = "reference"
    ROW = "row number"
    HASH = "keyed hash"
    DIGEST = "plain digest"
    TAG = "tag of a participant"
    UNREAD = "could not be read"


@dataclass(frozen=True, order=True)
class Found:
    """How many rows, files or keys of one place hold one kind of thing."""

    place: str
    what: str
    count: int


@dataclass
class Seen:
    """All that was looked at, and what was found; added to as the search goes on."""

    tables: int = 0
    columns: int = 0
    files: int = 0
    bytes: int = 0
    counted: Counter[tuple[str, What]] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    unread: list[str] = field(default_factory=list)

    def note(self, places: Iterable[tuple[str, What]]) -> None:
        """What one row, file or key holds: each place and kind counts once."""
        found = set(places)
        self.counted.update(found)
        self.rows.update({place.partition(".")[0] for place, _what in found})

    @property
    def found(self) -> list[Found]:
        unread = Counter((place, What.UNREAD) for place in self.unread)
        return sorted(Found(place, what.value, count) for (place, what), count in (self.counted + unread).items())
