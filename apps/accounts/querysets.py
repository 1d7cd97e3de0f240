"""Questions about accounts."""

from datetime import datetime

from django.db import models
from django.db.models import Q


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
