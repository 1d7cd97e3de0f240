"""Security reviews and attestations of a provider. Of each kind the newest counts; a row never changes."""

from django.db import models
from django.db.models import F, Q

from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.providers.models.agreements import Document
from apps.providers.models.providers import Provider, by_staff
from apps.providers.querysets import SecurityReviewQuerySet
from apps.providers.states import ReviewKind, ReviewResult


def review_reference() -> str:
    return new_reference("SEC")


class SecurityReview(models.Model):
    """How a provider's practices were found on a day, on what evidence, and when they are looked at again."""

    NOT_PERSONAL = (
        "id", "reference", "provider", "kind", "result", "evidence", "evidence_digest", "document", "reviewed_on", "next_due_on", "recorded_at",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=review_reference, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="reviews")
    kind = models.CharField(max_length=11, choices=ReviewKind.choices)
    result = models.CharField(max_length=10, choices=ReviewResult.choices)
    conditions = personal(
        models.CharField(max_length=500, blank=True, help_text="On which conditions it passed, or why it failed. Name people by their references."),
        DataCategory.WORK_RECORD, Purpose.SECURITY,
    )  # fmt: skip
    evidence = models.CharField(max_length=200, help_text="What it rests on and where that is found, e.g. SOC 2 Type II report of March 2026.")
    evidence_digest = models.BinaryField("SHA-256 of the evidence", max_length=32)
    document = models.OneToOneField(
        Document, null=True, blank=True, on_delete=models.PROTECT, related_name="review", editable=False, help_text="Where the evidence is kept here."
    )
    reviewed_on = models.DateField(help_text="The day of the review, UTC.")
    next_due_on = models.DateField("next due", help_text="From this day on, UTC, it is overdue and the gate is closed.")
    recorded_by = by_staff()
    recorded_at = models.DateTimeField(editable=False)

    objects = SecurityReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["provider", "kind", "-reviewed_on", "-id"], name="security_review_newest"),
            models.Index(fields=["next_due_on", "id"], name="security_review_by_due"),
        ]
        constraints = [
            models.CheckConstraint(name="a_review_has_evidence", condition=~Q(evidence="")),
            models.CheckConstraint(name="a_review_is_due_again_after_it_was_made", condition=Q(next_due_on__gt=F("reviewed_on"))),
            models.CheckConstraint(
                name="what_did_not_simply_pass_says_why", condition=Q(result=ReviewResult.PASSED) | ~Q(conditions=""),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference
