"""The API by which the product gets a link to a person's preference page, and tells what their browser signals.

A link opens the page of whom it names, so it is for the screen of that person alone, after they signed in to the product.
"""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Field, Router, Schema, Status

from apps.accounts.api import ERRORS, Asked, ErrorOut, PersonReference
from apps.accounts.bearer import ServiceTokenAuth
from apps.accounts.models import Person
from apps.accounts.services import registration, tokens
from apps.consents.heeding import Signal
from apps.consents.services import browsers, links
from apps.foundation import clock

router = Router()


class LinkOut(Schema):
    url: str
    expires_at: datetime


class SignalsIn(Asked):
    signals: Annotated[
        list[Literal["gpc", "dnt"]],
        Field(min_length=1, max_length=2, description="What the browser sent: Sec-GPC: 1 is gpc, DNT: 1 is dnt. Nothing else of the request."),
    ]


class SignalOut(Schema):
    signal: str
    answer: str


def _person(request: HttpRequest, reference: str) -> Person:
    """The person of that reference, as far as the token reaches them."""
    person = Person.objects.select_related("organization").filter(reference=reference).first()
    if person is None:
        raise registration.PersonUnknown
    tokens.require_organization(request.auth, person.organization.reference if person.organization else None)
    return person


@router.post(
    "/people/{reference}/preference-links",
    auth=ServiceTokenAuth("people"),
    response={201: LinkOut, **ERRORS, 429: ErrorOut},
    summary="A link to a person's preference page",
    tags=["consents"],
)
def make_link(request: HttpRequest, response: HttpResponse, reference: PersonReference):
    """Makes a link that opens once and for half an hour. Show it to that person alone; do not keep it."""
    response.headers["Cache-Control"] = "no-store"
    url, expires_at = links.make(person=_person(request, reference), by=request.auth.actor, at=clock.now())
    return Status(201, {"url": url, "expires_at": expires_at})


@router.post(
    "/people/{reference}/signals",
    auth=ServiceTokenAuth("people"),
    response={200: list[SignalOut], **ERRORS},
    summary="What a person's browser signals",
    tags=["consents"],
)
def note_signals(request: HttpRequest, reference: PersonReference, given: SignalsIn):
    """Writes down what the browser of somebody who is signed in sent, and answers it as their own page does. Twice is once."""
    seen = browsers.note(person=_person(request, reference), signals=[Signal(signal) for signal in given.signals], at=clock.now())
    return [{"signal": row.signal, "answer": row.answer} for row in seen]
