"""Questions about Message Data, in the policy's words. Every question on messages names its expiry days literally."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import models
from django.db.models import Exists, OuterRef, Q

from apps.retention.states import READABLE, CohortState, DestructionScope, DestructionState, ReschedulingState, RuleState


class RuleQuerySet(models.QuerySet):
    def approved(self):
        return self.filter(state=RuleState.APPROVED)


class CohortQuerySet(models.QuerySet):
    def readable(self):
        return self.filter(state__in=READABLE).order_by("expiry_on", "id")

    def due_for_sealing(self, day: date):
        """Open cohorts that expire on or before `day` (the day two days ahead)."""
        return self.filter(state=CohortState.OPEN, expiry_on__lte=day).order_by("expiry_on", "id")

    def due_for_expiry(self, today: date):
        return self.filter(state__in=[CohortState.SEALED, CohortState.ARCHIVED], expiry_on__lte=today).order_by("expiry_on", "id")

    def expired_not_destroyed(self):
        """What is hidden and still there, whatever the reason."""
        return self.filter(
            state__in=[CohortState.EXPIRED, CohortState.INTENDED, CohortState.SHREDDED]
        ).order_by("expiry_on", "id")


class MessageQuerySet(models.QuerySet):
    def on_days(self, days: Iterable[date]):
        """Only these leaves: without literal days the planner would lock every leaf there is."""
        return self.filter(expiry__in=sorted(set(days)))


class DestructionQuerySet(models.QuerySet):
    def claimable(self, at: datetime):
        """Not done, not parked, and nobody else's lease is on it."""
        return (
            self.exclude(state=DestructionState.DONE)
            .filter(parked_at__isnull=True)
            .filter(Q(leased_until__isnull=True) | Q(leased_until__lt=at))
            .order_by("day", "id")
        )

    def without_their_own_row(self, cohorts, today: date):
        """Expired days that have no destruction row yet."""
        return (
            cohorts.filter(state=CohortState.EXPIRED, expiry_on__lte=today, aside_at__isnull=True)
            .filter(~Exists(self.model.objects.filter(scope=DestructionScope.DAY, day=OuterRef("expiry_on"))))
            .order_by("expiry_on")
            .values_list("expiry_on", flat=True)
            .distinct()
        )


class ReschedulingQuerySet(models.QuerySet):
    def to_be_done(self, at: datetime):
        """Approved, or to be counted; not parked, and nobody else's lease is on it. What is approved comes first."""
        return (
            self.filter(state__in=[ReschedulingState.APPROVED, ReschedulingState.COUNTING], parked_at__isnull=True)
            .filter(Q(leased_until__isnull=True) | Q(leased_until__lt=at))
            .order_by("decided_at", "id")
        )
