"""The coverage report of a matter or a hold: what it keeps now, and what was destroyed before it could.

What was destroyed can't be searched any more, so it is named by cohort and certificate: counsel sees which days are gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from apps.holds.models import Hold
from apps.retention.models import Certificate, Cohort
from apps.retention.services import scoped
from apps.retention.states import READABLE

#: messages opened for one report at the most; beyond it a cohort's number is an upper bound and says so
MOST_OPENED = 50_000


@dataclass
class Kept:
    """What is kept of one cohort."""

    cohort: Cohort
    live: int = 0
    aside: int = 0
    exact: bool = True

    @property
    def messages(self) -> int:
        return self.live + self.aside


@dataclass
class Coverage:
    """The report: what is kept by cohort, and the certificates of what was gone already."""

    at: datetime
    holds: list[Hold]
    kept: list[Kept] = field(default_factory=list)
    gone: list[tuple[Cohort, list[str], int]] = field(default_factory=list)

    @property
    def messages(self) -> int:
        return sum(kept.messages for kept in self.kept)

    @property
    def exact(self) -> bool:
        return all(kept.exact for kept in self.kept)


def report(*, holds: Sequence[Hold], at: datetime) -> Coverage:
    """Look at everything that these holds could cover. Reads only; opens 50,000 messages at the most."""
    coverage = Coverage(at, list(holds))
    left = MOST_OPENED
    for cohort, messages in scoped.by_cohort(holds, at):
        if cohort.destroyed_at is not None and _may_cover(cohort, holds):
            numbers = list(Certificate.objects.filter(cohort=cohort).order_by("id").values_list("number", flat=True))
            coverage.gone.append((cohort, numbers, cohort.destroyed_messages))
        if cohort.state not in READABLE and cohort.destroyed_at is None and cohort.shredded_at is not None:
            continue
        kept = Kept(cohort)
        for found in messages:
            kept.aside += found.is_aside
            kept.live += not found.is_aside
            left -= 1
            if left <= 0:
                kept.exact = False
                break
        if kept.messages or not kept.exact:
            coverage.kept.append(kept)
        if left <= 0:
            break
    return coverage


def _may_cover(cohort: Cohort, holds: Sequence[Hold]) -> bool:
    """Whether a destroyed cohort may have held what some hold names: nothing in it was sent after it was sealed."""
    last = (cohort.sealed_at or cohort.expired_at).date()
    return any(hold.sent_from is None or hold.sent_from <= last for hold in holds)
