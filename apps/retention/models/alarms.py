"""What somebody must look at, by kind and reference: raised when it is first seen, ended when it is seen no more."""

from django.db import models
from django.db.models import Q

from apps.retention.states import AlarmKind


class Alarm(models.Model):
    """One thing that is late or blocked. References only."""

    NOT_PERSONAL = ("id", "kind", "about", "raised_at", "seen_at", "ended_at")

    kind = models.CharField(max_length=12, choices=AlarmKind.choices)
    about = models.CharField(max_length=80, help_text="Reference of what it is about")
    raised_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(name="a_thing_alarms_once_at_a_time", fields=["kind", "about"], condition=Q(ended_at__isnull=True))
        ]
        indexes = [models.Index(fields=["kind", "id"], name="alarm_standing", condition=Q(ended_at__isnull=True))]

    def __str__(self) -> str:
        return f"alarm {self.pk}"
