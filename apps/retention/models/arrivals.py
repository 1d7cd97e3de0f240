"""What came in, in which batch, and what of it was refused, imported once or deleted early: terms of every account."""

from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.policies.models import PolicyVersion
from apps.retention.models.cohorts import Cohort
from apps.retention.states import LifeFrom


def batch_reference() -> str:
    return new_reference("BAT")


def deletion_reference() -> str:
    return new_reference("DEL")


class Batch(models.Model):
    """One hand-over of messages: an API call or an import. The same key with the same content is done once."""

    NOT_PERSONAL = (
        "id", "reference", "organization", "source", "key", "life_from", "life_counts_from", "policy_version", "opened_at",
        "finished_at", "committed_lines", "committed_digest", "digest", "accepted", "duplicates", "replaced", "deleted",
        "refused", "kinds",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=batch_reference, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    source = models.SlugField(max_length=40, help_text="The system whose ids the messages carry")
    key = models.CharField(max_length=100, help_text="The sender's name of the batch; for a file its SHA-256")
    life_from = models.CharField(max_length=10, choices=LifeFrom.choices, default=LifeFrom.SENDING)
    life_counts_from = models.DateTimeField(null=True, help_text="The moment, where life counts from an import")
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+")
    handed_over_by = personal(models.CharField(max_length=60), DataCategory.WORK_RECORD, Purpose.LEGAL)
    opened_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    committed_lines = models.BigIntegerField(default=0)
    committed_digest = models.BinaryField(max_length=32, null=True, help_text="SHA-256 of the bytes up to there")
    digest = models.BinaryField(max_length=32, null=True, help_text="SHA-256 of all bytes")
    accepted = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    replaced = models.BigIntegerField(default=0)
    deleted = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    kinds = models.JSONField(default=dict, help_text="Outcome by kind of line, as counts")

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "batches"
        permissions = [("import_messages", "Can import messages")]
        constraints = [
            models.UniqueConstraint(name="a_batch_key_is_used_once", fields=["organization", "source", "key"]),
            models.CheckConstraint(
                name="life_from_import_says_from_when",
                condition=Q(life_from=LifeFrom.SENDING, life_counts_from__isnull=True)
                | Q(life_from=LifeFrom.IMPORT, life_counts_from__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class BatchShare(models.Model):
    """What one commit of a batch put into one segment of a cohort. Append-only: the first term of the cohort's account."""

    NOT_PERSONAL = ("id", "batch", "cohort", "segment", "conversation_class", "messages", "bytes", "at")

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="shares")
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="shares")
    segment = models.PositiveSmallIntegerField()
    conversation_class = models.CharField(max_length=40, blank=True)
    messages = models.PositiveIntegerField()
    bytes = models.BigIntegerField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"share of batch {self.batch_id}"


class RefusedLine(models.Model):
    """A line that was not taken in, with its number and the reason; never with its content."""

    NOT_PERSONAL = ("id", "batch", "number", "code", "why")

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="refused_lines")
    number = models.BigIntegerField()
    code = models.CharField(max_length=40)
    why = models.CharField(max_length=300)

    class Meta:
        ordering = ["batch_id", "number"]
        constraints = [models.UniqueConstraint(name="a_line_is_refused_once_per_batch", fields=["batch", "number"])]

    def __str__(self) -> str:
        return f"line {self.number} of batch {self.batch_id}"


class ImportedOnce(models.Model):
    """That a message came in with its life counted from an import. Keyed hash under the organization's secret.

    Without it the same export, imported again on another day, would get another expiry and be stored twice.
    """

    NOT_PERSONAL = ("id", "organization", "tag", "expiry_on")

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    tag = models.BinaryField(max_length=16)
    expiry_on = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(name="a_message_is_imported_once", fields=["organization", "tag"])]

    def __str__(self) -> str:
        return f"imported {self.pk}"


class EarlyDeletion(models.Model):
    """One message deleted before its day. The tag keeps a resend from bringing it back, and dies with the cohort's key."""

    NOT_PERSONAL = ("id", "reference", "cohort", "segment", "bytes", "proof", "kept_for_hold", "reason", "at", "message", "counted")

    reference = models.CharField(max_length=20, unique=True, default=deletion_reference, editable=False)
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="early_deletions")
    segment = models.PositiveSmallIntegerField()
    bytes = models.BigIntegerField()
    proof = models.BinaryField(max_length=32)
    source_tag = personal(models.BinaryField(max_length=16), DataCategory.MESSAGE, Purpose.LEGAL)
    kept_for_hold = models.BooleanField(default=False, db_default=False, help_text="Gone from the service, kept apart for a hold")
    message = models.BigIntegerField(null=True, help_text="Its number: an archive's manifest names it")
    counted = models.BooleanField(default=False, db_default=False, help_text="Whether a seal had counted it before")
    reason = models.CharField(max_length=40)
    by = personal(models.CharField(max_length=60), DataCategory.WORK_RECORD, Purpose.LEGAL)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(name="a_message_is_deleted_once", fields=["cohort", "source_tag"]),
        ]

    def __str__(self) -> str:
        return self.reference
