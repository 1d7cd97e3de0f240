"""The account of a cohort: what came in must be somewhere, or gone with a record. Disjoint terms, counted from the rows."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date

from django.db import connection
from django.db.models import Count, Q, Sum

from apps.foundation.refusals import Refusal
from apps.retention.models import (
    AsideMessage,
    BatchShare,
    Cohort,
    EarlyDeletion,
    Leaf,
    Message,
    Move,
)
from apps.retention.states import AsideGround


class AccountDoesNotBalance(Refusal):
    """What came into the cohort is not what is there or gone with a record."""

    code = "account_does_not_balance"
    mend = "Compare the cohort's batches with its leaf before anything is destroyed; somebody changed rows by hand."


@dataclass(frozen=True)
class Account:
    """DESIGN: ingested + moved in = in leaf + aside for hold + aside for archive or review + moved out + destroyed + deleted early."""

    ingested: int
    moved_in: int
    in_leaf: int
    aside_for_hold: int
    aside_for_archive: int
    moved_out: int
    destroyed: int
    deleted_early: int

    @property
    def balance(self) -> int:
        """Zero where it adds up."""
        gone_or_there = (
            self.in_leaf + self.aside_for_hold + self.aside_for_archive + self.moved_out + self.destroyed + self.deleted_early
        )
        return self.ingested + self.moved_in - gone_or_there

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def rows_by_organization(day: date) -> Counter[int]:
    """How many rows of a day's leaf each organization has: one pass for all of its cohorts.

    It asks the leaf by its name: asked for its day, each row itself would be read for it, where here an index says it all.
    """
    if not Leaf.objects.filter(day=day).exists():
        return Counter()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT organization_id, count(*) FROM message_{day:%Y%m%d} GROUP BY organization_id")
        return Counter(dict(cursor.fetchall()))


def account_of(cohort: Cohort, *, in_leaf: int | None = None) -> Account:
    """Count the terms from the rows. What waits for a review counts with what waits for an archive (DESIGN).

    `in_leaf` is given by who has just counted the rows of all cohorts of the day, under their locks.
    """
    aside = AsideMessage.objects.filter(cohort=cohort).aggregate(
        held=Count("id", filter=Q(ground=AsideGround.HOLD)), waiting=Count("id", filter=~Q(ground=AsideGround.HOLD))
    )
    moved_in, moved_out = (
        Move.objects.filter(**{side: cohort}).aggregate(n=Sum("messages"))["n"] or 0 for side in ("destination", "origin")
    )
    return Account(
        ingested=BatchShare.objects.filter(cohort=cohort).aggregate(n=Sum("messages"))["n"] or 0,
        moved_in=moved_in,
        in_leaf=_in_leaf(cohort) if in_leaf is None else in_leaf,
        aside_for_hold=aside["held"],
        aside_for_archive=aside["waiting"],
        moved_out=moved_out,
        destroyed=cohort.destroyed_messages,
        deleted_early=EarlyDeletion.objects.filter(cohort=cohort, kept_for_hold=False).count(),
    )


def _in_leaf(cohort: Cohort) -> int:
    return Message.objects.on_days([cohort.expiry_on]).filter(organization_id=cohort.organization_id).count()


def require_balance(cohort: Cohort, *, in_leaf: int | None = None) -> Account:
    """The account, or a refusal that names the cohort and by how much it is off."""
    account = account_of(cohort, in_leaf=in_leaf)
    if account.balance:
        raise AccountDoesNotBalance(f"{cohort.reference} is off by {account.balance} messages.")
    return account
