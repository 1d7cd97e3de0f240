"""That a person accepted a version of the policy, or went on using the service under it. The database keeps it as it was said (migration 0011)."""

from django.db import models

from apps.accounts.models.people import Person
from apps.accounts.states import AcceptedHow
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.policies.models import PolicyVersion


def acceptance_reference() -> str:
    return new_reference("PAC")


class PolicyAcceptance(models.Model):
    """One person, one version that was in force then, one way: once."""

    NOT_PERSONAL = ("id", "reference", "policy_version", "how", "at")

    reference = models.CharField(max_length=20, unique=True, default=acceptance_reference, editable=False)
    #: the database's own foreign key removes the row with the person's (migration 0011)
    person = personal(
        models.ForeignKey(Person, on_delete=models.DO_NOTHING, db_constraint=False, related_name="acceptances"),
        DataCategory.IDENTITY, Purpose.LEGAL,
    )  # fmt: skip
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+", help_text="In force at that moment.")
    how = models.CharField(max_length=15, choices=AcceptedHow.choices)
    at = models.DateTimeField("said at")
    by = personal(
        models.CharField(max_length=60, help_text="Who told us: the person, a service or staff, by reference."), DataCategory.WORK_RECORD, Purpose.LEGAL
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["at", "id"], name="acceptance_by_time"),
            models.Index(fields=["policy_version", "-id"], name="acceptance_by_version"),
        ]
        constraints = [
            models.UniqueConstraint(name="a_version_is_accepted_once_each_way", fields=["person", "policy_version", "how"]),
        ]

    def __str__(self) -> str:
        return self.reference
