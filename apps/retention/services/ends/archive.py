"""The end of a hosted archive: its life is over, or its organization's contract.

Its own secret dies first, then its files are removed from their place and looked for there; a place that is down delays
the certificate, not the end of the messages' readability. An archive in which a hold may cover a message is kept whole.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from django.db import transaction

from apps.foundation.clock import day_of
from apps.foundation.keys import keystore
from apps.foundation.moves import require_move
from apps.gate.states import ContactReason
from apps.holds.services import asking
from apps.retention import envelope
from apps.retention.archives.container import MANIFEST
from apps.retention.archives.places.base import Receipt
from apps.retention.models import Archive, Cohort, Destruction
from apps.retention.services import grounds
from apps.retention.services.archives import parts, places
from apps.retention.services.ends import KeptMeanwhile
from apps.retention.states import ARCHIVE_MOVES, ArchiveState, DestructionScope, TargetKind

#: work rows made in one sweep
MOST_AT_ONCE = 500

#: stands for tags that are not known: an archive that was taken over after a restore may hold anybody
UNKNOWN = b""


def open_due(*, at: datetime) -> list[Destruction]:
    """A work row for every hosted archive whose life is over and that no hold keeps; some hundreds at a time."""
    free = (archive for archive in due(at=at) if not is_held(archive, at))
    return [_open(archive, at) for archive in list(islice(free, MOST_AT_ONCE))]


def due(*, at: datetime) -> Iterator[Archive]:
    """Hosted archives whose life is over, held or not, and that have no work row, one after the other."""
    return (
        Archive.objects.filter(state=ArchiveState.CLOSED, target__kind=TargetKind.HOSTED, keep_until__lte=day_of(at))
        .exclude(pk__in=Destruction.objects.filter(scope=DestructionScope.ARCHIVE).values("archive"))
        .select_related("cohort__organization", "target")
        .order_by("keep_until", "id")
        .iterator(chunk_size=MOST_AT_ONCE)
    )


@transaction.atomic
def _open(archive: Archive, at: datetime) -> Destruction:
    work, _is_new = Destruction.objects.get_or_create(
        secret=envelope.archive_secret(archive.reference),
        defaults={
            "scope": DestructionScope.ARCHIVE, "archive": archive, "cohort": archive.cohort, "day": archive.keep_until,
            "opened_at": at,
        },
    )  # fmt: skip
    return work


def is_held(archive: Archive, at: datetime) -> bool:
    """Whether a hold in force may cover a message of this archive."""
    tagger = None
    for hold in asking.holds_of_organization(archive.cohort.organization_id, at):
        tagger = tagger or envelope.for_archive_index(keystore(), archive.reference)
        tags = grounds.scope_of(hold).tags(tagger)
        if tags is None or archive.parts.filter(tags__overlap=[*tags, UNKNOWN]).exists():
            return True
    return False


def keep(work: Destruction, *, at: datetime) -> None:
    """An archive is kept whole or not at all; `require_free` asks."""


def locked(work: Destruction) -> list[Cohort]:
    return [Cohort.objects.select_for_update(of=("self",)).select_related("organization").get(pk=work.cohort_id)]


def require_free(work: Destruction, cohorts: list[Cohort], *, at: datetime) -> None:
    if is_held(work.archive, at):
        raise KeptMeanwhile(f"A hold covers messages of {work.archive.reference}.", mend="Release the hold, or ask counsel to.")


def intended(work: Destruction, cohorts: list[Cohort]) -> Iterable[tuple[Cohort, int, bool]]:
    for cohort in cohorts:
        yield cohort, work.archive.messages, False


def remove_copies(work: Destruction, *, at: datetime) -> None:
    """Each file of the archive is removed at its place and looked for there."""
    archive = parts.archive_of(work.archive_id)
    with places.place_of(archive.target, ContactReason.REMOVAL, at=at) as place:
        for part in archive.parts.order_by("number"):
            place.remove(part.name, Receipt.from_dict(part.receipt), at=at)
        place.remove(parts.object_name(archive, MANIFEST), Receipt.from_dict(archive.manifest["receipt"]), at=at)


def remove(work: Destruction, cohorts: list[Cohort], *, at: datetime) -> Iterable[tuple[Cohort, int]]:
    archive = Archive.objects.select_for_update().get(pk=work.archive_id)
    require_move(ARCHIVE_MOVES, archive.state, ArchiveState.DESTROYED)
    archive.state, archive.destroyed_at = ArchiveState.DESTROYED, at
    archive.save(update_fields=["state", "destroyed_at"])
    archive.parts.update(tags=[])
    for cohort in cohorts:
        yield cohort, archive.messages
