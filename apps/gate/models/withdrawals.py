"""What recipients are to erase because a consent ended: what a notice asks for never changes (migration 0006)."""

from django.db import models
from django.db.models import F, Q

from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.gate.models.columns import by_whom, codes
from apps.gate.querysets import WithdrawalNoticeQuerySet
from apps.gate.states import NoticeState


def notice_reference() -> str:
    return new_reference("WDN")


class WithdrawalNotice(models.Model):
    """That a recipient is to erase what it got of one person on a consent that ended: told, reminded of every week, and confirmed."""

    NOT_PERSONAL = (
        "id", "reference", "recipient", "person_reference", "consent", "event", "ended_at", "disclosures", "state", "made_at", "due_at",
        "permit", "told_at", "confirmed_at",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=notice_reference, editable=False)
    recipient = models.CharField(max_length=20, help_text="By reference.")
    person_reference = models.CharField("person", max_length=20)
    consent = models.CharField(max_length=40, help_text="What the person had consented to, by its code.")
    event = models.CharField(max_length=20, help_text="By which it ended, in the ledger of consents.")
    ended_at = models.DateTimeField()
    disclosures = codes(20, help_text="What it got on that consent.")
    state = models.CharField(max_length=10, choices=NoticeState.choices, default=NoticeState.DUE)
    made_at = models.DateTimeField()
    due_at = models.DateTimeField("to be confirmed by")
    permit = models.CharField(max_length=20, blank=True, help_text="By which it was contacted.")
    told_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = by_whom(blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    evidence = personal(
        models.CharField(max_length=300, blank=True, help_text="What it confirmed, and where that lies. Name people by their references."),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )  # fmt: skip

    objects = WithdrawalNoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "withdrawal notice"
        permissions = [("confirm_withdrawalnotice", "Can record that a recipient erased what it got on a consent that ended")]
        indexes = [
            models.Index(fields=["due_at", "id"], name="withdrawal_notice_by_due_day"),
            models.Index(fields=["made_at", "id"], name="withdrawal_notice_by_time"),
            models.Index(fields=["person_reference", "consent"], name="withdrawal_notice_by_person"),
        ]
        constraints = [
            models.UniqueConstraint(name="a_recipient_hears_once_of_the_end_of_a_consent", fields=["event", "recipient"]),
            models.CheckConstraint(name="a_withdrawal_notice_says_what_is_to_be_erased", condition=Q(disclosures__len__gt=0)),
            models.CheckConstraint(name="a_withdrawal_is_due_after_it_is_noticed", condition=Q(due_at__gt=F("made_at"))),
            models.CheckConstraint(name="a_withdrawal_that_was_told_says_when", condition=~Q(state=NoticeState.TOLD) | Q(told_at__isnull=False)),
            models.CheckConstraint(
                name="an_erasure_elsewhere_says_who_confirmed_it_and_how",
                condition=Q(state=NoticeState.CONFIRMED, confirmed_at__isnull=False) & ~Q(confirmed_by="") & ~Q(evidence="")
                | ~Q(state=NoticeState.CONFIRMED) & Q(confirmed_at__isnull=True, confirmed_by="", evidence=""),
            ),
        ]

    def __str__(self) -> str:
        return self.reference
