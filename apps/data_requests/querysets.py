"""Questions about requests and their clocks, in the policy's words."""

from datetime import datetime

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce

from apps.data_requests.states import OVER, TAKES_NOTHING_IN, State

#: the day that counts: the one it was extended to, else its first
ENDS_AT = Coalesce("extended_due_at", "due_at")


class DataRequestQuerySet(models.QuerySet):
    def in_progress(self):
        """Not over, what runs out next first."""
        return self.exclude(state__in=OVER).order_by(F("due_at").asc(nulls_last=True), "id")

    def takes_more_in(self):
        """Not over, and its answer is not on its way: the same asked again joins it."""
        return self.exclude(state__in=TAKES_NOTHING_IN).order_by("id")

    def late(self, at: datetime):
        """Past the first of its days, and not over."""
        return self.exclude(state__in=OVER).filter(due_at__lte=at).order_by("due_at", "id")

    def of(self, owner: str):
        """In one's hands."""
        return self.in_progress().filter(owner=owner)

    def answering(self):
        return self.filter(state=State.ANSWERING).order_by("id")

    def over_with_words(self):
        """Over, and what was written with it can still be read."""
        notes = self.model.notes.rel.related_model.objects.filter(request=OuterRef("pk"), words__isnull=False)
        return self.filter(state__in=OVER).filter(Q(words__isnull=False) | Exists(notes)).order_by("id")

    def past_their_life(self, at: datetime):
        return self.filter(state__in=OVER, kept_until__lte=at).order_by("kept_until", "id")


class ClockQuerySet(models.QuerySet):
    def running(self):
        """Neither stopped nor standing still, the earliest first."""
        return self.filter(stopped_at__isnull=True, paused_at__isnull=True).annotate(ends=ENDS_AT).order_by("ends", "id")

    def not_stopped(self):
        return self.filter(stopped_at__isnull=True).order_by("id")

    def to_go_on(self, at: datetime):
        """They stand still, and their day has come."""
        return self.filter(stopped_at__isnull=True, paused_until__lte=at).order_by("id")
