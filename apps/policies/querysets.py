"""Questions about the policy."""

from datetime import datetime

from django.db import models

from apps.policies.states import State


class PolicyVersionQuerySet(models.QuerySet):
    def published(self):
        return self.filter(state=State.PUBLISHED)

    def in_force(self, at: datetime):
        """The version in force at a moment, as a queryset of at most one: published last, at or before it."""
        return self.published().filter(published_at__lte=at).order_by("-published_at", "-number")[:1]
