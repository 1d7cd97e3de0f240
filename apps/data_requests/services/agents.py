"""Somebody asks for somebody else (11 CCR 7063): the person confirms it by a link of their own, or staff read a power of attorney.

| who asks | what suffices | what never does |
|---|---|---|
| an authorised agent | the person says yes by a link that went to a contact on file | the agent's word or document alone |
| an attorney-in-fact | staff took the document, read it, and say so | a document that nobody took |

What the agent handed in lies sealed in the request's words. It must never be sent to anybody, and the agent gets no answer about the person.
"""

from datetime import datetime

from django.db import transaction

from apps.accounts.services.documents import kind_of
from apps.audit.models import Event
from apps.audit.services import ledger
from apps.data_requests import words
from apps.data_requests.models import DataRequest
from apps.data_requests.services import links, moving, proving
from apps.data_requests.states import Asker, DenialReason, LinkPurpose, State
from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember

TAKEN = "request.document_taken"
NOT_AUTHORISED = "11 CCR 7063(a): the person said, by a link sent to a contact on file, that they gave no such authority."


class NoDocument(Refusal):
    """Nothing was handed in with this request."""

    code = "request_no_document"
    mend = "Ask who wrote for the document."


class DocumentNotTaken(Refusal):
    """You did not look at the document yet."""

    code = "request_document_not_taken"
    mend = "Take the document, read it, then come back."


class NoAttorney(Refusal):
    """Nobody with a power of attorney asks here."""

    code = "request_no_attorney"
    mend = "Wait for the person's own confirmation, or identify them in another way."


def agent_of(token: str, *, at: datetime) -> str | None:
    """The name that the agent gave, as whoever opens the link may see it; None where the link opens nothing."""
    link = links.find(token, purpose=LinkPurpose.CONFIRM_AGENT, at=at)
    if link is None:
        return None
    asked = words.open_words(link.request)
    return asked.agent_name if asked else ""


@transaction.atomic
def confirm(token: str, *, at: datetime) -> DataRequest:
    """The person says that the agent may ask. Raises LinkOver or ContactGone."""
    request, link = links.spend(token, purpose=LinkPurpose.CONFIRM_AGENT, at=at)
    ledger.record("request.agent_confirmed", by=Actor("person", request.person_reference), about=request.reference, at=at)
    return proving.control_shown(request, link, at=at)


@transaction.atomic
def disown(token: str, *, at: datetime) -> DataRequest:
    """The person says that nobody asks for them: the request ends, denied. Raises LinkOver."""
    request, _link = links.spend(token, purpose=LinkPurpose.CONFIRM_AGENT, at=at)
    if request.state not in (State.IDENTIFYING, State.COOLING_OFF):
        raise links.LinkOver
    links.void(request, *LinkPurpose.values, at=at)
    request.denial_reason, request.denial_basis = DenialReason.AGENT_UNPROVEN, NOT_AUTHORISED
    return moving.move(request, State.DENIED, by=Actor("person", request.person_reference), at=at)


@transaction.atomic
def take_document(*, request: DataRequest, by: StaffMember, at: datetime) -> tuple[bytes, str]:
    """The document's bytes and kind, once it is recorded that they were taken."""
    asked = words.open_words(DataRequest.objects.get(pk=request.pk))
    if asked is None or not asked.document:
        raise NoDocument
    ledger.record(TAKEN, by=by, about=request.reference, at=at)
    return asked.document, kind_of(asked.document)


@transaction.atomic
def accept_power(*, request: DataRequest, by: StaffMember, at: datetime) -> DataRequest:
    """Staff read the power of attorney, and it suffices."""
    row = moving.locked(request.pk)
    if row.asker != Asker.ATTORNEY:
        raise NoAttorney
    if not Event.objects.filter(verb=TAKEN, object=row.reference, actor=str(by.actor)).exists():
        raise DocumentNotTaken
    return proving.by_staff(request=row, way=proving.Way.POWER, by=by, at=at)
