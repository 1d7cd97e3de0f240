"""Leaves, cohorts, their seals, and the messages themselves (unmanaged: the partitioned table of migration 0002)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.retention.querysets import CohortQuerySet, MessageQuerySet
from apps.retention.states import AsideGround, CohortState


def cohort_reference() -> str:
    return new_reference("COH")


class Leaf(models.Model):
    """One partition of the message table: exactly one expiry day. Made ahead by a database function, never by default."""

    NOT_PERSONAL = ("day", "made_at", "truncated_at")

    day = models.DateField(primary_key=True)
    made_at = models.DateTimeField()
    truncated_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "leaves"
        ordering = ["day"]

    def __str__(self) -> str:
        return f"leaf {self.day}"


class Cohort(models.Model):
    """The messages of one organization that expire on one day: what is sealed, destroyed and certified together."""

    NOT_PERSONAL = (
        "id", "reference", "organization", "expiry_on", "state", "archive_owed", "opened_at", "sealed_at", "expired_at",
        "intended_at", "shredded_at", "destroyed_at", "aside_at", "destroyed_messages",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=cohort_reference, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="cohorts")
    expiry_on = models.DateField("expires on", help_text="UTC day from whose first moment nothing of it can be read")
    state = models.CharField(max_length=10, choices=CohortState.choices, default=CohortState.OPEN)
    archive_owed = models.BooleanField(default=False, help_text="Once owed stays owed: it does not end with the contract")
    opened_at = models.DateTimeField()
    sealed_at = models.DateTimeField(null=True)
    expired_at = models.DateTimeField(null=True)
    aside_at = models.DateTimeField(null=True, help_text="When its rows stepped aside, out of the day's leaf")
    intended_at = models.DateTimeField(null=True)
    shredded_at = models.DateTimeField(null=True)
    destroyed_at = models.DateTimeField(null=True)
    destroyed_messages = models.BigIntegerField(default=0)

    objects = CohortQuerySet.as_manager()

    class Meta:
        ordering = ["-expiry_on", "-id"]
        permissions = [
            ("sweep_now", "Can ring the sweep that seals, expires and destroys what is due"),
            ("delete_early", "Can delete single messages before their day"),
        ]
        constraints = [
            models.UniqueConstraint(name="one_cohort_per_organization_and_day", fields=["organization", "expiry_on"]),
            models.CheckConstraint(
                name="what_is_owed_to_an_archive_is_not_destroyed_unarchived",
                condition=Q(archive_owed=False)
                | Q(state__in=[CohortState.OPEN, CohortState.SEALED, CohortState.EXPIRED]),
            ),
            models.CheckConstraint(
                name="a_destroyed_cohort_says_when",
                condition=~Q(state=CohortState.DESTROYED) | Q(destroyed_at__isnull=False, shredded_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["expiry_on", "id"], name="cohort_by_day"),
            models.Index(fields=["state", "expiry_on"], name="cohort_by_state"),
        ]

    def __str__(self) -> str:
        return self.reference


class Segment(models.Model):
    """A part of a cohort with a seal of its own: number 0 is the cohort as first sealed, higher ones are supplements."""

    NOT_PERSONAL = ("id", "cohort", "number", "opened_at", "sealed_at", "messages", "bytes", "merkle_root")

    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="segments")
    number = models.PositiveSmallIntegerField()
    opened_at = models.DateTimeField()
    sealed_at = models.DateTimeField(null=True)
    messages = models.BigIntegerField(null=True)
    bytes = models.BigIntegerField(null=True, help_text="Of the encrypted messages")
    merkle_root = models.BinaryField(max_length=32, null=True)

    class Meta:
        ordering = ["cohort_id", "number"]
        constraints = [
            models.UniqueConstraint(name="a_segment_has_one_number_per_cohort", fields=["cohort", "number"]),
            models.CheckConstraint(
                name="a_sealed_segment_says_what_it_holds",
                condition=Q(sealed_at__isnull=True)
                | Q(messages__isnull=False, bytes__isnull=False, merkle_root__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"segment {self.number} of cohort {self.cohort_id}"


class Message(models.Model):
    """One encrypted message (DESIGN, "Table"). `id` is Django's key, (expiry, id) the real one; made by migration 0002."""

    NOT_PERSONAL = ("id", "expiry", "organization_id", "segment", "policy_version_id", "proof")

    id = models.BigIntegerField(primary_key=True)
    expiry = models.DateField()
    organization_id = models.BigIntegerField()
    segment = models.SmallIntegerField()
    policy_version_id = models.BigIntegerField()
    source_tag = personal(models.BinaryField(), DataCategory.MESSAGE, Purpose.SERVICE)
    tags = personal(ArrayField(models.BinaryField()), DataCategory.MESSAGE, Purpose.SERVICE)
    proof = models.BinaryField()
    ciphertext = personal(models.BinaryField(), DataCategory.MESSAGE, Purpose.SERVICE)

    objects = MessageQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "message"

    def __str__(self) -> str:
        return f"message {self.pk}"


class AsideMessage(models.Model):
    """A message kept from its day's destruction, re-encrypted under a key of its own, with the same proof hash. Hidden."""

    NOT_PERSONAL = ("id", "cohort", "ground", "segment", "policy_version_id", "proof", "moved_at")

    id = models.BigIntegerField(primary_key=True)
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="aside")
    ground = models.CharField(max_length=10, choices=AsideGround.choices)
    segment = models.SmallIntegerField()
    policy_version_id = models.BigIntegerField()
    tags = personal(ArrayField(models.BinaryField()), DataCategory.MESSAGE, Purpose.LEGAL)
    proof = models.BinaryField()
    ciphertext = personal(models.BinaryField(), DataCategory.MESSAGE, Purpose.LEGAL)
    moved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"message aside {self.pk}"
