"""A batch from its opening to its summary: one hand-over of messages, done once under its name.

It must never be closed under a name that stood for other content before.
"""

from datetime import datetime

from django.db import transaction

from apps.accounts.models import Organization
from apps.accounts.states import OrganizationStanding
from apps.audit.services import ledger
from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal
from apps.policies.services.force import version_in_force
from apps.retention.models import Batch
from apps.retention.services.rules import NoRule, rules_of
from apps.retention.states import LifeFrom


class OrganizationDeparted(Refusal):
    """The organization is no client any more; nothing is taken in for it."""

    code = "organization_departed"
    mend = "Check the organization's reference."


class BatchKeyUsed(Refusal):
    """This batch name was used before, with other content or another choice."""

    code = "batch_key_used"
    mend = "Give the batch a new name. What came with the earlier one is stored."


@transaction.atomic
def open_batch(
    *, organization: Organization, source: str, key: str, by: Actor, at: datetime, life_from: str = LifeFrom.SENDING
) -> Batch:
    """Start a batch, or find the one of that key. Refuses where nothing could be taken in at all."""
    if organization.standing != OrganizationStanding.ACTIVE:
        raise OrganizationDeparted
    if not rules_of(organization.pk):
        raise NoRule(f"{organization.reference} has no approved rule of life, so its messages can't be given one.")
    batch, is_new = Batch.objects.get_or_create(
        organization=organization, source=source, key=key,
        defaults={
            "life_from": life_from,
            "life_counts_from": at if life_from == LifeFrom.IMPORT else None,
            "policy_version": version_in_force(at),
            "handed_over_by": str(by),
            "opened_at": at,
        },
    )  # fmt: skip
    if batch.life_from != life_from:
        raise BatchKeyUsed(f"{batch.reference} has this name already, with life counted {batch.get_life_from_display()}.")
    if is_new:
        ledger.record(
            "batch.opened", by=by, about=batch.reference, at=at,
            facts={"organization": organization.reference, "source": source, "life_from": life_from},
        )  # fmt: skip
    return batch


@transaction.atomic
def close_batch(*, batch: Batch, digest: bytes | None, by: Actor, at: datetime) -> Batch:
    """Everything of the batch is in. Twice is once; other content under the same name is refused."""
    batch = Batch.objects.select_for_update().get(pk=batch.pk)
    if batch.finished_at:
        if batch.digest and digest and bytes(batch.digest) != digest:
            raise BatchKeyUsed(f"{batch.reference} has this name already, with other content.")
        return batch
    batch.finished_at, batch.digest = at, digest
    batch.save(update_fields=["finished_at", "digest"])
    ledger.record(
        "batch.closed", by=by, about=batch.reference, at=at,
        facts={"lines": batch.committed_lines, "accepted": batch.accepted, "refused": batch.refused,
               "sha256": digest.hex() if digest else None},
    )  # fmt: skip
    return batch


def summary(batch: Batch) -> dict:
    """The batch as it is told to who sent it: counts, kinds, and each refused line with number and reason."""
    lines = list(batch.refused_lines.values_list("number", "code", "why")[:1000])
    return {
        "batch": batch.reference,
        "organization": batch.organization.reference,
        "source": batch.source,
        "lines": batch.committed_lines,
        "accepted": batch.accepted,
        "duplicates": batch.duplicates,
        "replaced": batch.replaced,
        "deleted": batch.deleted,
        "refused": batch.refused,
        "kinds": batch.kinds,
        "refused_lines": [{"line": number, "code": code, "why": why} for number, code, why in lines],
        "refused_lines_not_shown": max(0, batch.refused - len(lines)),
    }
