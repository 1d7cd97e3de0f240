"""What a provider may use, what for, and on which agreement that rests. Its scope never changes: more is a grant of its own."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.providers.models.agreements import Agreement
from apps.providers.models.providers import Provider, by_staff
from apps.providers.querysets import GrantQuerySet
from apps.providers.states import GrantState


def grant_reference() -> str:
    return new_reference("GRT")


class Grant(models.Model):
    """Data categories and purposes that a provider gets, and no more of them than it needs."""

    NOT_PERSONAL = (
        "id", "reference", "provider", "agreement", "categories", "purposes", "fields", "patient_information", "ends_on", "state",
        "proposed_at", "decided_at", "withdrawn_at",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=grant_reference, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="grants")
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="grants", help_text="What it rests on; its renewals count too."
    )
    categories = ArrayField(models.CharField(max_length=30), help_text="Data categories")
    purposes = ArrayField(models.CharField(max_length=20), help_text="What for")
    fields = ArrayField(
        models.CharField(max_length=60), default=list, blank=True, help_text="The only fields it needs. None: not limited to fields."
    )
    patient_information = models.BooleanField(default=False, help_text="Needs a business associate agreement in force.")
    necessity = personal(
        models.CharField("why it needs them", max_length=500, help_text="Who approves reads this. Name people by their references."),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )  # fmt: skip
    ends_on = models.DateField("until", null=True, blank=True, help_text="The day after its last, UTC. Empty: as long as the agreement.")
    state = models.CharField(max_length=10, choices=GrantState.choices, default=GrantState.PROPOSED, editable=False)
    proposed_by = by_staff()
    proposed_at = models.DateTimeField(editable=False)
    decided_by = by_staff(blank=True)
    decided_at = models.DateTimeField(null=True, editable=False)
    withdrawn_by = by_staff(blank=True)
    withdrawn_at = models.DateTimeField(null=True, editable=False)

    history = HistoricalRecords()
    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("approve_grant", "Can decide on a grant that somebody else proposed"),
            ("withdraw_grant", "Can withdraw a grant at once"),
        ]
        indexes = [
            models.Index(fields=["provider", "-id"], name="grant_by_provider"),
            models.Index(fields=["provider"], name="grant_active", condition=Q(state=GrantState.ACTIVE)),
            models.Index(fields=["ends_on", "id"], name="grant_by_end"),
        ]
        constraints = [
            models.CheckConstraint(
                name="a_grant_names_what_and_what_for", condition=Q(categories__len__gt=0) & Q(purposes__len__gt=0) & ~Q(necessity="")
            ),
            models.CheckConstraint(
                name="a_decided_grant_says_who_and_when",
                condition=Q(state=GrantState.PROPOSED, decided_at__isnull=True, decided_by="")
                | (~Q(state=GrantState.PROPOSED) & Q(decided_at__isnull=False) & ~Q(decided_by="")),
            ),
            models.CheckConstraint(
                name="nobody_approves_the_grant_they_proposed",
                condition=Q(decided_by="") | Q(state=GrantState.REJECTED) | ~Q(decided_by=F("proposed_by")),
            ),
            models.CheckConstraint(
                name="a_withdrawn_grant_says_who_and_when",
                condition=(~Q(state=GrantState.WITHDRAWN) & Q(withdrawn_at__isnull=True, withdrawn_by=""))
                | (Q(state=GrantState.WITHDRAWN, withdrawn_at__isnull=False) & ~Q(withdrawn_by="")),
            ),
        ]

    def __str__(self) -> str:
        return self.reference
