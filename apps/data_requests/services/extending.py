"""More time: once, before the day, where the rule has an extension, with a reason that is told at once (11 CCR 7021(b), 45 CFR 164.528(c)(1)(ii))."""

from datetime import datetime

from django.db import transaction

from apps.data_requests.models import Clock, DataRequest
from apps.data_requests.services import clocks, letters, moving
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import presence

WORK = "data_requests.work_datarequest"


class NobodyToTell(Refusal):
    """An extension counts only with its notice, and there is nobody who could get it."""

    code = "extension_untold"
    mend = "Find out whose request it is, or answer it by its day."


@transaction.atomic
def extend(*, request: DataRequest, regime: str, reason: str, by: StaffMember, at: datetime) -> Clock:
    """Extend one clock and tell whoever asked until when, and why."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, WORK)
    row = moving.locked(request.pk)
    who = letters.addressee(row, at=at)
    if not who.address:
        raise NobodyToTell
    clock = clocks.extend(row, regime, reason, member, at)
    context = {"due_on": letters.long_day(clock.ends_at), "reason": clock.extension_reason}
    letters.send(
        row, code="extension", to=who.to, address=who.address, context=context, once_key=f"{row.reference}/extension/{regime}", by=member, at=at
    )
    return clock


@transaction.atomic
def pause(*, request: DataRequest, regime: str, basis: str, until: datetime, by: StaffMember, at: datetime) -> Clock:
    """Suspend a clock on an agency's statement; nobody is told, which the statement is for (45 CFR 164.528(a)(2)(i))."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, WORK)
    return clocks.pause(moving.locked(request.pk), regime, basis=basis, until=until, by=member, at=at)


@transaction.atomic
def resume(*, request: DataRequest, regime: str, by: StaffMember, at: datetime) -> Clock:
    """Let a suspended clock go on before its day."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, WORK)
    return clocks.resume(moving.locked(request.pk), regime, by=member, at=at)
