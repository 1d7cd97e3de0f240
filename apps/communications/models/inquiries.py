"""What people write to us, sealed under a secret of the inquiry's own, so that an inquiry that ended is gone from backups too.

Who wrote is known by a keyed hash of their address: a reply finds its inquiry by it, and nobody reads an address out of it without the
keystore. `person` is whose address that is on file; an address on a mail proves nobody, so nothing is told or changed on its strength.
"""

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Person
from apps.communications.querysets import InquiryQuerySet, ReceivedMailQuerySet
from apps.communications.states import Channel, InquiryState, MessageKind, Outcome, Topic
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.policies.models import PolicyVersion


def inquiry_reference() -> str:
    return new_reference("INQ")


def by_staff(**more) -> models.CharField:
    """Who did it: a member of staff, by the reference that the ledger uses too."""
    field = models.CharField(max_length=60, help_text="A member of staff, by reference.", **more)
    return personal(field, DataCategory.WORK_RECORD, Purpose.ANSWERING)


class Inquiry(models.Model):
    """One thing that somebody asks, with all that was written about it."""

    NOT_PERSONAL = (
        "id", "reference", "topic", "channel", "state", "minor_case", "opened_at", "heard_at", "answered_at", "closed_at", "ends_at",
        "policy_version",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=inquiry_reference, editable=False)
    topic = models.CharField(max_length=20, choices=Topic.choices, default=Topic.OTHER)
    channel = models.CharField(max_length=10, choices=Channel.choices, editable=False)
    state = models.CharField(max_length=10, choices=InquiryState.choices, default=InquiryState.OPEN, editable=False)
    person = personal(
        models.ForeignKey(Person, null=True, blank=True, on_delete=models.CASCADE, related_name="inquiries", editable=False),
        DataCategory.COMMUNICATION, Purpose.ANSWERING, lost_without="the inquiry does not show with the person's other data.",
    )  # fmt: skip
    sender = personal(models.BinaryField(editable=False, help_text="The address to answer to, sealed."), DataCategory.CONTACT, Purpose.ANSWERING)
    sender_digest = personal(
        models.BinaryField(max_length=32, editable=False, help_text="The address as a keyed hash, by which a reply finds its inquiry."),
        DataCategory.CONTACT, Purpose.ANSWERING,
    )  # fmt: skip
    owner = by_staff(blank=True, editable=False)
    minor_case = models.CharField("case of a minor", max_length=20, blank=True, editable=False)
    opened_at = models.DateTimeField(editable=False)
    heard_at = models.DateTimeField("last heard at", editable=False)
    answered_at = models.DateTimeField("last answered at", null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    closed_by = by_staff(blank=True, editable=False)
    ends_at = models.DateTimeField("erased after", null=True, blank=True, editable=False)
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, editable=False, related_name="+")

    objects = InquiryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "inquiries"
        permissions = [
            ("reveal_inquiry", "Can read an inquiry; each look is recorded"),
            ("work_inquiry", "Can take, hand over, note, close and reopen an inquiry"),
            ("answer_inquiry", "Can answer an inquiry"),
            ("open_minor_case", "Can open the case of a minor from an inquiry"),
        ]
        constraints = [
            models.CheckConstraint(
                name="a_closed_inquiry_says_who_when_and_until_when",
                condition=Q(
                    state__in=(InquiryState.CLOSED, InquiryState.KEPT), closed_at__isnull=False, ends_at__isnull=False, ends_at__gt=F("closed_at")
                )
                & ~Q(closed_by="")
                | Q(state__in=(InquiryState.OPEN, InquiryState.ANSWERED), closed_at__isnull=True, ends_at__isnull=True, closed_by=""),
            ),
            models.CheckConstraint(
                name="an_answered_inquiry_says_when", condition=~Q(state=InquiryState.ANSWERED) | Q(answered_at__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="inquiry_by_state"),
            models.Index(fields=["owner", "-id"], name="inquiry_by_owner"),
            models.Index(fields=["sender_digest"], name="inquiry_by_sender"),
            models.Index(fields=["ends_at", "id"], name="inquiry_by_end", condition=Q(ends_at__isnull=False)),
            models.Index(fields=["opened_at", "id"], name="inquiry_by_opening"),
        ]

    def __str__(self) -> str:
        return self.reference


class InquiryMessage(models.Model):
    """One message of an inquiry: subject, text and the names of attachments, sealed together. Attachments themselves are never kept."""

    NOT_PERSONAL = ("id", "inquiry", "number", "kind", "attachments", "at", "policy_version")

    inquiry = models.ForeignKey(Inquiry, on_delete=models.CASCADE, related_name="messages")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=MessageKind.choices)
    words = personal(models.BinaryField(help_text="Subject, text and names of attachments, sealed."), DataCategory.COMMUNICATION, Purpose.ANSWERING)
    attachments = models.PositiveIntegerField(default=0, help_text="How many came with it; none is kept.")
    written_by = by_staff(blank=True)
    at = models.DateTimeField()
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, editable=False, related_name="+")

    class Meta:
        ordering = ["inquiry", "number"]
        constraints = [
            models.UniqueConstraint(name="messages_of_an_inquiry_are_counted", fields=["inquiry", "number"]),
            models.CheckConstraint(
                name="who_wrote_is_said_of_what_we_write",
                condition=Q(kind=MessageKind.RECEIVED, written_by="") | (~Q(kind=MessageKind.RECEIVED) & ~Q(written_by="")),
            ),
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"


class Mailbox(models.Model):
    """The mailbox that inquiries come to: when it was last read, and what keeps it from being read."""

    NOT_PERSONAL = ("id", "code", "leased_until", "tried_at", "read_at", "failures", "next_try_at", "last_error", "at_mail", "at_attempts")

    code = models.SlugField(max_length=40, unique=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    tried_at = models.DateTimeField("last tried at", null=True, blank=True)
    read_at = models.DateTimeField("last read at", null=True, blank=True)
    failures = models.PositiveIntegerField("failures in a row", default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=80, blank=True, help_text="Kind of error only; texts of servers may name people.")
    at_mail = models.CharField(max_length=40, blank=True, help_text="The mail that was last begun: a mail that ends its reader is found out.")
    at_attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "mailboxes"

    def __str__(self) -> str:
        return self.code


class ReceivedMail(models.Model):
    """That a mail came in and what became of it: by where it lay and by its Message-ID, so that it counts once. Nothing of what it says."""

    NOT_PERSONAL = (
        "id", "mailbox", "uid_validity", "uid", "outcome", "code", "size", "inquiry", "received_at", "looked_at",
    )  # fmt: skip

    mailbox = models.ForeignKey(Mailbox, on_delete=models.PROTECT, related_name="mails")
    uid_validity = models.BigIntegerField()
    uid = models.BigIntegerField()
    digest = personal(
        models.BinaryField(max_length=32, null=True, unique=True, help_text="Of Message-ID and sender, keyed: the same mail is taken once."),
        DataCategory.TECHNICAL, Purpose.ANSWERING, lost_without="a mail that comes twice is taken for two.",
    )  # fmt: skip
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    code = models.CharField("why", max_length=40, blank=True)
    size = models.PositiveBigIntegerField("bytes")
    inquiry = models.ForeignKey(Inquiry, null=True, blank=True, on_delete=models.CASCADE, related_name="mails")
    received_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True, blank=True)
    looked_by = by_staff(blank=True)

    objects = ReceivedMailQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "mail that came in"
        verbose_name_plural = "mail that came in"
        permissions = [("settle_receivedmail", "Can say that a mail that could not be read was looked at")]
        constraints = [
            models.UniqueConstraint(name="a_mail_is_taken_once", fields=["mailbox", "uid_validity", "uid"]),
            models.CheckConstraint(
                name="what_was_taken_has_its_inquiry",
                condition=Q(outcome__in=(Outcome.OPENED, Outcome.JOINED), inquiry__isnull=False, code="")
                | Q(outcome__in=(Outcome.DOUBLE, Outcome.AUTOMATIC), inquiry__isnull=True)
                | (Q(outcome=Outcome.REFUSED, inquiry__isnull=True) & ~Q(code="")),
            ),
            models.CheckConstraint(
                name="who_looked_and_when_go_together",
                condition=Q(looked_at__isnull=True, looked_by="") | (Q(looked_at__isnull=False) & ~Q(looked_by="")),
            ),
        ]
        indexes = [
            models.Index(fields=["outcome", "-id"], name="received_mail_by_outcome"),
            models.Index(fields=["received_at", "id"], name="received_mail_by_age"),
        ]

    def __str__(self) -> str:
        return f"mail {self.pk}"
