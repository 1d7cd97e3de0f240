"""What people are asked for, in texts that never change once a second person has approved them (migration 0002)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.consents.purposes import Channel, Kind
from apps.consents.querysets import PurposeTextQuerySet
from apps.consents.states import TextState
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.policies.vocabulary import DisclosurePurpose


def by_staff(**more) -> models.CharField:
    """Who did it: a member of staff, by the reference that the ledger uses too."""
    field = models.CharField(max_length=60, editable=False, help_text="A member of staff, by reference.", **more)
    return personal(field, DataCategory.WORK_RECORD, Purpose.LEGAL)


class ConsentPurpose(models.Model):
    """One thing that a person may allow. Opened by the approval of its first text; what it is for never changes."""

    NOT_PERSONAL = (
        "code", "kind", "channel", "title", "recipient", "disclosure_purpose", "is_open", "proposed_at", "opened_at", "closed_at",
    )  # fmt: skip

    code = models.SlugField(max_length=40, primary_key=True, help_text="Stays for good, e.g. calendar")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    channel = models.CharField(max_length=10, choices=Channel.choices, default=Channel.NONE, blank=True)
    title = models.CharField(max_length=80, help_text="What people read above the text, in a few plain words.")
    recipient = models.CharField(
        "goes to", max_length=20, blank=True, help_text="The service provider that would get the data, by reference, e.g. PRV-7F3K2MP."
    )
    disclosure_purpose = models.CharField(
        "what it is used for there", max_length=20, choices=DisclosurePurpose.choices, blank=True
    )
    is_open = models.BooleanField("may be given", default=False, editable=False)
    proposed_by = by_staff()
    proposed_at = models.DateTimeField(editable=False)
    opened_at = models.DateTimeField(null=True, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["code"]
        verbose_name = "purpose"
        permissions = [("close_consentpurpose", "Can stop that anybody is asked for a purpose any more")]
        constraints = [
            models.CheckConstraint(
                name="only_a_disclosure_names_who_gets_it_and_what_for",
                condition=(Q(kind=Kind.DISCLOSURE) & ~Q(recipient="") & ~Q(disclosure_purpose=""))
                | (~Q(kind=Kind.DISCLOSURE) & Q(recipient="", disclosure_purpose="")),
            ),
            models.CheckConstraint(
                name="announcements_name_their_channel",
                condition=(Q(kind=Kind.ANNOUNCEMENTS) & ~Q(channel=Channel.NONE)) | (~Q(kind=Kind.ANNOUNCEMENTS) & Q(channel=Channel.NONE)),
            ),
            models.CheckConstraint(
                name="an_open_purpose_was_opened_and_not_closed",
                condition=Q(is_open=True, opened_at__isnull=False, closed_at__isnull=True) | Q(is_open=False),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class PurposeText(models.Model):
    """What a person reads before they say yes or no. In force from its publication until the next one's.

    The categories belong to the text that a person saw: a later text extends nothing that was given before.
    """

    NOT_PERSONAL = (
        "id", "purpose", "number", "words", "collected", "lost_without", "categories", "months", "state", "digest", "drafted_at",
        "published_at",
    )  # fmt: skip

    purpose = models.ForeignKey(ConsentPurpose, on_delete=models.PROTECT, related_name="texts")
    number = models.PositiveIntegerField(editable=False)
    words = models.TextField("what for", max_length=1000, help_text="Plain language, a few sentences.")
    collected = models.TextField("what is collected", max_length=1000)
    lost_without = models.TextField("what is lost without it", max_length=500)
    categories = ArrayField(models.CharField(max_length=30), help_text="Data categories that the text covers, and no others.")
    months = models.PositiveSmallIntegerField(
        "lasts months", null=True, blank=True, help_text="After so many months a consent ends by itself. Empty: until it is withdrawn."
    )
    state = models.CharField(max_length=10, choices=TextState.choices, default=TextState.DRAFT, editable=False)
    digest = models.BinaryField(max_length=32, null=True, help_text="SHA-256 of what the text says, fixed at publication")
    drafted_by = by_staff()
    drafted_at = models.DateTimeField(editable=False)
    published_by = by_staff(blank=True)
    published_at = models.DateTimeField(null=True, editable=False)

    objects = PurposeTextQuerySet.as_manager()

    class Meta:
        ordering = ["purpose_id", "-number"]
        verbose_name = "text of a purpose"
        verbose_name_plural = "texts of purposes"
        permissions = [("publish_purposetext", "Can approve and publish a text that somebody else drafted")]
        constraints = [
            models.UniqueConstraint(name="a_text_has_one_number_per_purpose", fields=["purpose", "number"]),
            models.UniqueConstraint(name="a_purpose_has_one_draft", fields=["purpose"], condition=Q(state=TextState.DRAFT)),
            models.CheckConstraint(
                name="a_text_says_what_for_what_and_what_without",
                condition=~Q(words="") & ~Q(collected="") & ~Q(lost_without="") & Q(categories__len__gt=0),
            ),
            models.CheckConstraint(
                name="a_published_text_says_who_when_and_what",
                condition=Q(state=TextState.DRAFT, published_at__isnull=True, published_by="", digest__isnull=True)
                | (Q(state=TextState.PUBLISHED, published_at__isnull=False, digest__isnull=False) & ~Q(published_by="")),
            ),
            models.CheckConstraint(
                name="nobody_publishes_the_text_they_drafted",
                condition=~Q(published_by=F("drafted_by")) | Q(published_by="system:covenant"),
            ),
            models.CheckConstraint(name="a_consent_lasts_a_month_or_longer", condition=Q(months__isnull=True) | Q(months__gte=1)),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """How the ledger and approvals name this text."""
        return f"{self.purpose_id}/{self.number}"
