"""Agreements with providers, and the documents that prove them, which lie in the database and so in every backup of it.

A renewal is an agreement of its own in the same line; grants rest on the line, so that they go over to it on its first day.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.providers.models.providers import Provider, by_staff
from apps.providers.querysets import AgreementQuerySet
from apps.providers.states import AgreementKind, AgreementState

LARGEST_DOCUMENT = 20 * 1024 * 1024


def agreement_reference() -> str:
    return new_reference("AGR")


def document_reference() -> str:
    return new_reference("DOC")


class Document(models.Model):
    """A PDF as it was handed in. It never changes, and its hash says so."""

    NOT_PERSONAL = ("id", "reference", "digest", "size", "added_at")

    reference = models.CharField(max_length=20, unique=True, default=document_reference, editable=False)
    content = personal(models.BinaryField(), DataCategory.IDENTITY, Purpose.LEGAL)  # signatures, and who is named in it
    digest = models.BinaryField(max_length=32)
    size = models.PositiveIntegerField()
    added_by = by_staff()
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="a_document_is_not_empty_nor_too_large", condition=Q(size__gt=0, size__lte=LARGEST_DOCUMENT)),
        ]

    def __str__(self) -> str:
        return self.reference


class Agreement(models.Model):
    """What a provider agreed to, from its first day up to the day after its last. Its document and days never change."""

    NOT_PERSONAL = (
        "id", "reference", "provider", "kind", "title", "line", "supersedes", "starts_on", "ends_on", "document", "clauses", "state",
        "proposed_at", "confirmed_at", "ended_at",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=agreement_reference, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="agreements")
    kind = models.CharField(max_length=5, choices=AgreementKind.choices)
    title = models.CharField(max_length=120, help_text="As on its first page, e.g. Data Processing Addendum 2026.")
    line = models.CharField(max_length=20, editable=False, help_text="Reference of the first agreement that this one goes on from.")
    supersedes = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="renewals", verbose_name="renewal of",
        help_text="The agreement that it takes over from on its first day.",
    )  # fmt: skip
    starts_on = models.DateField("from", help_text="Its first day, UTC.")
    ends_on = models.DateField("until", null=True, blank=True, help_text="The day after its last, UTC. Empty: until one of both ends it.")
    document = models.OneToOneField(Document, on_delete=models.PROTECT, related_name="agreement", editable=False)
    clauses = ArrayField(models.CharField(max_length=30), default=list, editable=False, help_text="Required clauses that were found in it.")
    state = models.CharField(max_length=10, choices=AgreementState.choices, default=AgreementState.PROPOSED, editable=False)
    proposed_by = by_staff()
    proposed_at = models.DateTimeField(editable=False)
    confirmation_asked_by = by_staff(blank=True)
    confirmed_by = by_staff(blank=True)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    ended_by = by_staff(blank=True)
    ended_at = models.DateTimeField(null=True, editable=False)

    history = HistoricalRecords()
    objects = AgreementQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("approve_agreement", "Can decide on an agreement that somebody else asked to confirm"),
            ("end_agreement", "Can end an agreement before its time"),
        ]
        indexes = [
            models.Index(fields=["provider", "-id"], name="agreement_by_provider"),
            models.Index(fields=["line", "starts_on"], name="agreement_by_line"),
            models.Index(fields=["ends_on", "id"], name="agreement_by_end"),
        ]
        constraints = [
            models.CheckConstraint(name="an_agreement_has_a_title", condition=~Q(title="")),
            models.CheckConstraint(name="an_agreement_ends_after_it_begins", condition=Q(ends_on__isnull=True) | Q(ends_on__gt=F("starts_on"))),
            models.CheckConstraint(
                name="an_agreement_that_counts_was_confirmed",
                condition=~Q(state__in=[AgreementState.CONFIRMED, AgreementState.SUPERSEDED, AgreementState.ENDED])
                | (Q(confirmed_at__isnull=False) & ~Q(confirmed_by="") & ~Q(confirmation_asked_by="")),
            ),
            models.CheckConstraint(
                name="nobody_confirms_the_agreement_they_asked_for",
                condition=Q(confirmed_by="") | ~Q(confirmed_by=F("confirmation_asked_by")),
            ),
            models.CheckConstraint(
                name="an_agreement_that_ended_early_says_who_and_when",
                condition=(~Q(state=AgreementState.ENDED) & Q(ended_at__isnull=True, ended_by=""))
                | (Q(state=AgreementState.ENDED, ended_at__isnull=False) & ~Q(ended_by="")),
            ),
            models.UniqueConstraint(
                name="an_agreement_is_renewed_once", fields=["supersedes"], condition=~Q(state=AgreementState.REJECTED),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference
