"""Notes among staff, and further words of whoever asked: sealed with the request, and gone with its secret. It must never add to what is over."""

from datetime import datetime

from django.db import transaction
from django.db.models import Max

from apps.audit.services import ledger
from apps.data_requests import words
from apps.data_requests.models import DataRequest, RequestNote
from apps.data_requests.services import moving
from apps.data_requests.services.owners import WORK, IsOver
from apps.data_requests.states import OVER
from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import presence

LONGEST_NOTE = 20_000


class NoteEmpty(Refusal):
    """There is nothing in it."""

    code = "note_empty"
    mend = f"Write what you want to keep, in {LONGEST_NOTE:,} characters at most."


@transaction.atomic
def note(*, request: DataRequest, text: str, by: StaffMember | Actor, at: datetime) -> RequestNote:
    """Write a note; it goes to nobody."""
    if isinstance(by, StaffMember):
        by = presence.lock(by)[by.pk]
        presence.require_right(by, WORK)
    said = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not said or len(said) > LONGEST_NOTE:
        raise NoteEmpty
    row = moving.locked(request.pk)
    if row.state in OVER or row.words is None:
        raise IsOver
    number = (row.notes.aggregate(highest=Max("number"))["highest"] or 0) + 1
    who = by if isinstance(by, Actor) else by.actor
    made = RequestNote.objects.create(
        request=row, number=number, words=words.seal_note(said, reference=row.reference, number=number), by=str(who), at=at
    )
    ledger.record("request.noted", by=who, about=row.reference, at=at, facts={"number": number})
    return made
