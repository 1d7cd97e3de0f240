"""What came in is looked at, one row at a time: it becomes a request, joins one, or waits where a flood is.

| what is found | becomes |
|---|---|
| an address on file (or a phone, where the address is not) | a request of each person it is on file for, and a link to their contacts on file |
| an address of nobody | a request of that address, which staff see; the one neutral receipt of the day |
| more than a cap allows | a parked row, looked at again later; its clocks will count from when it came |
| what can't be opened or taken, five times | unreadable: it waits for staff, who hear of it daily (`sorting.remind_due`) |

Whoever typed the address is told the same in every case, and at the same moment: before any of this. It must never mail anything but the
receipt to an address that is not on file, and never lose a row.
"""

import time
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q

from apps.accounts import details
from apps.accounts.models import Person
from apps.data_requests import hashing
from apps.data_requests.models import Arrival, DataRequest
from apps.data_requests.services import arriving, contacts, flooding, merging, opening, proving, receipts, sifting
from apps.data_requests.states import ARRIVAL_MOVES, ArrivalState, Asker, Channel, Kind, State
from apps.data_requests.words import Asked
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 5
LEASE = timedelta(minutes=2)
BACK_OFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
ROWS_A_RUN = 2_000
#: then a run takes up no further row, and rings for the next
SECONDS_A_RUN = 45
#: who wrote by these was let in by us; no stranger floods us through them
OUR_OWN = frozenset({Channel.API, Channel.OWN, Channel.PHONE, Channel.POST})
UNREADABLE = "unreadable"


def take_due(*, at: datetime) -> int:
    """Look at what waits, the oldest first; returns how many rows were settled."""
    settled, began = 0, time.monotonic()
    for turn in range(ROWS_A_RUN):
        if turn % sifting.WORTH_IT == 0:
            _sift(at)
        arrival = _claim(at)
        if arrival is None:
            return settled
        settled += _look_at(arrival, at)
        if time.monotonic() - began > SECONDS_A_RUN:
            break
    doorbell.ring("arrivals.due")
    return settled


def _sift(at: datetime) -> None:
    try:
        while sifting.park_what_waits(at=at):
            pass
    except Exception as error:  # what is not sifted is looked at one by one
        log.warning("arrivals_not_sifted", error=type(error).__name__)


@transaction.atomic
def _claim(at: datetime) -> Arrival | None:
    """Take the row that waits longest; the attempt counts before the work, so that a row that kills workers is found out."""
    free = Q(leased_until__isnull=True) | Q(leased_until__lte=at)
    its_time = Q(next_try_at__isnull=True) | Q(next_try_at__lte=at)
    waiting = Arrival.objects.filter(free, its_time, state__in=(ArrivalState.WAITING, ArrivalState.PARKED)).order_by("received_at", "pk")
    while (arrival := waiting.select_for_update(skip_locked=True).first()) is not None and arrival.attempts >= MOST_ATTEMPTS:
        _give_up(arrival, "worker_ended")
    if arrival is None:
        return None
    arrival.attempts += 1
    arrival.leased_until = at + LEASE
    arrival.save(update_fields=["attempts", "leased_until"])
    return arrival


def _look_at(claimed: Arrival, at: datetime) -> bool:
    try:
        with transaction.atomic():
            arrival = Arrival.objects.select_for_update().get(pk=claimed.pk)
            if arrival.leased_until != claimed.leased_until or arrival.state != claimed.state:
                return False  # it took so long that somebody else was faster
            return _take(arrival, arriving.open_asked(arrival), at)
    except Exception as error:  # one row that can't be taken must not keep the others waiting
        log.warning("arrival_not_taken", error=type(error).__name__)
        _failed(claimed, error, at)
        return False


@transaction.atomic
def _failed(claimed: Arrival, error: Exception, at: datetime) -> None:
    arrival = Arrival.objects.select_for_update().get(pk=claimed.pk)
    if arrival.leased_until != claimed.leased_until or arrival.state != claimed.state:
        return
    code = error.code if isinstance(error, Refusal) else type(error).__name__
    if arrival.attempts >= MOST_ATTEMPTS:
        _give_up(arrival, code)
        return
    arrival.code, arrival.leased_until, arrival.next_try_at = code[:40], None, at + BACK_OFF[arrival.attempts - 1]
    arrival.save(update_fields=["code", "leased_until", "next_try_at"])


