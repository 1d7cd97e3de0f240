"""The end of a day: all messages of all organizations that expire on it, but those that step aside.

The rows go by one database function that checks again, by itself, everything the steps before it promise (migration 0003,
last replaced in 0012); the leaf stays, empty.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from apps.foundation.clock import day_of
from apps.holds.services import asking
from apps.retention import envelope
from apps.retention.models import Cohort, Destruction, Message
from apps.retention.services import accounts, aside, grounds
from apps.retention.services.ends import KeptMeanwhile
from apps.retention.states import CohortState, DestructionScope

#: while a cohort is in one of these its key exists
NOT_SHREDDED = (CohortState.EXPIRED, CohortState.INTENDED)
#: how long others wait behind us for a leaf that is in use, how often we ask again, and the pause that they have in between
POLITE, POLITE_TRIES, PAUSE_SECONDS = "50ms", 200, 0.25


@transaction.atomic
def open_due(*, at: datetime) -> list[Destruction]:
    """A work row for every expired day that has none."""
    days = sorted(Destruction.objects.without_their_own_row(Cohort.objects.all(), day_of(at)))
    rows = [
        Destruction(scope=DestructionScope.DAY, day=day, secret=envelope.day_secret(day), opened_at=at) for day in days
    ]
    return Destruction.objects.bulk_create(rows, ignore_conflicts=True)


def keep(work: Destruction, *, at: datetime) -> None:
    """Rows that something keeps step aside."""
    for cohort in Cohort.objects.filter(expiry_on=work.day, state__in=NOT_SHREDDED).order_by("id"):
        aside.step_aside(cohort=cohort, at=at)


def locked(work: Destruction) -> list[Cohort]:
    return list(
        Cohort.objects.select_for_update(of=("self",))
        .select_related("organization")
        .filter(expiry_on=work.day)
        .order_by("id")
    )


def require_free(work: Destruction, cohorts: list[Cohort], *, at: datetime) -> None:
    for cohort in cohorts:
        if cohort.state not in NOT_SHREDDED:
            continue
        if any(hold.pk > cohort.holds_seen for hold in asking.holds_of_organization(cohort.organization_id, at)):
            raise KeptMeanwhile(f"A hold was placed that may cover messages of {cohort.reference}.")
        unarchived = grounds.unarchived_segments(cohort)
        if unarchived and _leaf(cohort).filter(segment__in=unarchived).exists():
            raise KeptMeanwhile(f"{cohort.reference} is owed to an archive and has not stepped aside.")
        if grounds.waits_for_review(cohort) and _leaf(cohort).exists():
            raise KeptMeanwhile(f"{cohort.reference} waits for its review and has not stepped aside.")


def _leaf(cohort: Cohort):
    return Message.objects.on_days([cohort.expiry_on]).filter(organization_id=cohort.organization_id)


def intended(work: Destruction, cohorts: list[Cohort]) -> Iterable[tuple[Cohort, int, bool]]:
    """Every cohort of the day but those that stepped aside as a whole: nothing of them is destroyed yet."""
    there = accounts.rows_by_organization(work.day)
    for cohort in cohorts:
        account = accounts.require_balance(cohort, in_leaf=there[cohort.organization_id])
        if takes_part(stepped_aside=cohort.aside_at is not None, in_leaf=account.in_leaf):
            yield cohort, account.in_leaf, True


def takes_part(*, stepped_aside: bool, in_leaf: int) -> bool:
    """Whether a cohort ends with its day: unless all of it stepped aside. One that is empty ends, with its certificate."""
    return not stepped_aside or in_leaf > 0


def remove_copies(work: Destruction, *, at: datetime) -> None:
    """A day has no copies outside the database; backups hold only what its key would open."""


def remove(work: Destruction, cohorts: list[Cohort], *, at: datetime) -> Iterable[tuple[Cohort, int]]:
    ending = [cohort for cohort in cohorts if cohort.state == CohortState.SHREDDED]
    there = accounts.rows_by_organization(work.day)
    before = {cohort.pk: accounts.require_balance(cohort, in_leaf=there[cohort.organization_id]).in_leaf for cohort in ending}
    work.bytes_freed = _emptied(work, at)
    for cohort in ending:
        cohort.destroyed_messages += before[cohort.pk]
        cohort.save(update_fields=["destroyed_messages"])
        yield cohort, before[cohort.pk]


def _emptied(work: Destruction, at: datetime) -> int:
    """Empty the leaf; the bytes that were freed.

    Emptying needs the leaf for itself, and whoever comes while it is waited for waits too. So it is asked for a moment at a time,
    between which a report over all leaves may begin and end; only after a minute of that it is waited for as long as it takes.
    """
    for _polite_try in range(POLITE_TRIES):
        with suppress(_InUse):
            return _emptied_politely(work, at)
        time.sleep(PAUSE_SECONDS)
    return _emptied_now(work, at)


class _InUse(Exception):
    """Somebody else uses the leaf."""


def _emptied_politely(work: Destruction, at: datetime) -> int:
    """Within the short time that others may be kept waiting; the session's own limit, if it has one, is as before afterwards."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('lock_timeout'), set_config('lock_timeout', %s, true)", [POLITE])
            before = cursor.fetchone()[0]
            freed = _emptied_now(work, at)
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [before])
            return freed
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise _InUse from error
        raise


def _emptied_now(work: Destruction, at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT covenant_destroy_leaf(%s, %s)", [work.pk, at])
        return cursor.fetchone()[0]
