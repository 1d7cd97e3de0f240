"""The same asked again while it is open joins the first: one work, one clock, one answer, and a record of each.

It must never restart a clock, nor join two people's requests: who is known is joined by reference alone, and an address counts only where
nobody is known by it.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.accounts.models import Person
from apps.audit.services import ledger
from apps.consents.months import months_later
from apps.data_requests.clocks import regimes_of
from apps.data_requests.models import DataRequest
from apps.data_requests.services import clocks, moving
from apps.data_requests.states import MOVES, NEEDS_NO_PROOF, Asker, Outcome, State
from apps.foundation import doorbell
from apps.foundation.refusals import Refusal


class KnownAlready(Refusal):
    """This request is about somebody else already."""

    code = "request_has_person"
    mend = "Deny it, and take in what was asked for the other person as a request of its own."


def open_one(kind: str, *, person: Person | None, address_digest: bytes | None) -> DataRequest | None:
    """The open request that another of this kind joins, locked."""
    rows = DataRequest.objects.takes_more_in().filter(kind=kind)
    if person is not None:
        rows = rows.filter(person_reference=person.reference)
    elif address_digest is not None:
        rows = rows.filter(person_reference="", address_digest=address_digest)
    else:
        return None
    return rows.select_for_update(of=("self",)).first()


def goes_on(request: DataRequest) -> DataRequest:
    """The request that is worked on for this one: itself, or what it joined in the end."""
    while request.merged_into is not None:
        request = request.merged_into
    return request


def as_merged(request: DataRequest, into: DataRequest, *, at: datetime) -> None:
    """A new row that joins another begins as joined."""
    request.state, request.outcome, request.merged_into = State.MERGED, Outcome.MERGED, into
    request.closed_at, request.kept_until = at, months_later(at, settings.REQUEST_KEEP_MONTHS)


def joined(request: DataRequest, first: DataRequest, *, proven: bool, by: Any, at: datetime) -> DataRequest:
    """Record that a request joined `first`, which the caller has locked, and hand on what it brings; returns the first.

    Whoever asks for themself takes the place of an agent; and what comes proven proves the first.
    """
    ledger.record("request.merged", by=by, about=request.reference, at=at, facts={"into": first.reference, "kind": request.kind})
    ledger.record("request.joined", by=by, about=first.reference, at=at, facts={"by": request.reference, "channel": request.channel})
    waits = first.state in (State.RECEIVED, State.IDENTIFYING, State.COOLING_OFF)
    if request.asker == Asker.SELF and first.asker != Asker.SELF and waits:
        first.asker = Asker.SELF
        first.save(update_fields=["asker"])
    if proven and waits and State.IN_WORK in MOVES[first.state]:
        first.verified_at = first.verified_at or at
        moving.move(first, State.IN_WORK, by=by, at=at)
    doorbell.ring("requests.due")
    return first


@transaction.atomic
def known_as(request: DataRequest, *, person: Person, by: Any, at: datetime) -> DataRequest:
    """Write whose request it is, found out after it was opened, for a request that the caller has locked; returns the one that goes on.

    Where the person has an open one of that kind, this one joins it. Clocks of rules that count for this person start as of the receipt.
    """
    if request.person_reference not in ("", person.reference):
        raise KnownAlready
    if request.person_reference == person.reference:
        return request
    first = open_one(request.kind, person=person, address_digest=None)
    request.person, request.person_reference, request.organization = person, person.reference, person.organization
    if first is not None:
        request.save(update_fields=["organization"])
        request.merged_into = first
        return _merge(request, first, by=by, at=at)
    request.regimes = list(dict.fromkeys([*request.regimes, *map(str, regimes_of(request.kind, person, person.organization))]))
    request.save(update_fields=["person", "person_reference", "organization", "regimes"])
    ledger.record("request.known", by=by, about=request.reference, at=at, facts={"person": person.reference})
    clocks.start_all(request, request.received_at)
    return request


def _merge(request: DataRequest, first: DataRequest, *, by: Any, at: datetime) -> DataRequest:
    proven = request.verified_at is not None or request.kind in NEEDS_NO_PROOF
    moving.move(request, State.MERGED, by=by, at=at, facts={"into": first.reference})
    DataRequest.objects.filter(pk=request.pk).update(person=request.person, person_reference=request.person_reference)
    ledger.record("request.joined", by=by, about=first.reference, at=at, facts={"by": request.reference, "channel": request.channel})
    if proven and first.verified_at is None and State.IN_WORK in MOVES[first.state]:
        first.verified_at = request.verified_at or at
        moving.move(first, State.IN_WORK, by=by, at=at)
    doorbell.ring("requests.due")
    return first
