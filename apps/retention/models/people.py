"""What clients say of messages of people who ask, and by what an erased person is known again when more messages come."""

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Organization
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.retention.querysets import RuleQuerySet
from apps.retention.states import OnAccess, OnErasure, RuleState


def person_rule_reference() -> str:
    return new_reference("PRU")


class PersonRule(models.Model):
    """A client's standing instruction for its messages when a person asks. The latest approved one counts; a decided one never changes."""

    NOT_PERSONAL = ("id", "reference", "organization", "erasure", "access", "state", "proposed_at", "decided_at")

    reference = models.CharField(max_length=20, unique=True, default=person_rule_reference, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="person_rules")
    erasure = models.CharField("when a person is erased", max_length=16, choices=OnErasure.choices, default=OnErasure.ASK)
    access = models.CharField("when a person asks for a copy", max_length=16, choices=OnAccess.choices, default=OnAccess.ASK)
    evidence = personal(
        models.CharField(max_length=300, help_text="How the client said so, and where that lies. Name people by their references."),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )  # fmt: skip
    state = models.CharField(max_length=10, choices=RuleState.choices, default=RuleState.PROPOSED, editable=False)
    proposed_by = personal(models.CharField(max_length=60, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    proposed_at = models.DateTimeField(editable=False)
    decided_by = personal(models.CharField(max_length=60, blank=True, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = RuleQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "client's rule for people"
        verbose_name_plural = "clients' rules for people"
        permissions = [("approve_personrule", "Can approve or reject what a client says of messages of people who ask")]
        constraints = [
            models.CheckConstraint(
                name="nobody_approves_the_person_rule_they_proposed", condition=Q(decided_by="") | ~Q(decided_by=F("proposed_by")),
            ),
            models.CheckConstraint(
                name="a_decided_person_rule_says_who_and_when",
                condition=Q(state=RuleState.PROPOSED, decided_at__isnull=True)
                | (~Q(state=RuleState.PROPOSED) & Q(decided_at__isnull=False) & ~Q(decided_by="")),
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["organization", "-decided_at"], name="person_rule_in_force", condition=Q(state=RuleState.APPROVED))]

    def __str__(self) -> str:
        return self.reference


class ErasedParticipant(models.Model):
    """One keyed hash of somebody who was erased, under the secret of their organization: by it what still comes of them is stored under a pseudonym.

    `alias` is random, the same for all hashes of one erasure, and what their pseudonyms are made of.
    """

    NOT_PERSONAL = ("id", "organization", "alias", "answer", "at", "kept_until")

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    digest = personal(models.BinaryField(max_length=32), DataCategory.IDENTITY, Purpose.LEGAL)
    alias = models.BinaryField(max_length=16)
    answer = models.CharField(max_length=16, choices=OnErasure.choices, help_text="What the client said")
    at = models.DateTimeField()
    kept_until = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(name="an_erased_participant_is_marked_once", fields=["organization", "digest"])]
        indexes = [models.Index(fields=["kept_until", "id"], name="erased_participant_by_end")]

    def __str__(self) -> str:
        return f"erased participant {self.pk}"
