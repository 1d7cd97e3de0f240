"""When a person is busy, as their calendars say: a beginning and an end, and nothing of what it is."""

from django.db import models
from django.db.models import F, Q

from apps.contacts.models.lent import lender, standing, under
from apps.contacts.models.sources import Source
from apps.contacts.querysets import BusyTimeQuerySet
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.policies.models import PolicyVersion


class BusyTime(models.Model):
    """One stretch of time in which a person is busy."""

    NOT_PERSONAL = ("id", "purpose", "stands", "source", "collected_at", "policy_version")

    person = lender("busy_times")
    purpose = under()
    stands = standing()
    source = models.ForeignKey(Source, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="busy_times")
    item = personal(models.BinaryField(max_length=16), DataCategory.TECHNICAL, Purpose.SERVICE)
    starts_at = personal(models.DateTimeField(), DataCategory.IDENTITY, Purpose.SERVICE)
    ends_at = personal(models.DateTimeField(), DataCategory.IDENTITY, Purpose.SERVICE)
    collected_at = models.DateTimeField()
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, db_index=False, related_name="+")

    objects = BusyTimeQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        indexes = [
            models.Index(fields=["person", "starts_at"], name="busy_by_person"),
            models.Index(fields=["ends_at"], name="busy_by_end"),
        ]
        constraints = [
            models.CheckConstraint(name="a_busy_time_stands_on_a_consent", condition=Q(stands=True)),
            models.CheckConstraint(name="a_busy_time_ends_after_it_begins", condition=Q(ends_at__gt=F("starts_at"))),
            models.UniqueConstraint(name="an_item_is_busy_once_at_a_time", fields=["source", "item", "starts_at", "ends_at"]),
        ]

    def __str__(self) -> str:
        return f"busy time {self.pk}"
