"""The work rows of destruction, the certificates, and the doubts about the clock that stop it."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.retention.models.cohorts import Cohort
from apps.retention.querysets import DestructionQuerySet
from apps.retention.states import DestructionScope, DestructionState


def destruction_reference() -> str:
    return new_reference("DES")


def certificate_number() -> str:
    return new_reference("CRT", 9)


class Destruction(models.Model):
    """The work row of what ends with one secret (a day, rows aside, a hosted archive).

    Claimed with a lease, its attempts counted before the work, parked after five.
    """

    NOT_PERSONAL = (
        "id", "reference", "scope", "secret", "cohort", "archive", "day", "state", "opened_at", "intended_at", "journalled_at", "shredded_at", "truncated_at",
        "done_at", "intent_entry", "done_entry", "leased_until", "attempts", "parked_at", "last_error", "bytes_freed", "newest_hold",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=destruction_reference, editable=False)
    scope = models.CharField(max_length=8, choices=DestructionScope.choices, default=DestructionScope.DAY, db_default="day")
    secret = models.CharField(max_length=100, unique=True, help_text="The secret that dies, by its name in the keystore")
    cohort = models.ForeignKey(Cohort, null=True, on_delete=models.PROTECT, related_name="+", help_text="Where it ends less than a day")
    archive = models.ForeignKey("retention.Archive", null=True, on_delete=models.PROTECT, related_name="+")
    day = models.DateField(help_text="The day from which it is due")
    state = models.CharField(max_length=12, choices=DestructionState.choices, default=DestructionState.DUE)
    opened_at = models.DateTimeField()
    intended_at = models.DateTimeField(null=True)
    journalled_at = models.DateTimeField(null=True)
    shredded_at = models.DateTimeField(null=True)
    truncated_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    intent_entry = models.UUIDField(null=True, help_text="The journal's entry of the intent")
    done_entry = models.UUIDField(null=True, help_text="The journal's entry of the end")
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    parked_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True, help_text="Kind of error; never data")
    bytes_freed = models.BigIntegerField(null=True)
    newest_hold = models.BigIntegerField(null=True, help_text="The newest hold there was when the key went; later ones come too late")

    objects = DestructionQuerySet.as_manager()

    class Meta:
        ordering = ["-day"]
        permissions = [("retry_destruction", "Can take up a parked destruction again")]
        indexes = [models.Index(fields=["day", "id"], name="destruction_by_day")]
        constraints = [
            models.UniqueConstraint(name="a_day_is_destroyed_once", fields=["day"], condition=Q(scope=DestructionScope.DAY)),
            models.CheckConstraint(
                name="a_destruction_names_what_it_ends",
                condition=Q(scope=DestructionScope.DAY, cohort__isnull=True, archive__isnull=True)
                | Q(scope=DestructionScope.ASIDE, cohort__isnull=False, archive__isnull=True)
                | Q(scope=DestructionScope.ARCHIVE, cohort__isnull=False, archive__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def last_step_at(self) -> datetime | None:
        """When the last step that was made was made."""
        return self.done_at or self.truncated_at or self.shredded_at or self.journalled_at or self.intended_at


class Certificate(models.Model):
    """The signed certificate of one cohort's destruction, as the document that was signed."""

    NOT_PERSONAL = ("id", "number", "cohort", "destruction", "issued_at", "document", "messages")

    number = models.CharField(max_length=20, unique=True, default=certificate_number, editable=False)
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="certificates")
    destruction = models.ForeignKey(Destruction, on_delete=models.PROTECT, related_name="certificates")
    issued_at = models.DateTimeField()
    messages = models.BigIntegerField()
    document = models.JSONField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(name="a_destruction_certifies_a_cohort_once", fields=["destruction", "cohort"])
        ]

    def __str__(self) -> str:
        return self.number


class ClockDoubt(models.Model):
    """The clock jumped against something that should agree with it: nothing is destroyed until a person confirms."""

    NOT_PERSONAL = ("id", "against", "clock_said", "other_said", "raised_at", "confirmed_at")

    against = models.CharField(max_length=20, help_text="heartbeat, database or journal")
    clock_said = models.DateTimeField()
    other_said = models.DateTimeField()
    raised_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = personal(models.CharField(max_length=60, blank=True), DataCategory.WORK_RECORD, Purpose.LEGAL)

    class Meta:
        ordering = ["-id"]
        permissions = [("confirm_clock", "Can confirm that the clock is right after a jump")]
        constraints = [
            models.UniqueConstraint(
                name="one_open_doubt_per_clock", fields=["against"], condition=Q(confirmed_at__isnull=True)
            ),
            models.CheckConstraint(
                name="a_confirmed_clock_says_by_whom",
                condition=Q(confirmed_at__isnull=True, confirmed_by="") | (Q(confirmed_at__isnull=False) & ~Q(confirmed_by="")),
            ),
        ]

    def __str__(self) -> str:
        return f"clock doubt {self.pk}"
