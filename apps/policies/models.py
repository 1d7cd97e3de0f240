"""Versions of the privacy policy and their clauses. A published version never changes: the database refuses it (0002)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.policies.querysets import PolicyVersionQuerySet
from apps.policies.states import State


class PolicyVersion(models.Model):
    """One version, in force from its publication until the next one's (half-open)."""

    NOT_PERSONAL = (
        "id", "number", "title", "introduction", "state", "revised_on", "created_at", "published_at", "digest",
    )  # fmt: skip

    number = models.PositiveIntegerField(unique=True)
    title = models.CharField(max_length=120, default="Privacy Policy")
    introduction = models.TextField(blank=True, help_text="Markdown, shown before the first clause")
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT)
    revised_on = models.DateField("Revised On", null=True, blank=True)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = personal(
        models.CharField(max_length=60, blank=True), DataCategory.WORK_RECORD, Purpose.LEGAL
    )
    digest = models.BinaryField(max_length=32, null=True, help_text="SHA-256 of the canonical text, fixed at publication")

    history = HistoricalRecords()
    objects = PolicyVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        verbose_name = "policy version"
        permissions = [("publish_policyversion", "Can approve and publish a version of the policy")]
        constraints = [
            models.CheckConstraint(
                name="a_published_version_says_when_and_what",
                condition=Q(state=State.DRAFT)
                | Q(published_at__isnull=False, revised_on__isnull=False, digest__isnull=False),
            ),
            models.UniqueConstraint(
                name="there_is_one_draft", fields=["state"], condition=Q(state=State.DRAFT)
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"

    @property
    def reference(self) -> str:
        """How the ledger and approvals name this version."""
        return f"POL-{self.number}"

    @property
    def is_published(self) -> bool:
        return self.state == State.PUBLISHED


class Clause(models.Model):
    """One clause of a version, with the promises it makes."""

    NOT_PERSONAL = ("id", "version", "position", "code", "heading", "text", "promises")

    version = models.ForeignKey(PolicyVersion, on_delete=models.CASCADE, related_name="clauses")
    position = models.PositiveSmallIntegerField()
    code = models.SlugField(max_length=40, help_text="Stays the same from version to version, so that changes can be shown")
    heading = models.CharField(max_length=120)
    text = models.TextField(help_text="Markdown")
    promises = ArrayField(models.CharField(max_length=3), default=list, blank=True)

    class Meta:
        ordering = ["version_id", "position"]
        constraints = [
            models.UniqueConstraint(name="a_clause_has_one_code_per_version", fields=["version", "code"]),
            models.UniqueConstraint(
                name="a_clause_has_one_place_per_version", fields=["version", "position"], deferrable=models.Deferrable.DEFERRED
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} of version {self.version_id}"
