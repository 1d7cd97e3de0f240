"""A message goes before its day: deleted where it was sent, or by staff. Hidden at once, unrecoverable with its cohort's key.

Each deletion is a row of its own: a term of the cohort's account, and the reason why a resend does not bring it back.
It must never remove a row without that record, and never touch what has expired (that is destroyed, or kept with reason).
"""

from datetime import date, datetime

from django.db import transaction

from apps.accounts.models import Organization
from apps.audit.services import ledger
from apps.foundation.actors import Actor
from apps.foundation.clock import day_of
from apps.foundation.keys import KeyDestroyed, KeyMissing, keystore
from apps.foundation.refusals import Refusal
from apps.retention import envelope
from apps.retention.models import Cohort, EarlyDeletion, Message
from apps.retention.states import READABLE


class NothingToDelete(Refusal):
    """No message of that id is stored in this cohort."""

    code = "nothing_to_delete"
    mend = "Check id and source; it may belong to another day, or be gone already."


@transaction.atomic
def delete_by_source(
    *, organization: Organization, day: date, source: str, message_id: str, reason: str, by: Actor, at: datetime
) -> EarlyDeletion | None:
    """Delete the message that `source` calls `message_id` from the cohort of `day`; None where it is not there.

    Twice is once: the second call finds the first one's record.
    """
    cohort = (
        Cohort.objects.select_for_update().filter(organization=organization, expiry_on=day, state__in=READABLE).first()
    )
    if cohort is None or cohort.expiry_on <= day_of(at):
        return None
    try:
        sealer = envelope.for_cohort(keystore(), organization=organization.reference, expiry=day)
    except (KeyMissing, KeyDestroyed):
        return None
    tag = sealer.source_tag(source, message_id)
    done = EarlyDeletion.objects.filter(cohort=cohort, source_tag=tag).first()
    if done is not None:
        return done
    row = (
        Message.objects.on_days([day])
        .filter(source_tag=tag)
        .values_list("id", "segment", "proof", "ciphertext")
        .first()
    )
    if row is None:
        return None
    number, segment, proof, ciphertext = row
    Message.objects.on_days([day]).filter(id=number).delete()
    deletion = EarlyDeletion.objects.create(
        cohort=cohort, segment=segment, bytes=len(ciphertext), proof=proof, source_tag=tag, reason=reason, by=str(by), at=at
    )
    ledger.record(
        "message.deleted_early", by=by, about=deletion.reference, at=at,
        facts={"cohort": cohort.reference, "reason": reason, "unrecoverable_from": day.isoformat()},
    )  # fmt: skip
    return deletion
