"""A file that could not be read becomes an item for staff: which kind, why and how large. The file itself is kept nowhere."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.accounts.models import Person
from apps.audit.services import ledger
from apps.contacts.models import RefusedFile
from apps.contacts.states import REFUSED_MOVES, RefusedState, SourceHow
from apps.foundation.moves import require_move
from apps.staff.models import StaffMember
from apps.staff.services import presence

FINISH = "contacts.finish_refusedfile"


@transaction.atomic
def note(*, person: Person, purpose: str, how: SourceHow, code: str, size: int, source_reference: str = "", by, at: datetime) -> RefusedFile:
    """Write down that something was refused."""
    row = RefusedFile.objects.create(
        person=person, purpose=purpose, how=how, source_reference=source_reference, code=code, size=min(size, 2**31 - 1), at=at
    )
    facts = {"person": person.reference, "kind": purpose, "code": code, "source": source_reference}
    ledger.record("contact_file.refused", by=by, about=row.reference, at=at, facts=facts)
    return row


@transaction.atomic
def finish(*, refused: RefusedFile, by: StaffMember, at: datetime) -> RefusedFile:
    """Somebody of staff has looked at it."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, FINISH)
    row = RefusedFile.objects.select_for_update().get(pk=refused.pk)
    require_move(REFUSED_MOVES, row.state, RefusedState.DONE)
    row.state, row.done_by, row.done_at = RefusedState.DONE, str(member.actor), at
    row.save(update_fields=["state", "done_by", "done_at"])
    ledger.record("contact_file.looked_at", by=member, about=row.reference, at=at, facts={"code": row.code})
    return row


def forget_old(*, at: datetime) -> int:
    """Forget what was refused long ago; returns how many."""
    return RefusedFile.objects.filter(at__lt=at - timedelta(days=settings.CONTACTS_REFUSED_KEEP_DAYS)).delete()[0]
