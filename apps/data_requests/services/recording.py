"""Reading what somebody asked: recorded before anything is shown; and the time line of a request, which is the ledger's.

It must never open a word without its record in the same transaction, nor show an event that is about another request.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from apps.accounts.services.looking import Reason, ReasonMissing
from apps.audit.models import Event
from apps.audit.services import ledger
from apps.data_requests import words
from apps.data_requests.models import DataRequest, RequestNote
from apps.data_requests.words import Asked
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import presence

REVEAL = "data_requests.reveal_datarequest"


class NothingToRead(Refusal):
    """What was asked can't be read any more: it was destroyed when the request ended."""

    code = "request_emptied"
    mend = "The time line of the request says what was done, and its evidence proves it."


@dataclass(frozen=True, repr=False)
class Said:
    """One request as it came: its own, or one that joined."""

    request: DataRequest
    asked: Asked


@dataclass(frozen=True, repr=False)
class Opened:
    """All that was said in a request: as it came, with what joined it, and the notes."""

    said: tuple[Said, ...]
    notes: tuple[tuple[RequestNote, str], ...]


@transaction.atomic
def look(*, request: DataRequest, by: StaffMember, at: datetime, reason: str = Reason.PERSON_ASKED) -> Opened:
    """Record that somebody reads a request, and open it."""
    reader = presence.lock(by)[by.pk]
    presence.require_right(reader, REVEAL)
    if reason not in Reason.values:
        raise ReasonMissing
    row = DataRequest.objects.get(pk=request.pk)
    if row.words is None:
        raise NothingToRead
    rows = [row, *row.merged.filter(words__isnull=False).order_by("pk")]
    said = tuple(Said(one, words.open_words(one)) for one in rows)
    kept = RequestNote.objects.filter(request__in=rows, words__isnull=False).select_related("request").order_by("at", "pk")
    notes = tuple((one, words.open_note(one)) for one in kept)
    ledger.record("request.read", by=reader, about=row.reference, at=at, facts={"reason": str(reason), "joined": len(said) - 1, "notes": len(notes)})
    return Opened(said, notes)


def time_line(request: DataRequest) -> QuerySet[Event]:
    """All that happened, as it was recorded, the first first."""
    return Event.objects.filter(object=request.reference).order_by("id")
