"""That an agreement, a review or a grant ended by itself: recorded once. The gate is closed from that day on without it."""

from django.db import models

from apps.providers.models.providers import Provider
from apps.providers.states import LapseKind


class Lapse(models.Model):
    """What lapsed, by reference, and the first day on which it no longer counted."""

    NOT_PERSONAL = ("id", "provider", "kind", "about", "lapsed_on", "recorded_at")

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="lapses")
    kind = models.CharField(max_length=10, choices=LapseKind.choices)
    about = models.CharField(max_length=20, unique=True, help_text="Reference of what lapsed")
    lapsed_on = models.DateField()
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"lapse of {self.about}"
