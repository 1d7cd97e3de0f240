"""What a sweep would destroy and keep aside at a moment, and why, without doing it.

It asks the same functions as the destruction (`grounds_of`, `candidates`, `by_ground`, `takes_part`, `due`, the account), so
that the two can't come to differ; a test compares it with the run that follows. It must never lock, write, or make a key.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any

from apps.audit.services import journal
from apps.foundation.clock import day_of
from apps.foundation.keys import keystore
from apps.foundation.refusals import Refusal
from apps.retention import envelope
from apps.retention.models import Archive, AsideBundle, AsideMessage, ClockDoubt, Cohort, Destruction
from apps.retention.services import accounts, aside, clock_guard, grounds
from apps.retention.services.clock_guard import ClockInDoubt
from apps.retention.services.destroy import MOST_ATTEMPTS, JournalOutOfStep
from apps.retention.services.ends import archive, bundle, day
from apps.retention.states import CohortState, DestructionScope, DestructionState


@dataclass(frozen=True)
class Line:
    """What would become of one cohort, bundle or archive."""

    scope: str
    cohort: str
    organization: str
    ended_on: date
    destroyed: int
    kept: dict[str, int]
    because: list[str]
    certificate: bool


@dataclass(frozen=True)
class Stopped:
    """One destruction that would not be done, with the refusal it would end with."""

    scope: str
    day: date
    code: str
    why: str


@dataclass
class DryRun:
    """The whole of it. `blocked` names what would keep anything at all from being destroyed."""

    at: datetime
    blocked: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    stopped: list[Stopped] = field(default_factory=list)

    @property
    def destroyed(self) -> int:
        return sum(line.destroyed for line in self.lines)

    @property
    def kept(self) -> Counter[str]:
        return sum((Counter(line.kept) for line in self.lines), Counter())

    def as_dict(self) -> dict[str, Any]:
        lines = [asdict(line) | {"ended_on": line.ended_on.isoformat()} for line in self.lines]
        stopped = [asdict(one) | {"day": one.day.isoformat()} for one in self.stopped]
        return {
            "at": self.at.isoformat(), "blocked": self.blocked, "destroyed": self.destroyed, "kept": dict(sorted(self.kept.items())),
            "lines": lines, "stopped": stopped,
        }  # fmt: skip


def look(*, at: datetime, present: bool = True) -> DryRun:
    """What a sweep at `at` would do. Where that is not the `present`, the clocks are taken to have come there in step."""
    found = DryRun(at=at)
    if ClockDoubt.objects.filter(confirmed_at=None).exists() or (present and clock_guard.compare(at=at)):
        found.blocked.append(f"{ClockInDoubt.code}: {ClockInDoubt().what}")
    if not journal.status().in_step:
        found.blocked.append(f"{JournalOutOfStep.code}: {JournalOutOfStep().what}")
    hidden_by_then = frozenset(Cohort.objects.readable().filter(expiry_on__lte=day_of(at)).values_list("pk", flat=True))
    for scope, on, lines in (*_days(at), *_bundles(at, hidden_by_then), *_archives(at)):
        try:
            found.lines += lines()
        except Refusal as refusal:
            found.stopped.append(Stopped(scope, on, refusal.code, refusal.what))
    return found


#: what one destruction would do; the lines are worked out when they are asked for
Piece = tuple[str, date, Callable[[], list[Line]]]


def _work(scope: DestructionScope, at: datetime) -> list[Destruction]:
    """Destructions that were begun, or opened, and that the next run would take up."""
    rows = Destruction.objects.claimable(at).filter(scope=scope, attempts__lt=MOST_ATTEMPTS).exclude(state=DestructionState.TRUNCATED)
    return list(rows)


# --- days -------------------------------------------------------------------------------------------------------------


def _days(at: datetime) -> Iterator[Piece]:
    today = day_of(at)
    begun = {work.day for work in _work(DestructionScope.DAY, at)}
    would_open = set(Destruction.objects.without_their_own_row(Cohort.objects.all(), today))
    hidden_first = set(Cohort.objects.readable().filter(expiry_on__lte=today).values_list("expiry_on", flat=True))
    hidden_first -= set(Destruction.objects.filter(scope=DestructionScope.DAY, day__in=hidden_first).values_list("day", flat=True))
    for ended_on in sorted(begun | would_open | hidden_first):
        yield DestructionScope.DAY, ended_on, partial(_day, ended_on, at)


def _day(ended_on: date, at: datetime) -> list[Line]:
    cohorts = list(Cohort.objects.filter(expiry_on=ended_on).select_related("organization").order_by("id"))
    counted = [(cohort, accounts.require_balance(cohort).in_leaf) for cohort in cohorts]
    lines = [_cohort(cohort, in_leaf, at) for cohort, in_leaf in counted if cohort.state != CohortState.DESTROYED]
    return [line for line in lines if line.certificate or line.kept]


def _cohort(cohort: Cohort, in_leaf: int, at: datetime) -> Line:
    """Of one cohort: what has a ground steps aside, the rest goes."""
    kept, because = Counter(), set()
    if cohort.state != CohortState.SHREDDED:
        why = grounds.grounds_of(cohort, at=at)
        if not why.keeps_nothing:
            opener = envelope.for_cohort(keystore(), organization=cohort.organization.reference, expiry=cohort.expiry_on)
            for ground, count in _kept_in_leaf(cohort, why, opener):
                kept[str(ground[0])] += count
                because |= {ground[1].reference} if ground[1] else set()
    stays = kept.total()
    stepped_aside = bool(stays) or cohort.aside_at is not None or AsideMessage.objects.filter(cohort=cohort).exists()
    return _line(
        DestructionScope.DAY, cohort, in_leaf - stays, kept, because, day.takes_part(stepped_aside=stepped_aside, in_leaf=in_leaf - stays)
    )


def _kept_in_leaf(cohort: Cohort, why: grounds.Grounds, opener: envelope.Envelope) -> Iterator[tuple[aside.Ground, int]]:
    after: int | None = 0
    while after is not None:
        rows, after = aside.candidates(cohort, why, opener, after)
        for ground, opened in aside.by_ground(why, opener, rows).items():
            yield ground, len(opened)


def _line(scope: str, cohort: Cohort, destroyed: int, kept: Counter, because: set[str], certificate: bool) -> Line:
    return Line(
        scope=str(scope), cohort=cohort.reference, organization=cohort.organization.reference, ended_on=cohort.expiry_on,
        destroyed=destroyed, kept=dict(sorted(kept.items())), because=sorted(because), certificate=certificate,
    )  # fmt: skip


# --- rows aside -------------------------------------------------------------------------------------------------------


def _bundles(at: datetime, hidden_by_then: frozenset[int]) -> Iterator[Piece]:
    begun = {work.secret: work for work in _work(DestructionScope.ASIDE, at)}
    standing = list(AsideBundle.objects.filter(secret__in=list(begun)).select_related("cohort__organization").order_by("id"))
    for row in [*standing, *bundle.due(at=at, hidden_by_then=hidden_by_then)]:
        yield DestructionScope.ASIDE, row.cohort.expiry_on, partial(_bundle, row, begun.get(row.secret), at)


def _bundle(row: AsideBundle, work: Destruction | None, at: datetime) -> list[Line]:
    cohort = row.cohort
    accounts.require_balance(cohort)
    kept, because, total = Counter(), set(), AsideMessage.objects.filter(bundle=row).count()
    shredded = work is not None and work.state == DestructionState.SHREDDED
    why = grounds.grounds_of(cohort, at=at)
    after: int | None = None if shredded or why.keeps_nothing else 0
    while after is not None:
        rows, after = bundle.chunk(row, after)
        for ground, opened in bundle.still_kept(row, cohort, why, rows).items():
            kept[str(ground[0])] += len(opened)
            because |= {ground[1].reference} if ground[1] else set()
    gone = total - kept.total()
    return [_line(DestructionScope.ASIDE, cohort, gone, kept, because, gone > 0)] if total else []


# --- hosted archives --------------------------------------------------------------------------------------------------


def _archives(at: datetime) -> Iterator[Piece]:
    begun = [work.archive for work in _work(DestructionScope.ARCHIVE, at)]
    for row in [*begun, *archive.due(at=at)]:
        yield DestructionScope.ARCHIVE, row.keep_until, partial(_archive, row, at)


def _archive(row: Archive, at: datetime) -> list[Line]:
    if archive.is_held(row, at):
        return [_line(DestructionScope.ARCHIVE, row.cohort, 0, Counter({"hold": row.messages}), set(), False)]
    return [_line(DestructionScope.ARCHIVE, row.cohort, row.messages, Counter(), set(), True)]
