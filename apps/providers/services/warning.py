"""What ends by itself is said 90, 30 and 7 days ahead, and recorded once it has ended. Once a day; late is late and not lost.

| looked for | said |
|---|---|
| an agreement that nothing carries on, the newest review of a kind, a grant; of providers in use | to the owner, once per threshold |
| the same, on its day | recorded once, and said to the owner: the gate is closed since that midnight |
| an ended provider whose data nobody has confirmed as returned or destroyed | to the owner, every week until it is |

The gate asks none of this: it closes by the days themselves. It must never take two mails for one threshold, nor none because a day
of the sweep was missed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.mail.services import outbox
from apps.providers.models import Agreement, Grant, Lapse, Provider, SecurityReview
from apps.providers.querysets import ACTIVATE, IN_USE
from apps.providers.services import register, telling
from apps.providers.states import COUNTS, GrantState, LapseKind
from apps.staff.models import StaffMember

#: days ahead, the nearest first
THRESHOLDS = (7, 30, 90)
REMINDED_EVERY_DAYS = 7


@dataclass(frozen=True)
class Ending:
    """Something that ends by itself: `on` is the first day on which it no longer counts."""

    kind: LapseKind
    about: str
    provider: Provider
    on: date

    def days_left(self, at: datetime) -> int:
        return (self.on - day_of(at)).days


def look_after(*, at: datetime) -> int:
    """Warn of what ends soon, record what has ended, remind of data that is still owed; returns how many mails that made."""
    register.empty_old(at=at)
    mails = 0
    for ending in endings(until=day_of(at) + timedelta(days=max(THRESHOLDS))):
        mails += _record(ending, at) if ending.days_left(at) <= 0 else _warn(ending, at)
    for provider in Provider.objects.owing_data().select_related("owner").order_by("pk"):
        mails += _remind(provider, at)
    return mails


def endings(*, until: date, since: date | None = None) -> Iterator[Ending]:
    """What of providers in use ends by that day, kind by kind, the earliest first.

    What was recorded as ended is left out, unless `since` asks for all that ends from that day on.
    """
    recorded = Lapse.objects.filter(about=OuterRef("reference"))
    carried_on = Agreement.objects.filter(
        Q(ends_on=None) | Q(ends_on__gt=OuterRef("ends_on")), line=OuterRef("line"), state__in=COUNTS, starts_on__lte=OuterRef("ends_on")
    )
    agreements = Agreement.objects.filter(~Exists(carried_on), state__in=COUNTS, ends_on__lte=until).annotate(on=F("ends_on"))
    reviews = SecurityReview.objects.newest().filter(next_due_on__lte=until).annotate(on=F("next_due_on"))
    grants = Grant.objects.filter(state=GrantState.ACTIVE, ends_on__lte=until).annotate(on=F("ends_on"))
    for kind, rows in ((LapseKind.AGREEMENT, agreements), (LapseKind.REVIEW, reviews), (LapseKind.GRANT, grants)):
        wanted = rows.filter(~Exists(recorded)) if since is None else rows.filter(on__gte=since)
        for row in wanted.filter(provider__state__in=IN_USE).select_related("provider__owner").order_by("on", "pk"):
            yield Ending(kind, row.reference, row.provider, row.on)


def at_hand(*, member: StaffMember, at: datetime) -> list[Ending]:
    """What ends within a month, or ended in the last one, of the providers that this member owns or may decide on."""
    today, month = day_of(at), timedelta(days=30)
    found = endings(until=today + month, since=today - month)
    return sorted((one for one in found if _is_theirs(one.provider, member)), key=lambda one: (one.on, one.about))


def _is_theirs(provider: Provider, member: StaffMember) -> bool:
    return provider.owner_id == member.pk or member.has_perm(ACTIVATE)


def _warn(ending: Ending, at: datetime) -> int:
    days = ending.days_left(at)
    threshold = next(limit for limit in THRESHOLDS if days <= limit)
    mails = 0
    with transaction.atomic():
        for member in telling.owners(ending.provider):
            mail = outbox.queue(
                template="providers/lapse_warning", to=member.email, about=ending.about, context=_context(ending) | {"days": days},
                once_key=f"lapse-{ending.about}-{ending.on.isoformat()}-{threshold}-{member.pk}", at=at,
            )  # fmt: skip
            mails += mail is not None
        if mails:
            facts = {"provider": ending.provider.reference, "on": ending.on, "days": days, "threshold": threshold}
            ledger.record(f"{ending.kind}.lapse_warned", by=SYSTEM, about=ending.about, at=at, facts=facts)
    return mails


def _record(ending: Ending, at: datetime) -> int:
    with transaction.atomic():
        _lapse, is_new = Lapse.objects.get_or_create(
            about=ending.about, defaults={"provider": ending.provider, "kind": ending.kind, "lapsed_on": ending.on, "recorded_at": at}
        )
        if not is_new:
            return 0
        ledger.record(f"{ending.kind}.lapsed", by=SYSTEM, about=ending.about, at=at, facts={"provider": ending.provider.reference, "on": ending.on})
        members = telling.owners(ending.provider)
        for member in members:
            outbox.queue(
                template="providers/lapsed", to=member.email, about=ending.about, context=_context(ending),
                once_key=f"lapsed-{ending.about}-{member.pk}", at=at,
            )  # fmt: skip
    return len(members)


def _remind(provider: Provider, at: datetime) -> int:
    """One reminder a week, counted from the end; a missed day makes it late and never two."""
    week = (day_of(at) - day_of(provider.ended_at)).days // REMINDED_EVERY_DAYS
    context = {
        "provider": provider, "ended_on": day_of(provider.ended_at), "due_on": provider.data_due_on, "what": provider.get_data_end_display(),
        "is_late": day_of(at) > provider.data_due_on,
    }  # fmt: skip
    mails = 0
    with transaction.atomic():
        for member in telling.owners(provider):
            mail = outbox.queue(
                template="providers/data_end_reminder", to=member.email, about=provider.reference, context=context,
                once_key=f"data-end-{provider.reference}-{week}-{member.pk}", at=at,
            )  # fmt: skip
            mails += mail is not None
        if mails:
            ledger.record("provider.data_end_reminded", by=SYSTEM, about=provider.reference, at=at, facts={"week": week})
    return mails


def _context(ending: Ending) -> dict:
    return {"what": ending.kind.label, "about": ending.about, "provider": ending.provider, "on": ending.on}
