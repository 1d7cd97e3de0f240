"""A restored database: noted when it is found, closed when everything it lacked was replayed.

At most one is open at a time, however many processes find it in the same moment. It must never be closed but in the
transaction in which the last missing entry is taken over.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from apps.audit.models import Event
from apps.audit.services import journal, ledger, restoring
from apps.backups.models import Restore
from apps.foundation.actors import SYSTEM

FOUND, REPLAYED_ENTRY, REPLAYED = "restore.found", "restore.entry_replayed", "restore.replayed"


@dataclass
class Gap:
    """What the database lacks: how many acts of each kind, from which entry on, since when."""

    acts: Counter[str] = field(default_factory=Counter)
    #: entries whose act is in the backup, so that only their mark is missing
    marks: int = 0
    first: int = 0
    last: int = 0
    since: datetime | None = None

    @property
    def entries(self) -> int:
        return self.acts.total() + self.marks


def look() -> Gap:
    """Read what the journal knows and the database does not; every signature is checked on the way."""
    gap = Gap()
    for one in restoring.lacking():
        if not gap.first:
            gap.first, gap.since = one.line.sequence, one.line.at
        gap.last = one.line.sequence
        if one.act_is_known:
            gap.marks += 1
        else:
            gap.acts[one.line.kind] += 1
    return gap


@transaction.atomic
def found(*, gap: Gap, at: datetime) -> Restore | None:
    """The open restore; noted now where nobody has. None where it was replayed since the gap was read."""
    _one_at_a_time()
    known = Restore.objects.open().first()
    if known is not None:
        return known
    return None if restoring.ends_agree() else note(gap=gap, at=at)


@transaction.atomic
def note(*, gap: Gap, at: datetime) -> Restore:
    """The row of a restore. Who calls it has seen that there is a gap, and that no other restore is open."""
    restore = Restore.objects.create(
        found_at=at, first_missing=gap.first, entries=gap.entries, since=gap.since, found=dict(sorted(gap.acts.items()))
    )
    ledger.record(
        FOUND, by=SYSTEM, about=restore.reference, at=at,
        facts={"first_missing": gap.first, "entries": gap.entries, "since": gap.since, **restore.found},
    )  # fmt: skip
    return restore


@transaction.atomic
def close(*, restore: Restore, last: int, at: datetime) -> Restore:
    """Everything is replayed. The journal learns it, so that a later restore of an older backup knows of this one."""
    _one_at_a_time()
    restore = Restore.objects.select_for_update().get(pk=restore.pk)
    repeated = Event.objects.filter(verb=REPLAYED_ENTRY, facts__restore=restore.reference).values_list("facts__kind", flat=True)
    restore.replayed_at, restore.replayed = at, dict(sorted(Counter(repeated).items()))
    restore.save(update_fields=["replayed_at", "replayed"])
    ledger.record(
        REPLAYED, by=SYSTEM, about=restore.reference, at=at,
        facts={"first_missing": restore.first_missing, "last": last, "entries": restore.entries, **restore.replayed},
    )  # fmt: skip
    journal.owe(
        REPLAYED, about=restore.reference, at=at,
        body={
            "found_at": restore.found_at, "since": restore.since, "first": restore.first_missing, "last": last, "entries": restore.entries,
            "found": restore.found, "replayed": restore.replayed,
        },
    )  # fmt: skip
    return restore


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('covenant_restore'))")
