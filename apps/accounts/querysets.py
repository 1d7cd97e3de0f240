"""Questions about accounts."""

from datetime import date, datetime

from django.db import models
from django.db.models import Q

from apps.accounts.states import CaseState, RepresentativeState


class ServiceTokenQuerySet(models.QuerySet):
    def usable(self):
        return self.filter(revoked_at__isnull=True)


class LinkedAccountQuerySet(models.QuerySet):
    def linked(self):
        return self.filter(revoked_at__isnull=True)

    def to_tell(self, at: datetime):
        """Unlinked here, and the provider is to be told now; nobody else is at it."""
        free = Q(leased_until__isnull=True) | Q(leased_until__lte=at)
        return self.filter(free, tell_at__lte=at).order_by("tell_at", "id")

    def needing_their_secret(self):
        """Linked, or unlinked with a token that the provider is still to be told of, or kept by a hold."""
        return self.filter(Q(revoked_at__isnull=True) | Q(tell_at__isnull=False) | Q(kept_for_hold=True))


class RepresentativeQuerySet(models.QuerySet):
    def in_force(self, day: date):
        """Verified, not ended, and that day lies in their time."""
        return self.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=day), state=RepresentativeState.VERIFIED, valid_from__lte=day)

    def with_document_due(self, before: datetime):
        """Decided by then, with the document still there."""
        return self.filter(document__isnull=False, decided_at__lte=before).order_by("decided_at", "id")

    def needing_their_secret(self):
        return self.filter(document__isnull=False)


class MinorCaseQuerySet(models.QuerySet):
    def open(self):
        return self.filter(state=CaseState.OPEN)

    def overdue(self, at: datetime):
        return self.open().filter(due_at__lte=at)

    def to_remove(self):
        """Open, and staff asked that the minor is removed with their data."""
        return self.open().filter(removal_asked_at__isnull=False).order_by("removal_asked_at", "id")
