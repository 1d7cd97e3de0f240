"""A registration is cancelled: closed at once and for good, and from that moment the person is to be erased (P20).

Who closes it knows who it is: the product that the person is signed in to, the client, or staff with the person before them. So nobody is
asked for proof again. The row itself is the work: whoever erases finds every person who was closed and opens what follows (config/wakeups.py).
"""

from datetime import datetime

from django.db import transaction

from apps.accounts.models import Person
from apps.accounts.services import minors, standing
from apps.accounts.states import ClosedHow, PersonStanding
from apps.foundation import doorbell
from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import presence

CLOSE = "accounts.close_person"


class ReasonOfClosingUnknown(Refusal):
    """That is none of the ways in which a registration ends."""

    code = "closing_unknown"
    mend = f"Say one of: {', '.join(ClosedHow.values)}."


@transaction.atomic
def close_person(*, person: Person, how: str, by: Actor | StaffMember, at: datetime) -> Person:
    """Close a registration. Twice is once: the first day counts."""
    if how not in ClosedHow.values:
        raise ReasonOfClosingUnknown
    if isinstance(by, StaffMember):
        by = presence.lock(by)[by.pk]
        presence.require_right(by, CLOSE)
    locked = minors.lock(person)
    if locked.standing != PersonStanding.CLOSED:
        standing.close(locked, how=ClosedHow(how), by=by, at=at)
        doorbell.ring("people.closed")
    return locked
