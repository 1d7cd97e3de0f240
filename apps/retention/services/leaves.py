"""Leaves are made ahead of the messages that will need them, from the rules in force. A missing one is a loud error.

Nothing is ever stored in a default leaf: a row whose day nobody planned would be a row whose day nobody destroys. Long after its
day an empty leaf is dropped; until then it shows to everybody who looks that nothing is left.
It must never drop one whose key is there, nor make whoever reads or writes messages wait for more than a moment.
"""

import time
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, OuterRef, Q
from psycopg.errors import LockNotAvailable, ObjectNotInPrerequisiteState

from apps.audit.services import journal, ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.foundation.keys import keystore
from apps.foundation.refusals import Refusal
from apps.retention import envelope
from apps.retention.life import MONTHLY_OVER_DAYS, expiry_day
from apps.retention.models import Cohort, Destruction, Leaf, RetentionRule
from apps.retention.services import clock_guard
from apps.retention.states import CohortState, DestructionScope, DestructionState

log = structlog.get_logger(__name__)

#: how far ahead of the present messages may still arrive before the next run makes more
AHEAD_DAYS = 35
#: dropped in one night: each takes the message table for itself for a moment
MOST_AT_ONCE = 60
#: how long others may wait behind us for the message table, how often we ask for it in a night, and their pause in between
POLITE, POLITE_TRIES, PAUSE_SECONDS = "50ms", 40, 0.25


class LeafMissing(Refusal):
    """There is no leaf for a day on which messages would expire."""

    code = "leaf_missing"
    mend = "Run `manage.py make_leaves`, look why the hourly task did not, and send the batch again: nothing was lost."


def days_needed(lives: Iterable[int], today: date, ahead: int = AHEAD_DAYS) -> set[date]:
    """Every day on which a message sent in the past life, or in the coming `ahead` days, can expire."""
    days: set[date] = set()
    for life in lives:
        last = life + ahead + 1
        if life <= MONTHLY_OVER_DAYS:
            days |= {today + timedelta(days=n) for n in range(1, last + 1)}
        else:
            noon = datetime.combine(today, datetime.min.time()).astimezone()
            days |= {expiry_day(noon + timedelta(days=n - life), life) for n in range(0, last + 1, 7)}
            days.add(expiry_day(noon + timedelta(days=last - life), life))
    return {day for day in days if day > today}


def make_leaves(*, at: datetime, days: Iterable[date] = ()) -> int:
    """Make every leaf that approved rules need, and those of `days`. Twice is once. Returns how many were made."""
    lives = set(RetentionRule.objects.approved().values_list("life_days", flat=True))
    wanted = days_needed(lives, day_of(at)) | set(days)
    missing = sorted(wanted - set(Leaf.objects.filter(day__in=wanted).values_list("day", flat=True)))
    made = 0
    for day in missing:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT covenant_make_leaf(%s, %s)", [day, at])
            made += cursor.fetchone()[0]
    return made


def require_leaves(days: Iterable[date]) -> None:
    """Refuse with LeafMissing unless each of `days` has its leaf."""
    wanted = set(days)
    missing = wanted - set(Leaf.objects.filter(day__in=wanted).values_list("day", flat=True))
    if missing:
        raise LeafMissing(f"No leaf for {', '.join(day.isoformat() for day in sorted(missing))}.")


class _InUse(Exception):
    """Somebody uses the table of messages, or that leaf of it."""


def drop_empty(*, at: datetime) -> list[date]:
    """Drop the leaves whose day was over long ago and which hold nothing, the oldest first; what is in use is tried again next night."""
    if not clock_guard.watch(at=at) or not journal.status().in_step:  # a restored database has to destroy what lies in its leaves again
        return []
    dropped, days, tries = [], _droppable(at), POLITE_TRIES
    while days and tries:
        try:
            dropped += [days[0]] if _drop(days[0], at) else []
            days.pop(0)
        except _InUse:
            tries -= 1
            time.sleep(PAUSE_SECONDS)
    return dropped


def _droppable(at: datetime) -> list[date]:
    """Days of which nothing is left to do; the database asks the same again, under the lock."""
    here = Cohort.objects.filter(expiry_on=OuterRef("day")).exclude(state=CohortState.DESTROYED)
    at_work = Destruction.objects.filter(scope=DestructionScope.DAY, day=OuterRef("day")).exclude(state=DestructionState.DONE)
    over = day_of(at) - timedelta(days=settings.RETENTION_EMPTY_LEAF_DAYS)
    leaves = Leaf.objects.filter(day__lt=over).exclude(Exists(here.exclude(Q(state=CohortState.EXPIRED) & Q(aside_at__isnull=False))))
    days = leaves.exclude(Exists(at_work)).order_by("day").values_list("day", flat=True)
    return [day for day in days[:MOST_AT_ONCE] if not keystore().exists(envelope.day_secret(day))]


def _drop(day: date, at: datetime) -> bool:
    """Whether the leaf went, with its record; False where it was gone already, or the database found that it must not go."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [POLITE])
            cursor.execute("SELECT covenant_drop_leaf(%s, %s)", [day, at])
            is_gone = cursor.fetchone()[0]
            if is_gone:
                ledger.record("leaf.dropped", by=SYSTEM, about=day.isoformat(), at=at)
    except DatabaseError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise _InUse from error
        if not isinstance(error.__cause__, ObjectNotInPrerequisiteState):
            raise
        log.exception("leaf_not_dropped", day=day.isoformat())
        return False
    return is_gone
