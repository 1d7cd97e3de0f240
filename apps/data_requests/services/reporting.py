"""What regulators ask to know about requests: how many, by kind and outcome, and how long they took; the yearly metrics of 11 CCR 7102.

Counted are requests that were received in the year, of everybody and not of Californians alone (7102 lets a business choose, and say so). What
joined another counts once, with that one. Days run from the receipt to the answer, or to the denial. It must never name a request or a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from django.db.models import Count, F, Max, Min, Q, QuerySet
from django.db.models.functions import Coalesce

from apps.data_requests.models import DataRequest
from apps.data_requests.states import DenialReason, Kind, Outcome, State

#: what 11 CCR 7102(a)(1) calls each, and our kinds of it
METRICS: dict[str, tuple[str, ...]] = {
    "Requests to delete": (Kind.DELETION, Kind.CLOSING, Kind.MINOR),
    "Requests to correct": (Kind.CORRECTION,),
    "Requests to know": (Kind.ACCESS, Kind.CATEGORIES),
    "Requests to opt out (consents withdrawn)": (Kind.WITHDRAWAL,),
}
HEADINGS = ("Kind", "Received", "Complied with in whole", "Complied with in part", "Denied", "Called back", "Still open", "Median days", "Mean days")


@dataclass(frozen=True)
class Line:
    """Requests of one kind, or of one metric. Days are None where none was answered."""

    title: str
    received: int = 0
    whole: int = 0
    part: int = 0
    denied: int = 0
    called_back: int = 0
    still_open: int = 0
    median_days: float | None = None
    mean_days: float | None = None

    def cells(self) -> tuple:
        days = ("" if value is None else f"{value:.1f}" for value in (self.median_days, self.mean_days))
        return (self.title, self.received, self.whole, self.part, self.denied, self.called_back, self.still_open, *days)


@dataclass(frozen=True)
class Report:
    """One year."""

    year: int
    metrics: Sequence[Line]
    kinds: Sequence[Line]
    denials: Sequence[tuple[str, int]]

    def rows(self) -> list[tuple]:
        """All of it, as a file has it."""
        kinds = [("Of that, by kind:", *[""] * (len(HEADINGS) - 1)), *(line.cells() for line in self.kinds)]
        denials = [("Denied because:", *[""] * (len(HEADINGS) - 1)), *((reason, "", "", "", count, "", "", "", "") for reason, count in self.denials)]
        return [*(line.cells() for line in self.metrics), *kinds, *denials]


def years() -> list[int]:
    """The years in which requests came, the newest first; this one where none came."""
    span = DataRequest.objects.aggregate(first=Min("received_at"), last=Max("received_at"))
    return list(range(span["last"].year, span["first"].year - 1, -1)) if span["first"] else []


def of_year(year: int) -> Report:
    """The report of the requests that were received in that year, in UTC."""
    begins, ends = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    rows = DataRequest.objects.filter(received_at__gte=begins, received_at__lt=ends).exclude(state=State.MERGED)
    kinds = {kind: _line(Kind(kind).label, rows.filter(kind=kind)) for kind in Kind.values}
    denied = dict(rows.filter(state=State.DENIED).values_list("denial_reason").annotate(count=Count("pk")).order_by())
    return Report(
        year, [_line(title, rows.filter(kind__in=of)) for title, of in METRICS.items()], list(kinds.values()),
        [(label, denied[reason]) for reason, label in DenialReason.choices if reason in denied],
    )  # fmt: skip


def _line(title: str, rows: QuerySet[DataRequest]) -> Line:
    counts = rows.aggregate(
        received=Count("pk"), whole=Count("pk", filter=Q(outcome=Outcome.WHOLE)), part=Count("pk", filter=Q(outcome=Outcome.PART)),
        denied=Count("pk", filter=Q(outcome=Outcome.DENIED)), called_back=Count("pk", filter=Q(outcome=Outcome.CALLED_BACK)),
        still_open=Count("pk", filter=Q(outcome="")),
    )  # fmt: skip
    answered = rows.filter(outcome__in=(Outcome.WHOLE, Outcome.PART, Outcome.DENIED)).annotate(took=Coalesce("answered_at", "closed_at") - F("received_at"))
    days = [took.total_seconds() / 86_400 for took in answered.values_list("took", flat=True)]
    return Line(title, **counts, median_days=median(days) if days else None, mean_days=sum(days) / len(days) if days else None)
