"""All contacts of a person hear what is about to happen, each with a link that calls it back while nothing has begun.

Who calls back says nothing and learns nothing: the request ends, and everybody hears that it did. It must never let a link of one request
touch another, nor call back what has begun.
"""

from datetime import UTC, datetime

from django.db import transaction

from apps.audit.services import ledger
from apps.data_requests.models import DataRequest
from apps.data_requests.services import contacts, links, moving
from apps.data_requests.states import MAY_BE_CALLED_BACK, Kind, LinkPurpose, State
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.refusals import Refusal
from apps.mail.services import outbox


class BeganAlready(Refusal):
    """This request can't be called back any more: carrying it out has begun, or it is over."""

    code = "request_began"
    mend = "Write to us if you did not ask for it."


def offer(request: DataRequest, *, template: str, until: datetime, at: datetime) -> int:
    """Tell every contact by mail, each with a link of its own; returns how many. The caller holds the row."""
    told = contacts.everybody(request.person, at=at) if request.person else []
    for contact in told:
        link, url = links.make(request, purpose=LinkPurpose.CALL_BACK, contact=contact.address, until=until, at=at)
        context = _words(request) | {"url": url, "until": _day(until)}
        outbox.queue(template=template, to=contact.address, context=context, about=request.reference, once_key=f"request-link:{link.pk}", at=at)
    ledger.record("request.contacts_told", by=SYSTEM, about=request.reference, at=at, facts={"contacts": len(told), "until": until})
    return len(told)


def withdraw_offer(request: DataRequest, *, at: datetime) -> None:
    """Nothing can be called back by the links that were sent."""
    links.void(request, LinkPurpose.CALL_BACK, at=at)


@transaction.atomic
def call_back(token: str, *, at: datetime) -> DataRequest:
    """End the request that a contact does not want. Raises LinkOver or BeganAlready."""
    request, link = links.spend(token, purpose=LinkPurpose.CALL_BACK, at=at)
    if request.state not in MAY_BE_CALLED_BACK:
        raise BeganAlready
    links.void(request, *LinkPurpose.values, at=at)
    by = Actor("person", request.person_reference) if request.person_reference else SYSTEM
    request = moving.move(request, State.CALLED_BACK, by=by, at=at, facts={"link": link.pk})
    _tell(request, at)
    return request


def _tell(request: DataRequest, at: datetime) -> None:
    for number, contact in enumerate(contacts.everybody(request.person, at=at) if request.person else [], start=1):
        outbox.queue(
            template="data_requests/called_back", to=contact.address, context=_words(request), about=request.reference,
            once_key=f"request-called-back:{request.reference}:{number}", at=at,
        )  # fmt: skip


def _words(request: DataRequest) -> dict:
    organization = request.organization.name if request.organization else ""
    return {"kind": Kind(request.kind).label, "reference": request.reference, "organization": organization}


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%B %-d, %Y, %H:%M} UTC"
