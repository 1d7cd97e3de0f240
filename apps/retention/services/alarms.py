"""What is late or blocked is an alarm with a row, and one mail a day and kind to the staff who may act on it. References only.

| looked for | when |
|---|---|
| a day past its end, neither destroyed nor kept with a reason; parked work; places that fail; parked mail | at each sweep |
| accounts that do not add up | each night, for every cohort there is |
| secrets, copies and master keys that are not sound | each night, in every file of the keystore |

An alarm ends by itself once what it is about is mended. It must never name anything but references, nor keep a sweep from
its work: it looks last.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.foundation.keys import inspection, keystore
from apps.foundation.keys.interface import NAME
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.mail.states import State
from apps.retention.models import Alarm, Archive, ArchiveTarget, Cohort, Destruction, Rescheduling
from apps.retention.services import accounts
from apps.retention.states import AlarmKind, ArchiveState, CohortState, DestructionScope, DestructionState, ReschedulingState, TargetState
from apps.staff.models import StaffMember

#: of one kind no more are raised at once: after so many it is one trouble, and each has its row only while it is looked at
MOST = 500
#: references that a mail names; the first page counts all
NAMED = 20
#: between two looks at the keystore: longer than it takes to make or destroy a secret
PAUSE_SECONDS = 0.5
#: of what an alarm is about
LONGEST = Alarm._meta.get_field("about").max_length
#: of advisory locks: two sweeps at once raise an alarm once
LOCK = 0x414C4152


@dataclass(frozen=True)
class Kind:
    """How something is looked for, and who is written to: whose role has the permission. Nobody where another mail says it."""

    look: Callable[[datetime], Iterable[str]]
    told: str = ""


def overdue(at: datetime) -> Iterable[str]:
    """Cohorts over a day past their end that are still there without a reason: not aside, and their day is not parked."""
    today = day_of(at)
    of_their_day = Destruction.objects.filter(scope=DestructionScope.DAY, day=OuterRef("expiry_on"))
    cohorts = (
        Cohort.objects.filter(expiry_on__lt=today)
        .exclude(state=CohortState.DESTROYED)
        .exclude(Exists(of_their_day.filter(parked_at__isnull=False)))
        .exclude(Exists(of_their_day.filter(state=DestructionState.DONE)), aside_at__isnull=False)
    )
    return cohorts.order_by("expiry_on", "id").values_list("reference", flat=True)[:MOST]


def parked(_at: datetime) -> Iterable[str]:
    return Destruction.objects.exclude(parked_at=None).order_by("id").values_list("reference", flat=True)[:MOST]


def parked_reschedulings(_at: datetime) -> Iterable[str]:
    rows = Rescheduling.objects.filter(state__in=[ReschedulingState.APPROVED, ReschedulingState.COUNTING]).exclude(parked_at=None)
    return rows.order_by("id").values_list("reference", flat=True)[:MOST]


def failing_places(_at: datetime) -> Iterable[str]:
    """Places that fail, and archives that fail at a place that does not."""
    targets = ArchiveTarget.objects.filter(state=TargetState.ACTIVE, failures__gt=0)
    archives = Archive.objects.filter(state=ArchiveState.OPEN, target__state=TargetState.ACTIVE, failures__gt=0)
    return [*targets.order_by("id").values_list("reference", flat=True)[:MOST], *archives.order_by("id").values_list("reference", flat=True)[:MOST]]


def parked_mail(_at: datetime) -> Iterable[str]:
    """Of mail to one person only: what an announcement could not deliver stands in its report, and would bury everything else here."""
    return OutgoingMail.objects.filter(state=State.PARKED, is_bulk=False).order_by("id").values_list("reference", flat=True)[:MOST]


def unbalanced(_at: datetime) -> Iterable[str]:
    """Every cohort whose account, counted anew from the rows, does not add up."""
    every = Cohort.objects.order_by("id").iterator(chunk_size=500)
    return [cohort.reference for cohort in every if accounts.account_of(cohort).balance]


def unsound(_at: datetime) -> Iterable[str]:
    """What an inspection of the keystore finds amiss, and what came back into it: that is destroyed again by looking.

    A secret that is being made or destroyed just then is found otherwise at a second look.
    """
    found, amiss = inspection.inspect(keystore()), set()
    if found.about:
        time.sleep(PAUSE_SECONDS)
        amiss = found.about & inspection.inspect(keystore()).about
    return sorted({_reference(about) for about in {*amiss, *found.came_back}})[:MOST]


def _reference(about: str) -> str:
    """What lies in the keystore under a name that is none of ours is not repeated: nobody knows what it says."""
    is_ours = NAME.fullmatch(about) or about.startswith((inspection.KEYSTORE, inspection.MASTER_KEY))
    return about[:LONGEST] if is_ours else inspection.KEYSTORE


#: at each sweep
OFTEN = {
    AlarmKind.OVERDUE: Kind(overdue, "retention.retry_destruction"),
    AlarmKind.PARKED: Kind(parked, "retention.retry_destruction"),
    AlarmKind.RESCHEDULING: Kind(parked_reschedulings, "retention.add_rescheduling"),
    AlarmKind.ARCHIVE: Kind(failing_places),  # who delivers writes to staff by itself, with the place's trouble
    AlarmKind.MAIL: Kind(parked_mail, "mail.retry_outgoingmail"),
}
#: each night
NIGHTLY = {AlarmKind.UNBALANCED: Kind(unbalanced, "retention.retry_destruction")}
#: each night, by itself: it may take long, and asks nothing of the database
KEYSTORE = {AlarmKind.KEYSTORE: Kind(unsound, "retention.confirm_clock")}  # who answers for the machine as well


def look(*, at: datetime) -> int:
    """Look for what is late or blocked; returns how many alarms stand of these kinds."""
    return _look(OFTEN, at)


def check_accounts(*, at: datetime) -> int:
    """Count every account anew; returns how many do not add up."""
    return _look(NIGHTLY, at)


def check_keystore(*, at: datetime) -> int:
    """Look at every file of the keystore; returns how much of it is not sound."""
    return _look(KEYSTORE, at)


def _look(kinds: dict[AlarmKind, Kind], at: datetime) -> int:
    standing = 0
    for kind, how in kinds.items():
        found = list(how.look(at))
        with transaction.atomic():
            if _alone():
                _raise(kind, found, at)
                _tell(kind, how, found, at)
        standing += len(found)
    return standing


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return cursor.fetchone()[0]


def _raise(kind: AlarmKind, found: list[str], at: datetime) -> None:
    """Rows for what is new, an end for what is mended, and the record of both."""
    standing = {alarm.about: alarm for alarm in Alarm.objects.filter(kind=kind, ended_at=None)}
    for about in found:
        if about not in standing:
            Alarm.objects.create(kind=kind, about=about, raised_at=at, seen_at=at)
            ledger.record("alarm.raised", by=SYSTEM, about=about, at=at, facts={"kind": kind})
    for about in sorted(standing.keys() - set(found)):
        standing[about].ended_at = at
        standing[about].save(update_fields=["ended_at"])
        ledger.record("alarm.ended", by=SYSTEM, about=about, at=at, facts={"kind": kind})
    Alarm.objects.filter(kind=kind, ended_at=None).update(seen_at=at)


def _tell(kind: AlarmKind, how: Kind, found: list[str], at: datetime) -> None:
    """One mail a day and kind to each who may act on it."""
    if not found or not how.told:
        return
    for member in StaffMember.objects.active().order_by("pk"):
        if member.has_perm(how.told):
            outbox.queue(
                template="retention/alarm", to=member.email, about=f"alarm-{kind}",
                context={"what": AlarmKind(kind).label, "count": len(found), "named": found[:NAMED], "more": max(0, len(found) - NAMED)},
                once_key=f"alarm-{kind}-{day_of(at).isoformat()}-{member.pk}", at=at,
            )  # fmt: skip
