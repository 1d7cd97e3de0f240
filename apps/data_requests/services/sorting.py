"""What came in and became no request by itself is sorted by staff: read, taken in, or dropped for a reason from the list. Each is recorded.

Parked rows are taken by the worker too, in their turn; here somebody does not wait for it, or says that a flood asks for nothing. It must never
open a word without its record in the same transaction, and never drop without saying why.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, TextChoices

from apps.accounts.services.looking import Reason, ReasonMissing
from apps.audit.services import ledger
from apps.data_requests.models import Arrival, DataRequest
from apps.data_requests.services import arriving, taking
from apps.data_requests.services.owners import WORK
from apps.data_requests.services.recording import REVEAL
from apps.data_requests.states import ArrivalState
from apps.data_requests.words import Asked
from apps.foundation.clock import day_of
from apps.foundation.refusals import Refusal
from apps.mail.services import outbox
from apps.staff.models import StaffMember
from apps.staff.services import presence

TEMPLATE = "data_requests/arrivals_wait"
#: what waits for us
WAITS = (ArrivalState.PARKED, ArrivalState.UNREADABLE)
#: the worker takes what is parked in its turn; longer than this, staff hear of it
PARKED_TOO_LONG = timedelta(days=2)
#: of one network, in one go
MOST_DROPPED = 5_000


class DropReason(TextChoices):
    FLOOD = "flood", "Part of a flood: asks for nothing"
    TWICE = "twice", "Sent twice"
    BY_HAND = "by_hand", "Taken in by hand, as a request of its own"
    LOST = "lost", "Can't be opened, and who sent it was told to send it again"


class NothingWaits(Refusal):
    """This does not wait for anybody."""

    code = "arrival_settled"
    mend = "Reload the page: it may have been taken meanwhile."


class NothingToOpen(Refusal):
    """Nothing of it was kept: it could not be read at all."""

    code = "arrival_without_words"
    mend = "Look at it in its mailbox, take it in by hand, and drop this."


class DropReasonMissing(Refusal):
    """Nothing is dropped without a reason."""

    code = "arrival_drop_reason_missing"
    mend = "Choose the reason that fits."


@transaction.atomic
def look(*, arrival: Arrival, reason: str, by: StaffMember, at: datetime) -> Asked:
    """Record that somebody reads what came in, and open it."""
    reader = presence.lock(by)[by.pk]
    presence.require_right(reader, REVEAL)
    if reason not in Reason.values:
        raise ReasonMissing
    row = Arrival.objects.get(pk=arrival.pk)
    if row.words is None:
        raise NothingToOpen
    ledger.record("arrival.read", by=reader, about=row.reference, at=at, facts={"reason": str(reason)})
    return arriving.open_asked(row)


@transaction.atomic
def take_in(*, arrival: Arrival, by: StaffMember, at: datetime) -> DataRequest:
    """It becomes a request now. Raises what keeps it from being opened."""
    worker = _worker(by)
    row = _locked(arrival)
    if row.words is None:
        raise NothingToOpen
    request = taking.take_now(row, by=worker.actor, at=at)
    ledger.record("arrival.taken", by=worker, about=row.reference, at=at, facts={"request": request.reference})
    return request


@transaction.atomic
def drop(*, arrival: Arrival, reason: str, by: StaffMember, at: datetime) -> Arrival:
    """It becomes no request; its words go."""
    worker = _worker(by)
    if reason not in DropReason.values:
        raise DropReasonMissing
    return _drop(_locked(arrival), reason, worker, at)


@transaction.atomic
def drop_network(*, arrival: Arrival, by: StaffMember, at: datetime) -> int:
    """All that is parked and came from the same network as this goes as a flood; returns how many."""
    worker = _worker(by)
    first = _locked(arrival)
    if first.prefix_digest is None:
        _drop(first, DropReason.FLOOD, worker, at)
        return 1
    rows = Arrival.objects.filter(state=ArrivalState.PARKED, prefix_digest=bytes(first.prefix_digest)).order_by("pk")
    dropped = [_drop(row, DropReason.FLOOD, worker, at) for row in rows.select_for_update(skip_locked=True)[:MOST_DROPPED]]
    return len(dropped)


def _drop(row: Arrival, reason: str, worker: StaffMember, at: datetime) -> Arrival:
    arriving.settle(row, ArrivalState.DROPPED, at=at, by=str(worker.actor), code=reason)
    ledger.record("arrival.dropped", by=worker, about=row.reference, at=at, facts={"reason": str(reason)})
    return row


def remind_due(*, at: datetime) -> int:
    """Once a day everybody who works on requests hears what waits for them; returns how many mails were queued."""
    waiting = Arrival.objects.filter(Q(state=ArrivalState.UNREADABLE) | Q(state=ArrivalState.PARKED, received_at__lt=at - PARKED_TOO_LONG))
    unreadable, parked = waiting.filter(state=ArrivalState.UNREADABLE).count(), waiting.filter(state=ArrivalState.PARKED).count()
    if not (unreadable or parked):
        return 0
    oldest = waiting.order_by("received_at").values_list("received_at", flat=True)[0]
    context = {"count": unreadable + parked, "unreadable": unreadable, "parked": parked, "oldest": f"{oldest:%Y-%m-%d %H:%M} UTC"}
    readers = [member for member in StaffMember.objects.active().order_by("pk") if member.has_perm(WORK)]
    return sum(_remind(member, context, at) for member in readers)


def _remind(member: StaffMember, context: dict, at: datetime) -> bool:
    once = f"arrivals-wait:{member.pk}:{day_of(at)}"
    return outbox.queue(template=TEMPLATE, to=member.email, context=context, about="arrivals", once_key=once, at=at) is not None


def _worker(by: StaffMember) -> StaffMember:
    worker = presence.lock(by)[by.pk]
    presence.require_right(worker, WORK)
    return worker


def _locked(arrival: Arrival) -> Arrival:
    row = Arrival.objects.select_for_update(of=("self",)).get(pk=arrival.pk)
    if row.state not in WAITS:
        raise NothingWaits
    return row
