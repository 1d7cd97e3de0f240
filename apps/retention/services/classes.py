"""Conversation classes: registered before messages may name them, so that a misspelt class is refused and not given a life."""

from datetime import datetime

from django.db import transaction

from apps.audit.services import ledger
from apps.foundation.refusals import Refusal
from apps.retention.models import BatchShare, ConversationClass
from apps.staff.models import StaffMember


class CodeInUse(Refusal):
    """Messages name this class already, so its code and organization can't change."""

    code = "class_in_use"
    mend = "Make a new class, and a rule for it."


@transaction.atomic
def save(*, conversation_class: ConversationClass, by: StaffMember, at: datetime) -> ConversationClass:
    """Make or change a class; its name and what it says about Patient Information may change, its code not once used."""
    before = ConversationClass.objects.select_for_update().filter(pk=conversation_class.pk).first()
    if before is None:
        conversation_class.created_at = at
        verb = "class.made"
    else:
        verb = "class.changed"
        moved = (before.code, before.organization_id) != (conversation_class.code, conversation_class.organization_id)
        used = BatchShare.objects.filter(
            cohort__organization_id=before.organization_id, conversation_class=before.code
        ).exists()  # fmt: skip
        if moved and (used or before.rules.exists()):
            raise CodeInUse
    conversation_class.save()
    ledger.record(
        verb, by=by.actor, about=conversation_class.reference, at=at,
        facts={"organization": conversation_class.organization.reference, "code": conversation_class.code,
               "patient_information": conversation_class.patient_information},
    )  # fmt: skip
    return conversation_class
