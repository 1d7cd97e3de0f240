"""The API by which the product reads whom a person is matched with, and when those are busy. References only.

It is asked by person and never by address: no request names an address, and none answers differently because one is known here.
"""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema

from apps.accounts.api import ERRORS, PersonReference
from apps.accounts.bearer import ServiceTokenAuth
from apps.accounts.models import Person
from apps.accounts.services import registration, tokens
from apps.consents.purposes import CONTACTS
from apps.consents.services import asking
from apps.contacts.services import seeing, windows
from apps.foundation import clock

router = Router()

SINCE, UNTIL = "RFC 3339, with its zone. Without it: from now.", "RFC 3339, with its zone. Without it: a week later."


class BusyOut(Schema):
    starts_at: datetime
    ends_at: datetime


class MatchOut(Schema):
    person: str
    since: datetime
    busy: list[BusyOut] | None


class GroupOut(Schema):
    organization: str | None
    people: list[MatchOut]


class MatchesOut(Schema):
    """`allowed` is false where the person's consent does not stand; then nothing is told. `busy` is null where the two don't both lend calendars."""

    allowed: bool
    since: datetime
    until: datetime
    groups: list[GroupOut]


def _person(request: HttpRequest, reference: str) -> Person:
    """The person of that reference, as far as the token reaches them."""
    person = Person.objects.select_related("organization").filter(reference=reference).first()
    if person is None:
        raise registration.PersonUnknown
    tokens.require_organization(request.auth, person.organization.reference if person.organization else None)
    return person


@router.get(
    "/people/{reference}/matches",
    auth=ServiceTokenAuth("people"),
    response={200: MatchesOut, **ERRORS},
    summary="Whom a person is matched with",
    tags=["contacts"],
)
def matches(
    request: HttpRequest, response: HttpResponse, reference: PersonReference,
    since: Annotated[datetime | None, Query(alias="from", description=SINCE)] = None,
    until: Annotated[datetime | None, Query(description=UNTIL)] = None,
):  # fmt: skip
    """The person's matches by organization, their own first, and when those are busy within at most 31 days. Both sides allow it and both
    are active, now. Show it to that person alone."""
    response.headers["Cache-Control"] = "no-store"
    at = clock.now()
    person = _person(request, reference)
    since, until = windows.asked(since, until, at=at)
    return {
        "allowed": asking.may(person_id=person.pk, purpose=CONTACTS, at=at), "since": since, "until": until,
        "groups": [_group_out(group) for group in seeing.groups_of(person, since=since, until=until, at=at)],
    }  # fmt: skip


def _group_out(group: seeing.Group) -> dict:
    people = [
        {
            "person": found.person.reference, "since": found.since,
            "busy": None if found.busy is None else [{"starts_at": starts, "ends_at": ends} for starts, ends in found.busy],
        }
        for found in group.people
    ]  # fmt: skip
    return {"organization": group.organization.reference if group.organization else None, "people": people}
