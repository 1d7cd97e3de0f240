"""What the days alone change about minors: representations end, birthdays come, cases fall due. Each hour; late is late and not lost.

| looked for | done |
|---|---|
| a representation whose last day is over, of an active person below 18 whom nobody else represents | suspended, and a case opened |
| an open case whose person has a representative in force by now, or is 18 | closed, and the registration goes on |
| a representation that ends in 30 or 7 days without another to follow | said to who registers representatives, once per threshold |
| a case that falls due within three days, or is past its day | said to the same, then every week |

It must never take two mails for one threshold, nor none because an hour of the sweep was missed.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from apps.accounts import details
from apps.accounts.models import MinorCase, Person, Representative
from apps.accounts.services import minors, representing
from apps.accounts.states import PersonStanding, RepresentativeState
from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.mail.services import outbox
from apps.staff.models import StaffMember

#: days ahead, the nearest first
THRESHOLDS = (7, 30)
DUE_SOON = timedelta(days=3)
REMINDED_EVERY_DAYS = 7


def look_after(*, at: datetime) -> int:
    """Do all of it; returns how many mails that made."""
    for pk in list(_ended(at).values_list("pk", flat=True)):
        _suspend(pk, at)
    for whom in list(MinorCase.objects.open().order_by("pk").values_list("person_id", flat=True)):
        _settle(whom, at)
    mails = sum(_warn(row, at) for row in ending(at=at))
    return mails + sum(_remind(case, at) for case in MinorCase.objects.open().filter(due_at__lte=at + DUE_SOON).order_by("due_at", "pk"))


def _ended(at: datetime):
    """Verified ones whose time is over, of active people whom nobody represents today and who are not known to be 18."""
    may_be_minor = Q(person__birth_date__isnull=True) | Q(person__birth_date__gt=details.youngest_adult(day_of(at)))
    others = Representative.objects.in_force(day_of(at)).filter(person=OuterRef("person"))
    return Representative.objects.filter(
        may_be_minor, ~Exists(others), state=RepresentativeState.VERIFIED, valid_until__lte=day_of(at), person__standing=PersonStanding.ACTIVE
    ).order_by("pk")


@transaction.atomic
def _suspend(pk: int, at: datetime) -> None:
    row = Representative.objects.select_related("person").get(pk=pk)
    row.person = minors.lock(row.person)
    representing.after_an_end(row, by=SYSTEM, at=at)


@transaction.atomic
def _settle(whom: int, at: datetime) -> None:
    person = Person.objects.filter(pk=whom).first()
    if person is not None:
        minors.settle(minors.lock(person), by=SYSTEM, at=at)


def ending(*, at: datetime) -> Iterable[Representative]:
    """Representations of active people that end within a month without one that carries on, the next first."""
    today = day_of(at)
    carried_on = Representative.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=OuterRef("valid_until")), person=OuterRef("person"), state=RepresentativeState.VERIFIED,
        valid_from__lte=OuterRef("valid_until"),
    )  # fmt: skip
    rows = Representative.objects.in_force(today).filter(
        ~Exists(carried_on), valid_until__lte=today + timedelta(days=max(THRESHOLDS)), person__standing=PersonStanding.ACTIVE
    )
    still_minor = Q(person__birth_date__isnull=True) | Q(person__birth_date__gt=F("valid_until") - timedelta(days=18 * 365 + 5))
    return rows.filter(still_minor).order_by("valid_until", "pk")


def told() -> list[StaffMember]:
    """Who registers representatives, and so has to find another one in time."""
    return [member for member in StaffMember.objects.active().order_by("pk") if member.has_perm(representing.REGISTER)]


@transaction.atomic
def _warn(row: Representative, at: datetime) -> int:
    days = (row.valid_until - day_of(at)).days
    threshold = next(limit for limit in THRESHOLDS if days <= limit)
    context = {"representative": row.reference, "pk": row.pk, "days": days, "on": row.valid_until}
    mails = _queue("accounts/representation_ends", row.reference, context, f"representation-{row.reference}-{threshold}", at)
    if mails:
        ledger.record("representative.end_warned", by=SYSTEM, about=row.reference, at=at, facts={"days": days})
    return mails


@transaction.atomic
def _remind(case: MinorCase, at: datetime) -> int:
    late = (day_of(at) - day_of(case.due_at)).days
    week = "ahead" if at < case.due_at else f"late-{late // REMINDED_EVERY_DAYS}"
    context = {"case": case.reference, "pk": case.pk, "due_at": case.due_at, "is_late": at >= case.due_at, "how": case.get_how_display()}
    mails = _queue("accounts/minor_case_due", case.reference, context, f"minor-case-{case.reference}-{week}", at)
    if mails:
        ledger.record("minor_case.due_warned", by=SYSTEM, about=case.reference, at=at, facts={"late": at >= case.due_at})
    return mails


def _queue(template: str, about: str, context: dict, once: str, at: datetime) -> int:
    queued = [
        outbox.queue(template=template, to=member.email, about=about, context=context, once_key=f"{once}-{member.pk}", at=at)
        for member in told()
    ]
    return len([mail for mail in queued if mail is not None])
