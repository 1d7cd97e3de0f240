"""Questions about the outbox."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from apps.mail.states import State


class OutgoingMailQuerySet(models.QuerySet):
    def due(self, at: datetime):
        """Queued, its time has come, and nobody else's lease is on it. A mail to one person goes before one that goes to many."""
        return (
            self.filter(state=State.QUEUED, next_try_at__lte=at)
            .filter(Q(leased_until__isnull=True) | Q(leased_until__lt=at))
            .order_by("is_bulk", "next_try_at", "id")
        )
