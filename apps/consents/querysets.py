"""Questions about texts, the ledger of consents and what stands."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from apps.consents.states import TextState


class PurposeTextQuerySet(models.QuerySet):
    def published(self):
        return self.filter(state=TextState.PUBLISHED)

    def in_force(self, at: datetime):
        """The newest published text of each purpose at a moment."""
        return self.published().filter(published_at__lte=at).order_by("purpose_id", "-published_at", "-number").distinct("purpose_id")


class ConsentEventQuerySet(models.QuerySet):
    def of(self, *, person_id: int, purpose: str):
        """All that was said about one purpose, newest first."""
        return self.filter(person_id=person_id, purpose_id=purpose).order_by("-at", "-id")

    def last_until(self, at: datetime):
        """What was said until then, the latest first: the first of them says what stood."""
        return self.filter(at__lte=at).order_by("-at", "-id")


class StandingQuerySet(models.QuerySet):
    def standing(self, at: datetime):
        """Given, not taken back, not over."""
        return self.filter(Q(until__isnull=True) | Q(until__gt=at), stands=True)

    def over(self, at: datetime):
        """Given, and its end has come: nothing may rest on it any more, and it is to be recorded as expired."""
        return self.filter(stands=True, until__lte=at).order_by("until", "id")
