"""What may stand between a day's end and its destruction, or move it: reviews, and reschedulings of what is stored."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Organization
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.retention.models.cohorts import Cohort
from apps.retention.querysets import ReschedulingQuerySet
from apps.retention.states import ReschedulingState, ReviewState


def rescheduling_reference() -> str:
    return new_reference("RSC")


class ReviewAsked(models.Model):
    """That an organization asks for a review of each cohort before it is destroyed, from when until when."""

    NOT_PERSONAL = ("id", "organization", "since", "ended_at")

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField(editable=False)
    asked_by = personal(models.CharField(max_length=60, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    ended_at = models.DateTimeField(null=True, editable=False)
    ended_by = personal(models.CharField(max_length=60, blank=True, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)

    class Meta:
        ordering = ["-id"]
        verbose_name = "organization that asks for reviews"
        verbose_name_plural = "organizations that ask for reviews"
        permissions = [("end_reviewasked", "Can end that an organization's cohorts are reviewed")]
        constraints = [
            models.UniqueConstraint(name="reviews_are_asked_once_at_a_time", fields=["organization"], condition=Q(ended_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"reviews asked {self.pk}"


class Review(models.Model):
    """The review of one sealed cohort: approved for destruction, or kept aside with a reason."""

    NOT_PERSONAL = ("id", "cohort", "expiry_on", "state", "opened_at", "reminded_at", "decided_at")

    cohort = models.OneToOneField(Cohort, on_delete=models.PROTECT, related_name="review")
    expiry_on = models.DateField("day of its end", help_text="The cohort's, which never changes; the list is read by it")
    state = models.CharField(max_length=10, choices=ReviewState.choices, default=ReviewState.WAITING)
    opened_at = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = personal(models.CharField(max_length=60, blank=True), DataCategory.WORK_RECORD, Purpose.LEGAL)
    reason = personal(models.CharField(max_length=300, blank=True), DataCategory.WORK_RECORD, Purpose.LEGAL)

    class Meta:
        ordering = ["expiry_on", "id"]
        permissions = [("decide_review", "Can approve or reject the destruction of a reviewed cohort")]
        constraints = [
            models.CheckConstraint(
                name="a_rejected_review_has_its_reason", condition=~Q(state=ReviewState.REJECTED) | ~Q(reason="")
            ),
            models.CheckConstraint(
                name="a_decided_review_says_who_and_when",
                condition=Q(state=ReviewState.WAITING) | (Q(decided_at__isnull=False) & ~Q(decided_by="")),
            ),
        ]
        indexes = [
            models.Index(fields=["expiry_on", "id"], name="review_by_day"),
            models.Index(fields=["state", "expiry_on", "id"], name="review_by_state"),
        ]

    def __str__(self) -> str:
        return f"review {self.pk}"


class Rescheduling(models.Model):
    """A job of its own: give what is stored the day that the rules of today say. Two persons, chunks, resumable."""

    NOT_PERSONAL = (
        "id", "reference", "organization", "state", "plan", "plan_digest", "progress", "proposed_at", "decided_at", "leased_until",
        "attempts", "parked_at", "last_error", "moved", "stayed", "done_at",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=rescheduling_reference, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=ReschedulingState.choices, default=ReschedulingState.PROPOSED, editable=False)
    plan = models.JSONField(default=dict, editable=False, help_text="The lives it goes by; by cohort: day now, days then, messages")
    plan_digest = models.BinaryField(max_length=32, editable=False)
    progress = models.JSONField(default=dict, editable=False, help_text="By cohort: how far, what moved, what stayed and why")
    proposed_by = personal(models.CharField(max_length=60, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    proposed_at = models.DateTimeField(editable=False)
    decided_by = personal(models.CharField(max_length=60, blank=True, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    decided_at = models.DateTimeField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    parked_at = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=200, blank=True, editable=False)
    moved = models.BigIntegerField(default=0, editable=False)
    stayed = models.BigIntegerField(default=0, editable=False, help_text="Held, sealed or in an archive already")
    done_at = models.DateTimeField(null=True, editable=False)

    objects = ReschedulingQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("approve_rescheduling", "Can approve or reject that stored messages get another day")]
        constraints = [
            models.CheckConstraint(
                name="nobody_approves_the_rescheduling_they_proposed", condition=Q(decided_by="") | ~Q(decided_by=F("proposed_by")),
            ),
            models.UniqueConstraint(
                name="one_rescheduling_at_a_time", fields=["organization"],
                condition=Q(state__in=[ReschedulingState.PROPOSED, ReschedulingState.APPROVED]),
            ),
            models.UniqueConstraint(
                name="one_plan_is_worked_out_at_a_time", fields=["organization"],
                condition=Q(state__in=[ReschedulingState.COUNTING, ReschedulingState.COUNTED]),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference


class Move(models.Model):
    """Messages that one chunk of a rescheduling moved from a cohort to another. Append-only: a term of both accounts.

    The tags under which the origin knew them stay: a resend, which by the rules at sending belongs there, finds where its
    message is and is not stored a second time. They die with the origin's key, as those of early deletions do.
    """

    NOT_PERSONAL = ("id", "rescheduling", "origin", "destination", "messages", "bytes", "at")

    rescheduling = models.ForeignKey(Rescheduling, on_delete=models.PROTECT, related_name="moves")
    origin = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="moves_out")
    destination = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="moves_in")
    messages = models.PositiveIntegerField()
    bytes = models.BigIntegerField()
    source_tags = personal(ArrayField(models.BinaryField()), DataCategory.MESSAGE, Purpose.LEGAL)
    at = models.DateTimeField()

    class Meta:
        indexes = [GinIndex(fields=["source_tags"], name="move_by_source_tag")]

    def __str__(self) -> str:
        return f"move {self.pk}"
