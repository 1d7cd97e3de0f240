"""What a package is made of, before it is written as any of its files: who it is for, and its sections in their order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apps.data_requests.packages import pieces
from apps.foundation.personal_data import Collected

Records = Callable[[], Iterator[tuple[bytes, Any]]]


@dataclass(frozen=True)
class Section:
    """One holding's part, or one of the overview. `open` gives its records anew each time, so that nothing is held in memory whole."""

    code: str
    title: str
    lead: str
    open: Records
    rows: int
    files: int = 0
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LeftOut:
    """A holding that was not handed over, and why."""

    holding: str
    title: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Contents:
    """All of one package."""

    package: str
    request: str
    person: str
    title: str
    lead: str
    operator: str
    contact: str
    installation: str
    policy: str
    made_at: datetime
    overview: tuple[Section, ...]
    sections: tuple[Section, ...]
    left_out: tuple[LeftOut, ...]
    with_rows: bool  # False: the categories were asked for, and no row of them

    @property
    def all_sections(self) -> tuple[Section, ...]:
        return (*self.overview, *self.sections)


def said(code: str, title: str, lead: str, *tables: Collected) -> Section:
    """A section of few rows that are known already."""
    collected = [(table.title, [dict(row) for row in table.rows]) for table in tables]

    def records() -> Iterator[tuple[bytes, Any]]:
        for name, rows in collected:
            yield pieces.TABLE, {"title": name}
            yield from ((pieces.ROW, row) for row in rows)

    return Section(code, title, lead, records, sum(len(rows) for _name, rows in collected))
