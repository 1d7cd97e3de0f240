"""The end of a day: all messages of all organizations that expire on it, but those that step aside.

The rows go by one database function that checks again, by itself, everything the steps before it promise (migration 0003,
last replaced in 0007); the leaf stays, empty.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction

from apps.foundation.clock import day_of
from apps.holds.services import asking
from apps.retention import envelope
from apps.retention.models import Cohort, Destruction, Message
from apps.retention.services import accounts, aside, grounds
from apps.retention.services.ends import KeptMeanwhile
from apps.retention.states import CohortState, DestructionScope

#: while a cohort is in one of these its key exists
NOT_SHREDDED = (CohortState.EXPIRED, CohortState.INTENDED)


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
    for cohort in cohorts:
        account = accounts.require_balance(cohort)
        if takes_part(stepped_aside=cohort.aside_at is not None, in_leaf=account.in_leaf):
            yield cohort, account.in_leaf, True


def takes_part(*, stepped_aside: bool, in_leaf: int) -> bool:
    """Whether a cohort ends with its day: unless all of it stepped aside. One that is empty ends, with its certificate."""
    return not stepped_aside or in_leaf > 0


def remove_copies(work: Destruction, *, at: datetime) -> None:
    """A day has no copies outside the database; backups hold only what its key would open."""


def remove(work: Destruction, cohorts: list[Cohort], *, at: datetime) -> Iterable[tuple[Cohort, int]]:
    ending = [cohort for cohort in cohorts if cohort.state == CohortState.SHREDDED]
    before = {cohort.pk: accounts.require_balance(cohort).in_leaf for cohort in ending}
    with connection.cursor() as cursor:
        cursor.execute("SELECT covenant_destroy_leaf(%s, %s)", [work.pk, at])
        work.bytes_freed = cursor.fetchone()[0]
    for cohort in ending:
        cohort.destroyed_messages += before[cohort.pk]
        cohort.save(update_fields=["destroyed_messages"])
        yield cohort, before[cohort.pk]