def _give_up(arrival: Arrival, code: str) -> None:
    require_move(ARRIVAL_MOVES, arrival.state, ArrivalState.UNREADABLE)
    arrival.state, arrival.code, arrival.leased_until, arrival.next_try_at = ArrivalState.UNREADABLE, code[:40], None, None
    arrival.save(update_fields=["state", "code", "leased_until", "next_try_at"])


def take_now(arrival: Arrival, *, by: Actor, at: datetime) -> DataRequest:
    """Take a row that the caller holds, whatever the caps say: somebody of us looked at it."""
    asked = arriving.open_asked(arrival)
    people = known_by(asked, at=at)
    return _settle(arrival, asked, people, joins=_joins(asked, people), by=by, at=at)


def _take(arrival: Arrival, asked: Asked, at: datetime) -> bool:
    """Open, join or park. Returns whether the row is settled."""
    people = known_by(asked, at=at)
    joins = _joins(asked, people)
    waits_for = "" if joins or arrival.channel in OUR_OWN else flooding.holds_up(arrival, is_known=bool(people), at=at)
    if waits_for:
        _park(arrival, waits_for, at)
        return False
    _settle(arrival, asked, people, joins=joins, by=SYSTEM, at=at)
    return True


def _joins(asked: Asked, people: list[Person]) -> bool:
    return all(merging.open_one(asked.kind, person=person, address_digest=_digest(asked)) is not None for person in people or [None])


def _settle(arrival: Arrival, asked: Asked, people: list[Person], *, joins: bool, by: Actor, at: datetime) -> DataRequest:
    requests = [_open(arrival, asked, person, at) for person in people or [None]]
    arriving.settle(arrival, ArrivalState.TAKEN, at=at, request=requests[0], by=str(by), code=flooding.JOINED if joins else "")
    _receipt(arrival, asked, people, at)
    return requests[0]


def known_by(asked: Asked, *, at: datetime) -> list[Person]:
    """Whom what was given leads to. For somebody else's agent it is the address of the person that counts, never the agent's.

    Who reports a child is not the child: staff find out who it is.
    """
    if asked.kind == Kind.MINOR:
        return []
    return contacts.people_of(email=asked.email, phone=_e164(asked.phone), organization=asked.organization, at=at)


def _open(arrival: Arrival, asked: Asked, person: Person | None, at: datetime) -> DataRequest:
    request, _is_new = opening.open_request(asked, channel=arrival.channel, person=person, received_at=arrival.received_at, by=SYSTEM, at=at)
    if request.state == State.RECEIVED:
        return proving.begin(request, at=at)
    if request.state == State.IDENTIFYING:
        proving.send_links(request, at=at)
    return request


def _receipt(arrival: Arrival, asked: Asked, people: list[Person], at: datetime) -> None:
    """The receipt goes to who wrote, unless their address is on file and gets a link already."""
    writer = asked.agent_email if asked.asker in (Asker.AGENT, Asker.ATTORNEY) else asked.email
    if not writer or arrival.channel in OUR_OWN:
        return
    on_file = {contact.digest for person in people for contact in contacts.on_file(person, at=at)}
    if hashing.of_email(writer) not in on_file:
        receipts.give(address=writer, about=arrival.reference, at=at)


def _park(arrival: Arrival, code: str, at: datetime) -> None:
    if arrival.state != ArrivalState.PARKED:
        require_move(ARRIVAL_MOVES, arrival.state, ArrivalState.PARKED)
        arrival.state, arrival.parked_at = ArrivalState.PARKED, at
    arrival.code, arrival.attempts, arrival.leased_until, arrival.next_try_at = code, 0, None, at + flooding.REST
    arrival.save(update_fields=["state", "parked_at", "code", "attempts", "leased_until", "next_try_at"])


def _digest(asked: Asked) -> bytes | None:
    return hashing.of_email(asked.email) if asked.email else None


def _e164(number: str) -> str:
    try:
        return details.phone(number, region="US") if number.strip() else ""
    except Refusal:
        return ""
