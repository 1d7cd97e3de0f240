"""Rows that may not be destroyed with their day step aside first, so that everyone else's destruction goes on.

They are re-encrypted under a secret of their own and moved, in chunks, with their proof hash unchanged. Hidden all the
while. It must never leave a row in both places or in none: each chunk is one transaction.
"""

from datetime import datetime

from django.db import connection, transaction

from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import keystore
from apps.retention import envelope
from apps.retention.models import AsideMessage, Cohort
from apps.retention.states import AsideGround, CohortState

CHUNK = 2_000


def step_aside(*, cohort: Cohort, at: datetime) -> int:
    """Move all rows of an expired cohort out of its day's leaf. Resumable; returns how many this call moved."""
    moved = 0
    while True:
        count = _move_chunk(cohort.pk, at)
        moved += count
        if count < CHUNK:
            return moved


@transaction.atomic
def _move_chunk(cohort_id: int, at: datetime) -> int:
    cohort = Cohort.objects.select_for_update(of=("self",)).select_related("organization").get(pk=cohort_id)
    if cohort.state != CohortState.EXPIRED or cohort.aside_at:
        return 0
    store, organization = keystore(), cohort.organization.reference
    day_envelope = envelope.for_cohort(store, organization=organization, expiry=cohort.expiry_on)
    aside_envelope = envelope.for_aside(
        store, organization=organization, expiry=cohort.expiry_on, cohort=cohort.reference, create=True
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM message WHERE expiry = %s AND id IN (SELECT id FROM message WHERE expiry = %s AND"
            " organization_id = %s ORDER BY id LIMIT %s) RETURNING id, segment, policy_version_id, proof, ciphertext",
            [cohort.expiry_on, cohort.expiry_on, cohort.organization_id, CHUNK],
        )
        rows = cursor.fetchall()
    moved = []
    for number, segment, policy_version, proof, ciphertext in rows:
        message, salt = day_envelope.open(ciphertext, number=number, policy_version=policy_version)
        sealed = aside_envelope.seal(message, number=number, policy_version=policy_version, salt=salt)
        if sealed.proof != bytes(proof):
            raise envelope.Unreadable(f"Message {number} does not match its proof hash.")
        moved.append(
            AsideMessage(
                id=number, cohort=cohort, ground=AsideGround.ARCHIVE, segment=segment, policy_version_id=policy_version,
                tags=sealed.tags, proof=proof, ciphertext=sealed.ciphertext, moved_at=at,
            )
        )  # fmt: skip
    AsideMessage.objects.bulk_create(moved, batch_size=500)
    if len(rows) < CHUNK:
        cohort.aside_at = at
        cohort.save(update_fields=["aside_at"])
        ledger.record(
            "cohort.stepped_aside", by=SYSTEM, about=cohort.reference, at=at,
            facts={"ground": AsideGround.ARCHIVE, "messages": AsideMessage.objects.filter(cohort=cohort).count()},
        )  # fmt: skip
    return len(rows)
