"""Conversation classes and rules of life: how long messages of an organization may exist."""

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from apps.accounts.models import Organization
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.retention.querysets import RuleQuerySet
from apps.retention.states import RuleState


def class_reference() -> str:
    return new_reference("CLS")


def rule_reference() -> str:
    return new_reference("RUL")


class ConversationClass(models.Model):
    """A kind of conversation that an organization gives a life of its own, e.g. clinical or administrative."""

    NOT_PERSONAL = ("id", "reference", "organization", "code", "name", "patient_information", "created_at")

    reference = models.CharField(max_length=20, unique=True, default=class_reference, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="conversation_classes")
    code = models.SlugField(max_length=40, help_text="As the sending service names it in `class`")
    name = models.CharField(max_length=80)
    patient_information = models.BooleanField(
        null=True, blank=True,
        help_text="Unknown: Patient Information where the organization is HIPAA-covered, otherwise not.",
    )  # fmt: skip
    created_at = models.DateTimeField(editable=False)

    history = HistoricalRecords()

    class Meta:
        ordering = ["organization_id", "code"]
        verbose_name_plural = "conversation classes"
        constraints = [
            models.UniqueConstraint(name="a_class_has_one_code_per_organization", fields=["organization", "code"])
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_patient_information(self) -> bool:
        return self.organization.hipaa_covered if self.patient_information is None else self.patient_information


class RetentionRule(models.Model):
    """How long messages of an organization, or of one of its classes, live. Acts forward only, from `effective_from`."""

    NOT_PERSONAL = (
        "id", "reference", "organization", "conversation_class", "life_days", "minimum_days", "maximum_days",
        "effective_from", "state", "proposed_at", "decided_at",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=rule_reference, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="rules")
    conversation_class = models.ForeignKey(
        ConversationClass, null=True, blank=True, on_delete=models.PROTECT, related_name="rules",
        help_text="Empty: for all conversations that have no rule of their own.",
    )  # fmt: skip
    life_days = models.PositiveIntegerField("life in days", help_text="From sending; rounded up to the end of a UTC day, over 400 days to the end of a month.")
    minimum_days = models.PositiveIntegerField("shortest life in days", help_text="No rule of a class may be shorter.")
    maximum_days = models.PositiveIntegerField("longest life in days", help_text="No rule of a class may be longer.")
    effective_from = models.DateTimeField(
        help_text="UTC. Only messages sent from then on fall under it; what is stored keeps its day."
    )
    state = models.CharField(max_length=10, choices=RuleState.choices, default=RuleState.PROPOSED, editable=False)
    proposed_by = personal(models.CharField(max_length=60, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    proposed_at = models.DateTimeField(editable=False)
    decided_by = personal(models.CharField(max_length=60, blank=True, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = RuleQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("approve_retentionrule", "Can approve or reject a rule of life")]
        constraints = [
            models.CheckConstraint(
                name="a_life_lies_between_its_bounds",
                condition=Q(minimum_days__gte=1)
                & Q(life_days__gte=F("minimum_days"))
                & Q(life_days__lte=F("maximum_days"))
                & Q(maximum_days__lte=36600),
            ),
            models.CheckConstraint(
                name="nobody_approves_the_rule_they_proposed",
                condition=Q(decided_by="") | ~Q(decided_by=F("proposed_by")),
            ),
            models.CheckConstraint(
                name="a_decided_rule_says_who_and_when",
                condition=Q(state=RuleState.PROPOSED, decided_at__isnull=True)
                | (~Q(state=RuleState.PROPOSED) & Q(decided_at__isnull=False) & ~Q(decided_by="")),
            ),
            models.UniqueConstraint(
                name="one_approved_rule_takes_effect_at_a_time",
                fields=["organization", "conversation_class", "effective_from"],
                condition=Q(state=RuleState.APPROVED), nulls_distinct=False,
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference
