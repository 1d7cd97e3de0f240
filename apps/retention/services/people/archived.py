"""What archives that a client paid for have of a person's messages, and what they are owed and do not have yet. Read only.

A message may leave the service once a part that was proven at its place has it, in every archive that it is owed to: the parts of
an archive are delivered daily, so that is a day, where the segment's own end may be years away.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time

from django.db import connection

from apps.foundation.keys import KeyDestroyed, KeyMissing, keystore
from apps.foundation.personal_data import Subject
from apps.retention import envelope
from apps.retention.models import Amendment, Archive, Cohort
from apps.retention.services import arrivals, grounds
from apps.retention.services.archives import closing
from apps.retention.services.people.finding import TOGETHER, Place
from apps.retention.services.people.whose import Whose
from apps.retention.states import ArchiveState, PartState, TargetKind


def waiting(cohort: Cohort) -> Callable[[Place], bool]:
    """Which of a cohort's messages an archive is owed and does not have yet. Call it under the cohort's lock."""
    unarchived = grounds.unarchived_segments(cohort)
    if not unarchived:
        return lambda place: False
    kinds = closing.demanded(cohort.organization)
    through: dict[int, tuple[int, int]] = {}
    for segment in unarchived:
        proven = [_proven(cohort, segment, kind) for kind in kinds] or [(0, 0)]
        through[segment] = min(number for number, _edit in proven), min(edit for _number, edit in proven)
    first = min(edit for _number, edit in through.values())
    edits = list(Amendment.objects.filter(cohort=cohort, pk__gt=first).values_list("message", "pk"))

    def waits(place: Place) -> bool:
        if place.segment not in through:
            return False
        number, edit = through[place.segment]
        return place.id > number or any(message == place.id and pk > edit for message, pk in edits)

    return waits


def _proven(cohort: Cohort, segment: int, kind: str) -> tuple[int, int]:
    """Up to which message, and which edit, an archive of this kind has all of a segment, proven at its place part by part."""
    best = (0, 0)
    for archive in Archive.objects.filter(cohort=cohort, segment=segment, target__kind=kind).prefetch_related("parts"):
        reached = (0, 0)
        for part in sorted(archive.parts.all(), key=lambda part: part.number):
            if part.state != PartState.VERIFIED:
                break
            reached = part.through_id, part.through_amendment
        best = max(best, reached)
    return best


def copies(subject: Subject, whose: Whose) -> Iterator[tuple[str, int, datetime | None]]:
    """Each place of archives that we host, how many parts there may have something of the person, and the day on which the last is destroyed.

    Found by the tags of the parts; a part with too many to name them counts.
    """
    archives = list(
        Archive.objects.filter(cohort__organization__reference=subject.organization, target__kind=TargetKind.HOSTED)
        .exclude(state=ArchiveState.DESTROYED)
        .select_related("target")
        .order_by("id")
    )
    parts: dict[int, int] = {}
    for begin in range(0, len(archives), TOGETHER):
        parts |= _parts(archives[begin : begin + TOGETHER], whose)
    for reference in sorted({archive.target.reference for archive in archives if archive.pk in parts}):
        there = [archive for archive in archives if archive.pk in parts and archive.target.reference == reference]
        ends = [archive.keep_until for archive in there]
        until = None if None in ends else datetime.combine(max(ends), time.min, tzinfo=UTC)
        yield reference, sum(parts[archive.pk] for archive in there), until


def _parts(archives: list[Archive], whose: Whose) -> dict[int, int]:
    pieces, values = [], []
    for archive in archives:
        try:
            tags = whose.tags(envelope.for_archive_index(keystore(), archive.reference))
        except (KeyDestroyed, KeyMissing):
            continue
        pieces.append("SELECT archive_id, count(*) FROM retention_archivepart WHERE archive_id = %s AND tags && %s::bytea[] GROUP BY 1")
        values += [archive.pk, arrivals.as_array([*tags, b""])]
    if not pieces:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(pieces), values)
        return dict(cursor.fetchall())
