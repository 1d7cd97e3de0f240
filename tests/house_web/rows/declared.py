"""What a module of this folder declares of its app: how rows of each listed model come about, and what each act is tried on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from apps.staff.models import StaffMember
from tests.cast import DAY, NOON

#: the present of these tests: what the cast did at noon lies three weeks back
PRESENT = NOON + 20 * DAY
#: what a spreadsheet would run, as somebody may write it into a free text
FORMULAS = ('=HYPERLINK("http://evil.example","Press here")', "+1+1", "-2+3", "@SUM(A1:A9)")


@dataclass(frozen=True)
class Rows:
    """`make(number)` makes row 0, 1 or 2 by the services that make it in production.

    `queries` is what the list costs with any number of rows. Four are everybody's: the session, who looks, their second factor,
    the rows. `more` says what any further one is for.
    `view` is the permission that opens list and page, where that is not the model's own.
    `planted` says that a row carries one of FORMULAS in a listed text. `fixed` says that the table always holds the same rows, so
    that `make` adds to what is shown with them.
    `scans` names search fields that read the whole table, because it stays short.
    `committed` says that a row takes transactions that have ended.
    """

    make: Callable[[int], Any]
    queries: int = 4
    more: str = ""
    view: str = ""
    planted: bool = False
    fixed: bool = False
    scans: tuple[str, ...] = ()
    committed: bool = False


@dataclass(frozen=True)
class Scene:
    """What an act is tried on: `subject(member)` makes a thing that it applies to, None for an act on the list.

    `member` is who will act. `data` is a form that is right, or makes it of the thing. `committed` says that the thing takes
    transactions that have ended.
    """

    subject: Callable[[StaffMember], Model | None]
    data: Mapping[str, Any] | Callable[[Any], Mapping[str, Any]] = field(default_factory=dict)
    committed: bool = False

    def form(self, thing: Any) -> dict[str, Any]:
        return dict(self.data(thing) if callable(self.data) else self.data)
