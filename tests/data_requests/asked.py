"""Requests that tests speak of: Ada asks, from the address that is on file; Eve asks from one of her own."""

from datetime import datetime

from apps.accounts.models import Person
from apps.data_requests.models import DataRequest
from apps.data_requests.services import moving, opening
from apps.data_requests.services.opening import Asked
from apps.data_requests.states import ERASES, HANDS_OVER, MOVES, Channel, DenialReason, Kind, State
from apps.foundation.actors import SYSTEM
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests import cast
from tests.cast import NOON

ADA, EVE = "ada@client.example", "eve@elsewhere.example"
TEXT = "Please remove everything that you hold about me."


def dana() -> StaffMember:
    return StaffMember.objects.filter(username="dana").first() or cast.staff("dana", Role.PRIVACY_ANALYST)


def what(kind: str = Kind.DELETION, **more) -> Asked:
    return Asked(**{"kind": kind, "text": TEXT, "name": "Ada Lovell", "email": ADA} | more)


def request(
    kind: str = Kind.DELETION, *, person: Person | None = None, channel: str = Channel.FORM, at: datetime = NOON, received_at: datetime | None = None, **more
) -> DataRequest:
    """A request as it was opened, or the one it joined."""
    opened, _is_new = opening.open_request(what(kind, **more), channel=channel, person=person, received_at=received_at or at, by=SYSTEM, at=at)
    return opened


PROVEN = (State.IDENTIFYING, State.IN_WORK)
#: by which states each sort of request is carried out
CARRIED_OUT: dict[frozenset[str], tuple[str, ...]] = {
    ERASES: (*PROVEN, State.AWAITING_APPROVAL, State.ANNOUNCED, State.RUNNING, State.SCANNING, State.ANSWERING, State.COMPLETED),
    HANDS_OVER: (*PROVEN, State.AWAITING_APPROVAL, State.RUNNING, State.ANSWERING, State.COMPLETED),
}
ANSWERED = (*PROVEN, State.ANSWERING, State.COMPLETED)


def way(kind: str, to: str) -> tuple[str, ...]:
    """By which states a request of that kind comes to one."""
    if to == State.COOLING_OFF:
        return (State.IDENTIFYING, State.COOLING_OFF)
    whole = next((states for kinds, states in CARRIED_OUT.items() if kind in kinds), ANSWERED)
    return whole[: whole.index(to) + 1] if to in whole else () if to == State.RECEIVED else (to,)


def brought(opened: DataRequest, to: str, *, at: datetime = NOON) -> DataRequest:
    """The request in that state, proven where it is worked on; the caller's test is in a transaction."""
    row = moving.locked(opened.reference)
    for state in way(row.kind, to):
        if state in MOVES[row.state]:
            row.verified_at = row.verified_at or (at if state == State.IN_WORK else None)
            if state == State.DENIED:
                row.denial_reason, row.denial_basis = DenialReason.UNVERIFIED, "11 CCR 7021(b)"
            if state == State.MERGED:
                row.merged_into = request(email="first@client.example")
            moving.move(row, state, by=SYSTEM, at=at)
    return row
