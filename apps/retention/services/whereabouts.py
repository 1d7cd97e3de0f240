"""Where a message stands whose day, by the rules at sending, is one thing, and which a rescheduling has moved to another.

The day that those rules say never changes, so every question about a message begins there and follows the moves that left
that day's cohort. While the cohort's key lives the moves know the message itself, by the tag the origin knew it under; once
it is gone, only to which cohorts its messages went, and each of them is asked.

| who depends on it | on what |
|---|---|
| reading, deleting | that a moved message is found, and that one which is gone with its new day is not taken for one that never was |
| ingest | that a resend of a moved message is neither stored a second time nor brought back after its new day |
| certificates | that a cohort knows which others its messages came through |
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from apps.accounts.models import Organization
from apps.foundation.clock import day_of
from apps.foundation.keys import KeyDestroyed, KeyMissing, keystore
from apps.retention import envelope
from apps.retention.models import Cohort, Move


@dataclass(frozen=True)
class Trail:
    """The days at which a message may stand, beginning with the one that its rules say. `known`: it was followed by its own tag."""

    days: tuple[date, ...]
    known: bool

    @property
    def was_moved(self) -> bool:
        """Whether this very message went another way than its rules."""
        return self.known and len(self.days) > 1

    @property
    def ended_on(self) -> date:
        """The message's own day: the last of a known trail, the first where the rest is only possible."""
        return self.days[-1] if self.known else self.days[0]

    def is_over(self, today: date) -> bool:
        return self.ended_on <= today


def trail(*, organization: Organization, day: date, source: str, message_id: str) -> Trail:
    """Follow one message from the day of its rules."""
    days = [day]
    while True:
        cohort = Cohort.objects.filter(organization=organization, expiry_on=days[-1]).first()
        if cohort is None or not Move.objects.filter(origin=cohort).exists():
            return Trail(tuple(days), known=True)
        try:
            opener = envelope.for_cohort(keystore(), organization=organization.reference, expiry=cohort.expiry_on)
        except (KeyMissing, KeyDestroyed):
            return Trail((*days, *sorted(_reachable(cohort) - set(days))), known=False)
        onward = moved(cohort, [opener.source_tag(source, message_id)])
        if not onward:
            return Trail(tuple(days), known=True)
        (destination,) = onward.values()
        if destination.expiry_on in days:  # there and back again by two reschedulings: where it came last, it stands
            return Trail((*(one for one in days if one != destination.expiry_on), destination.expiry_on), known=True)
        days.append(destination.expiry_on)


def _reachable(cohort: Cohort) -> set[date]:
    """The days of every cohort to which messages of this one went, at once or by way of others."""
    found, frontier = {cohort.pk: cohort.expiry_on}, {cohort.pk}
    while frontier:
        onward = Move.objects.filter(origin__in=frontier).values_list("destination", "destination__expiry_on").distinct()
        fresh = {pk: day for pk, day in onward if pk not in found}
        found |= fresh
        frontier = set(fresh)
    return set(found.values()) - {cohort.expiry_on}


def moved(cohort: Cohort, tags: Iterable[bytes]) -> dict[bytes, Cohort]:
    """Which of these source tags of a cohort left it, and for which cohort; the last move where one came back and left again."""
    tags = list(tags)
    if not tags or not Move.objects.filter(origin=cohort).exists():
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tag, m.destination_id FROM retention_move m CROSS JOIN LATERAL unnest(m.source_tags) AS t(tag)"
            " WHERE m.origin_id = %s AND m.source_tags && %s::bytea[] AND t.tag = ANY(%s::bytea[]) ORDER BY m.id",
            [cohort.pk, tags, tags],
        )
        found = {bytes(tag): destination for tag, destination in cursor}
    there = Cohort.objects.select_related("organization").in_bulk(set(found.values()))
    return {tag: there[destination] for tag, destination in found.items()}


def later_days(organization: Organization, day: date, *, at: datetime) -> list[date]:
    """Days that are not over, to which messages of a day went: where a message whose rules' day is over may still live."""
    cohort = Cohort.objects.filter(organization=organization, expiry_on=day).first()
    return sorted(later for later in _reachable(cohort) if later > day_of(at)) if cohort else []


def came_through(cohort: Cohort) -> set[int]:
    """The cohort and every other from which messages moved into it, at once or by way of others."""
    found, frontier = {cohort.pk}, {cohort.pk}
    while frontier:
        frontier = set(Move.objects.filter(destination__in=frontier).values_list("origin", flat=True)) - found
        found |= frontier
    return found
