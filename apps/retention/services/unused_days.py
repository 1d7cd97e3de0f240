"""The secret of a day that has no messages: it was made for an ingest that was rolled back, and none came after it.

Files know no transactions: the secret of a day is made inside the one that makes its first cohort, and stays when that is
undone. Until its day the next ingest takes it up. Once its day is over nothing ever will, and it goes like any other: as a
destruction of that day, with its intent and its end in the journal, and without a certificate, for nothing was stored.

It must never take the secret of a day that has a cohort or a row, nor of one whose ingest may not have ended yet.
"""

from contextlib import suppress
from datetime import date, datetime, timedelta

from django.db import transaction

from apps.audit.services import journal
from apps.foundation.clock import day_of
from apps.foundation.keys import keystore
from apps.retention import envelope
from apps.retention.models import Cohort, Destruction, Leaf, Message
from apps.retention.services import clock_guard
from apps.retention.states import DestructionScope

#: an ingest that began before midnight may end after it
RUNNING_OUT = timedelta(days=1)


@transaction.atomic
def open_due(*, at: datetime) -> list[date]:
    """Make the work row of every such day that is over; the next sweep destroys its secret. Returns the days."""
    if not clock_guard.watch(at=at) or not journal.status().in_step:
        return []
    over = {day for day in map(_day, keystore().names("day")) if day and day <= day_of(at) - RUNNING_OUT}
    over &= set(Leaf.objects.filter(day__in=over).values_list("day", flat=True))
    over -= set(Cohort.objects.filter(expiry_on__in=over).values_list("expiry_on", flat=True))
    over -= set(Destruction.objects.filter(scope=DestructionScope.DAY, day__in=over).values_list("day", flat=True))
    unused = [day for day in sorted(over) if not Message.objects.on_days([day]).exists()]
    Destruction.objects.bulk_create(
        (Destruction(scope=DestructionScope.DAY, day=day, secret=envelope.day_secret(day), opened_at=at) for day in unused),
        ignore_conflicts=True,
    )
    return unused


def _day(secret: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(secret.partition("/")[2])
    return None
