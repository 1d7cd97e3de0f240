"""The outbox. A mail is a row written in the transaction of the act that causes it, so that neither goes without the other."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.mail.querysets import OutgoingMailQuerySet
from apps.mail.states import State

#: an announcement makes a hundred thousand at once: with seven characters one of them would be taken already
LONG = 11


def mail_reference() -> str:
    return new_reference("MAIL", LONG)


class OutgoingMail(models.Model):
    """One mail to one address. Address, subject and text are emptied some days after it was sent or given up; the row stays."""

    NOT_PERSONAL = (
        "id", "reference", "template", "about", "state", "attempts", "created_at", "next_try_at", "leased_until", "sent_at",
        "emptied_at", "last_error", "once_key", "is_bulk",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=mail_reference, editable=False)
    to_address = personal(models.EmailField(blank=True), DataCategory.CONTACT, Purpose.ANSWERING)
    subject = personal(models.CharField(max_length=200, blank=True), DataCategory.COMMUNICATION, Purpose.ANSWERING)
    body = personal(models.TextField(blank=True), DataCategory.COMMUNICATION, Purpose.ANSWERING)
    unsubscribe_url = personal(
        models.CharField(max_length=200, blank=True, help_text="Where one click ends such mail (RFC 8058); whoever has it can do that."),
        DataCategory.COMMUNICATION, Purpose.ANSWERING,
    )  # fmt: skip
    in_reply_to = personal(
        models.CharField(max_length=255, blank=True, help_text="The mail that this one answers, by its Message-ID."),
        DataCategory.COMMUNICATION, Purpose.ANSWERING,
    )  # fmt: skip
    is_bulk = models.BooleanField("to many", default=False, help_text="The same words go to many people; it waits for mail that goes to one")
    template = models.CharField(max_length=80)
    about = models.CharField(max_length=80, help_text="Reference of what it is about")
    once_key = models.CharField(max_length=120, unique=True, help_text="The same key is never queued twice")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    next_try_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    emptied_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=80, blank=True, help_text="Kind of error only; texts of servers may name people")

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "outgoing mail"
        verbose_name_plural = "outgoing mail"
        permissions = [("retry_outgoingmail", "Can queue a parked mail again")]
        constraints = [
            models.CheckConstraint(
                name="sent_mail_says_when",
                condition=Q(state=State.SENT, sent_at__isnull=False) | (~Q(state=State.SENT) & Q(sent_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="an_unsubscribe_address_stays_in_its_header",
                condition=Q(unsubscribe_url="") | Q(unsubscribe_url__regex=r"^https?://[!-;=?-~]+$"),
            ),
            models.CheckConstraint(
                name="what_a_mail_answers_stays_in_its_header",
                condition=Q(in_reply_to="") | Q(in_reply_to__regex=r"^<[!-;=?-~]+>$"),
            ),
        ]
        indexes = [
            models.Index(fields=["is_bulk", "next_try_at", "id"], name="mail_due", condition=Q(state=State.QUEUED)),
            models.Index(fields=["about"], name="mail_by_about"),
            models.Index(Lower("to_address"), name="mail_by_address", condition=~Q(to_address="")),
            models.Index(fields=["state", "-id"], name="mail_by_state"),
            models.Index(fields=["next_try_at"], name="mail_to_empty", condition=Q(emptied_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.reference
