"""A message goes before its day: deleted where it was sent, or by staff. Hidden at once, unrecoverable with its cohort's key.

Each deletion is a row of its own: a term of the cohort's account, and the reason why a resend does not bring it back. What
a legal hold covers leaves the service as well, but into the hold's bundle: hidden, apart, not erased.
It must never remove a row without that record, and never touch what has expired (that is destroyed, or kept with reason).
"""

from dataclasses import replace
from datetime import date, datetime

from django.db import transaction

from apps.accounts.models import Organization
from apps.audit.services import journal, ledger
from apps.foundation.actors import Actor
from apps.foundation.clock import day_of
from apps.foundation.keys import KeyDestroyed, KeyMissing, keystore
from apps.foundation.refusals import Refusal
from apps.holds.services import asking
from apps.retention import envelope
from apps.retention.models import Cohort, EarlyDeletion, Message, Segment
from apps.retention.services import arrivals, aside, grounds, whereabouts
from apps.retention.states import READABLE


class NothingToDelete(Refusal):
    """No message of that id is stored in this cohort."""

    code = "nothing_to_delete"
    mend = "Check id and source; it may belong to another day, or be gone already."


def delete_by_source(
    *, organization: Organization, day: date, source: str, message_id: str, reason: str, by: Actor, at: datetime
) -> EarlyDeletion | None:
    """Delete the message that `source` calls `message_id` and that was stored for `day`; None where it is not there.

    Where a rescheduling moved it, it is found at its new day. Twice is once: the second call finds the first one's record.
    """
    for stop in whereabouts.trail(organization=organization, day=day, source=source, message_id=message_id).days:
        deletion = _delete_there(organization, stop, source, message_id, reason, by, at)
        if deletion is not None:
            return deletion
    return None


@transaction.atomic
def _delete_there(
    organization: Organization, day: date, source: str, message_id: str, reason: str, by: Actor, at: datetime
) -> EarlyDeletion | None:
    asking.keep_new_holds_out()  # one that waits comes before our look, or after the row is gone
    cohort = (
        Cohort.objects.select_for_update(of=("self",))
        .select_related("organization")
        .filter(organization=organization, expiry_on=day, state__in=READABLE)
        .first()
    )
    if cohort is None or cohort.expiry_on <= day_of(at):
        return None
    try:
        opener = envelope.for_cohort(keystore(), organization=organization.reference, expiry=day)
    except (KeyMissing, KeyDestroyed):
        return None
    tag = opener.source_tag(source, message_id)
    done = EarlyDeletion.objects.filter(cohort=cohort, source_tag=tag).first()
    if done is not None:
        return done
    found = (
        Message.objects.on_days([day])
        .filter(source_tag=tag)
        .order_by("source_tag")  # by its own index: in the order of numbers the planner would walk the leaf
        .values_list("id", "segment", "policy_version_id", "proof", "ciphertext")
        .first()
    )
    if found is None:
        return None
    row = aside.Row(*found[:3], *(bytes(part) for part in found[3:]))
    only_holds = replace(grounds.grounds_of(cohort, at=at), unarchived=frozenset(), review=False)
    kept = bool(only_holds.scopes and aside.put_aside(cohort, only_holds, opener, [row], at))
    if not kept:
        arrivals.take_out(day, [row.id])
    deletion = EarlyDeletion.objects.create(
        cohort=cohort, segment=row.segment, bytes=len(row.ciphertext), proof=row.proof, source_tag=tag, kept_for_hold=kept,
        reason=reason, by=str(by), at=at, message=row.id,
        counted=Segment.objects.filter(cohort=cohort, number=row.segment, sealed_at__isnull=False).exists(),
    )  # fmt: skip
    journal.owe(
        "message.deleted_early", about=deletion.reference, at=at,
        body={"cohort": cohort.reference, "organization": organization.reference, "day": day.isoformat(), "tag": tag.hex(),
              "message": row.id, "reason": reason},
    )  # fmt: skip
    ledger.record(
        "message.deleted_early", by=by, about=deletion.reference, at=at,
        facts={"cohort": cohort.reference, "reason": reason, "unrecoverable_from": day.isoformat(), "kept_for_hold": kept},
    )  # fmt: skip
    return deletion
