"""Leaves are made ahead of the messages that will need them, from the rules in force. A missing one is a loud error.

Nothing is ever stored in a default leaf: a row whose day nobody planned would be a row whose day nobody destroys.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from apps.foundation.clock import day_of
from apps.foundation.refusals import Refusal
from apps.retention.life import MONTHLY_OVER_DAYS, expiry_day
from apps.retention.models import Leaf, RetentionRule

#: how far ahead of the present messages may still arrive before the next run makes more
AHEAD_DAYS = 35


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
