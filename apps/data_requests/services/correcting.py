"""Staff put right what a request is: its kind, guessed from a mail or told wrongly, and whose it is.

Clocks of the new kind count from the receipt, as if it had been right from the beginning; those of the old one stop, and go on if it is put
back. It must never change what was approved, and never let a kind that needs proof be worked on without it.
"""

from datetime import datetime

from django.db import transaction

from apps.accounts.models import Person
from apps.audit.services import ledger
from apps.data_requests.clocks import regimes_of
from apps.data_requests.models import DataRequest
from apps.data_requests.services import clocks, merging, moving, proving
from apps.data_requests.states import NEEDS_NO_PROOF, Kind, Regime, State
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import presence

WORK = "data_requests.work_datarequest"
OPEN_TO_CORRECTION = (State.RECEIVED, State.IDENTIFYING, State.COOLING_OFF, State.IN_WORK)


class TooLate(Refusal):
    """What this request asks for has been submitted for approval, or it is over."""

    code = "request_kind_fixed"
    mend = "Take it back from approval first; if it is over, take in a new one."


class SameKind(Refusal):
    """It is of that kind already."""

    code = "request_kind_same"
    mend = "Choose another kind, or leave it as it is."


class OtherIsOpen(Refusal):
    """The same person has an open request of that kind."""

    code = "request_kind_open"
    mend = "Work on that one; write a note on it, and deny this one or call the person."


class NoSuchPerson(Refusal):
    """There is no person of that reference."""

    code = "request_no_such_person"
    mend = "Look for them under People, and copy the reference, like PER-7F3K2M9."


@transaction.atomic
def correct_kind(*, request: DataRequest, kind: str, by: StaffMember, at: datetime) -> DataRequest:
    """Say what the request really asks for. Who has proved nothing yet, where the new kind needs it, is asked to now."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, WORK)
    row = moving.locked(request.pk)
    if row.state not in OPEN_TO_CORRECTION:
        raise TooLate
    if kind == row.kind:
        raise SameKind
    if merging.open_one(Kind(kind), person=row.person, address_digest=row.address_digest) is not None:
        raise OtherIsOpen
    was, row.kind = row.kind, Kind(kind)
    regimes = [str(regime) for regime in regimes_of(row.kind, row.person, row.organization)]
    kept = [regime for regime in row.regimes if regime == Regime.CLIENT_ANSWER]
    needs_proof = row.kind not in NEEDS_NO_PROOF and row.verified_at is None
    if needs_proof and row.state == State.IN_WORK:  # before the kind is written: nothing in work may need proof that is not there
        moving.move(row, State.IDENTIFYING, by=member, at=at)
    clocks.corrected(row, [*regimes, *kept], at=at)
    row.save(update_fields=["kind", "regimes"])
    ledger.record("request.kind_corrected", by=member, about=row.reference, at=at, facts={"from": was, "to": row.kind, "regimes": row.regimes})
    if needs_proof and row.state == State.IDENTIFYING:
        proving.send_links(row, at=at)
    elif not needs_proof and row.state != State.IN_WORK:
        moving.move(row, State.IN_WORK, by=member, at=at)
    return row


@transaction.atomic
def match(*, request: DataRequest, person_reference: str, by: StaffMember, at: datetime) -> DataRequest:
    """Say whose request it is; a link goes to their contacts on file. It proves nothing by itself. Returns the request that goes on."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, WORK)
    person = Person.objects.filter(reference=person_reference.strip().upper()).select_related("organization").first()
    if person is None:
        raise NoSuchPerson
    row = moving.locked(request.pk)
    if row.state not in OPEN_TO_CORRECTION:
        raise TooLate
    goes_on = merging.known_as(row, person=person, by=member, at=at)
    if goes_on.state == State.IDENTIFYING:
        proving.send_links(goes_on, at=at)
    return goes_on
