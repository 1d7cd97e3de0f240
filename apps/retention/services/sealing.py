"""Two days before they expire, the messages of a cohort are counted and bound by a Merkle root; at its day they are hidden.

What comes later than the seal opens a supplement with a seal of its own. It must never change a seal that stands.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.foundation.digests import MerkleTree
from apps.foundation.moves import require_move
from apps.retention.models import Cohort, Message, Segment
from apps.retention.services import grounds, reviews
from apps.retention.states import COHORT_MOVES, CohortState

#: cohorts a run takes before it lets others work
COHORTS_A_RUN = 500


def seal_due(*, at: datetime) -> int:
    """Seal every cohort that expires within the next 48 hours (DESIGN). Returns how many were sealed."""
    last_day = day_of(at + timedelta(hours=settings.RETENTION_SEAL_AHEAD_HOURS))
    due = list(Cohort.objects.due_for_sealing(last_day).values_list("pk", flat=True)[:COHORTS_A_RUN])
    return sum(seal_cohort(cohort_id=pk, at=at) for pk in due)


@transaction.atomic
def seal_cohort(*, cohort_id: int, at: datetime) -> bool:
    """Seal one open cohort; False where somebody else did or is at it."""
    cohort = Cohort.objects.select_for_update(skip_locked=True).filter(pk=cohort_id, state=CohortState.OPEN).first()
    if cohort is None:
        return False
    require_move(COHORT_MOVES, cohort.state, CohortState.SEALED)
    _seal_open_segments(cohort, at)
    cohort.state, cohort.sealed_at = CohortState.SEALED, at
    cohort.save(update_fields=["state", "sealed_at"])
    reviews.open_for(cohort=cohort, at=at)
    return True


def _seal_open_segments(cohort: Cohort, at: datetime) -> None:
    for segment in Segment.objects.select_for_update().filter(cohort=cohort, sealed_at=None).order_by("number"):
        tree, size = MerkleTree(), 0
        rows = (
            Message.objects.on_days([cohort.expiry_on])
            .filter(organization_id=cohort.organization_id, segment=segment.number)
            .order_by("id")
            .extra(select={"size": "octet_length(ciphertext)"})
            .values_list("proof", "size")
        )
        for proof, length in rows.iterator(chunk_size=10_000):
            tree.add(bytes(proof))
            size += length
        segment.messages, segment.bytes, segment.merkle_root, segment.sealed_at = tree.count, size, tree.root(), at
        segment.save(update_fields=["messages", "bytes", "merkle_root", "sealed_at"])
        ledger.record(
            "cohort.sealed", by=SYSTEM, about=cohort.reference, at=at,
            facts={"segment": segment.number, "messages": tree.count, "bytes": size, "merkle_root": tree.root().hex()},
        )  # fmt: skip


def expire_due(*, at: datetime) -> int:
    """Hide every cohort whose day has come. Reading refuses by the day itself; this makes it a recorded state."""
    today = day_of(at)
    late = list(Cohort.objects.due_for_sealing(today).values_list("pk", flat=True)[:COHORTS_A_RUN])
    for pk in late:  # the machine was off when they should have been sealed
        seal_cohort(cohort_id=pk, at=at)
    due = list(Cohort.objects.due_for_expiry(today).values_list("pk", flat=True)[:COHORTS_A_RUN])
    return sum(expire_cohort(cohort_id=pk, at=at) for pk in due)


@transaction.atomic
def expire_cohort(*, cohort_id: int, at: datetime) -> bool:
    """Hide one cohort; False where somebody else did. Closes its open supplement, if any, with a seal."""
    cohort = (
        Cohort.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("organization")
        .filter(pk=cohort_id, state__in=[CohortState.SEALED, CohortState.ARCHIVED], expiry_on__lte=day_of(at))
        .first()
    )
    if cohort is None:
        return False
    require_move(COHORT_MOVES, cohort.state, CohortState.EXPIRED)
    _seal_open_segments(cohort, at)
    owed = grounds.is_owed(cohort)
    cohort.state, cohort.expired_at, cohort.archive_owed = CohortState.EXPIRED, at, owed
    cohort.save(update_fields=["state", "expired_at", "archive_owed"])
    ledger.record("cohort.expired", by=SYSTEM, about=cohort.reference, at=at, facts={"archive_owed": owed})
    return True

