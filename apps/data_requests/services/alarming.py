"""Who answers for a request hears before a day comes, on the day, and a day later everybody hears who may approve: each once.

| when | who | marked by |
|---|---|---|
| `REQUEST_WARN_DAYS` before a clock runs out (10 and 3) | the owner; where there is none, everybody who may work on requests | warned_at |
| it ran out | the same | alarmed_at |
| a day later | the owner, and everybody who may approve requests | escalated_at |

One mail for each reader and look names all that is new, so that a flood of requests is no flood of mail. It must never name anything but
references, kinds and days, nor tell the same twice.
"""

from collections import defaultdict
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet

from apps.audit.services import ledger
from apps.data_requests.models import Clock, DataRequest
from apps.data_requests.states import Kind, Regime
from apps.foundation.actors import SYSTEM
from apps.foundation.digests import sha256
from apps.mail.services import outbox
from apps.staff.models import StaffMember

WORK, APPROVE = "data_requests.work_datarequest", "data_requests.approve_datarequest"
AHEAD, LATE, STILL_LATE = "ahead", "late", "still_late"
MARKS = {AHEAD: "warned_at", LATE: "alarmed_at", STILL_LATE: "escalated_at"}
EVENTS = {AHEAD: "request.warned", LATE: "request.overdue", STILL_LATE: "request.escalated"}
ESCALATED_AFTER = timedelta(days=1)
A_LOOK = 500
#: of one mail; the list in the admin has all
NAMED = 40


def warn_and_alarm(*, at: datetime) -> int:
    """Look at every clock that runs; returns how many of them somebody was told about."""
    return sum(_tell(stage, at) for stage in (AHEAD, LATE, STILL_LATE))


@transaction.atomic
def _tell(stage: str, at: datetime) -> int:
    clocks = list(_due(stage, at).select_for_update(of=("self",), skip_locked=True).select_related("request")[:A_LOOK])
    readers: dict[int, list[Clock]] = defaultdict(list)
    members = {member.pk: member for member in StaffMember.objects.active().order_by("pk")}
    able = {pk for pk, member in members.items() if member.has_perm(WORK)}
    deciding = {pk for pk, member in members.items() if member.has_perm(APPROVE)}
    by_actor = {str(member.actor): pk for pk, member in members.items() if pk in able}
    for clock in clocks:
        owner = by_actor.get(clock.request.owner)
        told = {owner} if owner is not None else set(able)
        for pk in told | deciding if stage == STILL_LATE else told:
            readers[pk].append(clock)
        setattr(clock, MARKS[stage], at)
        clock.save(update_fields=[MARKS[stage]])
        facts = {"regime": clock.regime, "due_at": clock.ends_at}
        ledger.record(EVENTS[stage], by=SYSTEM, about=clock.request.reference, at=at, facts=facts)
    for pk, about in readers.items():
        _mail(members[pk], stage, about, at)
    return len(clocks)


def _due(stage: str, at: datetime) -> QuerySet[Clock]:
    running = Clock.objects.running()
    if stage == LATE:
        return running.filter(ends__lte=at, alarmed_at=None)
    if stage == STILL_LATE:
        return running.filter(ends__lte=at - ESCALATED_AFTER, alarmed_at__lte=at - ESCALATED_AFTER, escalated_at=None)
    return running.filter(_to_warn(at), ends__gt=at)


def _to_warn(at: datetime) -> Q:
    """Of clocks for which a day of warning has come since they were last warned of; none is warned of on the day it starts."""
    found = Q(pk__in=[])
    for ahead in (timedelta(days=days) for days in settings.REQUEST_WARN_DAYS):
        day = ExpressionWrapper(F("ends") - ahead, output_field=DateTimeField())
        found |= Q(ends__lte=at + ahead, started_at__lt=day) & (Q(warned_at=None) | Q(warned_at__lt=day))
    return found


def _mail(reader: StaffMember, stage: str, clocks: list[Clock], at: datetime) -> None:
    clocks = sorted(clocks, key=lambda clock: (clock.ends_at, clock.pk))
    named = sha256(*[f"{clock.pk}/{clock.ends_at.isoformat()}/{at.isoformat()}".encode() for clock in clocks]).hex()[:32]
    lines = [_line(clock, clock.request, reader) for clock in clocks[:NAMED]]
    outbox.queue(
        template="data_requests/days", to=reader.email, about=f"requests-{stage}", once_key=f"requests-{stage}-{reader.pk}-{named}", at=at,
        context={"stage": stage, "count": len(clocks), "lines": lines, "more": max(0, len(clocks) - NAMED)},
    )  # fmt: skip


def _line(clock: Clock, request: DataRequest, reader: StaffMember) -> str:
    whose = "yours" if request.owner == str(reader.actor) else "nobody's" if not request.owner else "a colleague's"
    return f"{request.reference}, {Kind(request.kind).label}, {whose}: {Regime(clock.regime).label}, {clock.ends_at:%Y-%m-%d %H:%M} UTC"
