"""Somebody sets the moment, pauses, resumes or cancels what goes to many.

| act | what waits | what lies in the outbox untried | what the mail server may have |
|---|---|---|---|
| pause | waits on | is taken back and waits again | is left alone |
| resume | goes on | | |
| cancel | ends as cancelled | is taken back and ends as cancelled | tries end; what arrived says so |

It must never take back what may have arrived and hand it over once more: nobody gets a circular twice.
"""

from datetime import datetime

from django.db import transaction

from apps.audit.services import ledger
from apps.communications.models import Circular, Delivery
from apps.communications.services.announcements import drafting
from apps.communications.services.circulars.sending import word
from apps.communications.states import CIRCULAR_MOVES, CircularState, DeliveryState
from apps.foundation import doorbell
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.mail.services import outbox
from apps.mail.states import State as MailState
from apps.staff.models import StaffMember
from apps.staff.services import approvals, presence

CONTROL = "communications.control_announcement"
#: rows that are looked at together, so that a hundred thousand are never in memory
CHUNK = 5_000


class NoticeIsOwed(Refusal):
    """A notice is owed to people, so it can't be cancelled."""

    code = "notice_is_owed"
    mend = "Pause it while something is mended, then resume it."


class MomentIsOver(Refusal):
    """It is on its way already, or has ended."""

    code = "moment_is_over"
    mend = "Pause or cancel what is on its way."


@transaction.atomic
def schedule(*, circular: Circular, send_at: datetime, by: StaffMember, at: datetime) -> Circular:
    """Set another moment for what was approved and has not begun. The words stay as they were approved."""
    member, row = _at_the_controls(circular, by)
    if row.state != CircularState.APPROVED:
        raise MomentIsOver
    row.send_at = drafting.moment(send_at, at)
    row.save(update_fields=["send_at"])
    ledger.record("announcement.scheduled", by=member, about=row.reference, at=at, facts={"send_at": send_at.isoformat()})
    return row


@transaction.atomic
def pause(*, circular: Circular, by: StaffMember, at: datetime) -> Circular:
    """Stop handing over; what nobody has tried to send comes back out of the outbox."""
    member, row = _at_the_controls(circular, by)
    require_move(CIRCULAR_MOVES, row.state, CircularState.PAUSED)
    back = _take_back(row, at=at, to=DeliveryState.WAITING, untried_only=True)
    row.state = CircularState.PAUSED
    row.save(update_fields=["state"])
    ledger.record(f"{word(row)}.paused", by=member, about=row.reference, at=at, facts={"taken_back": back})
    return row


@transaction.atomic
def resume(*, circular: Circular, by: StaffMember, at: datetime) -> Circular:
    """Go on where it was paused, or where it was stopped because of trouble."""
    member, row = _at_the_controls(circular, by)
    require_move(CIRCULAR_MOVES, row.state, CircularState.SENDING)
    if row.state != CircularState.PAUSED:
        raise approvals.AlreadyDecided("It is not paused.", mend="It begins by itself at its moment.")
    row.state, row.trouble, row.attempts, row.leased_until = CircularState.SENDING, "", 0, None
    row.save(update_fields=["state", "trouble", "attempts", "leased_until"])
    ledger.record(f"{word(row)}.resumed", by=member, about=row.reference, at=at)
    doorbell.ring("circulars.due")
    return row


@transaction.atomic
def cancel(*, circular: Circular, by: StaffMember, at: datetime) -> Circular:
    """End it for good: who has not got it does not get it."""
    member, row = _at_the_controls(circular, by)
    if not row.is_announcement:
        raise NoticeIsOwed
    require_move(CIRCULAR_MOVES, row.state, CircularState.CANCELLED)
    approval = drafting.asked_for(row)
    if approval is not None:
        approvals.void(approval=approval, at=at)
    back = _take_back(row, at=at, to=DeliveryState.CANCELLED, untried_only=False)
    waiting = Delivery.objects.waiting().filter(circular=row).update(state=DeliveryState.CANCELLED, stands=None)
    row.state, row.ended_at, row.leased_until = CircularState.CANCELLED, at, None
    row.save(update_fields=["state", "ended_at", "leased_until"])
    ledger.record("announcement.cancelled", by=member, about=row.reference, at=at, facts={"taken_back": back, "waiting": waiting})
    return row


def _take_back(row: Circular, *, at: datetime, to: DeliveryState, untried_only: bool) -> int:
    """What lies in the outbox comes back, chunk by chunk; returns how many."""
    taken, after = 0, 0
    while True:
        lying = Delivery.objects.filter(circular=row, state=DeliveryState.HANDED, mail__state__in=(MailState.QUEUED, MailState.PARKED), pk__gt=after)
        chunk = dict(lying.order_by("pk").values_list("pk", "mail_id")[:CHUNK])
        if not chunk:
            return taken
        after = max(chunk)
        # who withdraws at this moment has the same delivery: whoever comes second sees that it moved
        still = Delivery.objects.filter(pk__in=chunk, state=DeliveryState.HANDED).order_by("pk").select_for_update(of=("self",))
        mails = {mail: delivery for delivery, mail in still.values_list("pk", "mail_id")}
        back = outbox.take_back(mails=mails, at=at, untried_only=untried_only)
        found = Delivery.objects.filter(pk__in=[mails[mail] for mail in back])
        if to == DeliveryState.WAITING:
            found.update(state=to, handed_at=None, mail=None, unsubscribe_digest=None)
        else:
            found.update(state=to, stands=None)
        taken += len(back)


def _at_the_controls(circular: Circular, by: StaffMember) -> tuple[StaffMember, Circular]:
    member = presence.lock(by)[by.pk]
    presence.require_right(member, CONTROL)
    return member, Circular.objects.select_for_update(of=("self",), no_key=True).get(pk=circular.pk)
