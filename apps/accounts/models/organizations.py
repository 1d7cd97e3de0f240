"""Client enterprises, and who is written to about each."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from apps.accounts.models.indexes import trigram
from apps.accounts.states import ArchiveEntitlement, OrganizationStanding
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.policies.models import PolicyVersion


def organization_reference() -> str:
    return new_reference("ORG")


class Organization(models.Model):
    """A client enterprise. Whether its messages are owed to an archive decides how they may be destroyed."""

    NOT_PERSONAL = (
        "id", "reference", "name", "country", "hipaa_covered", "archive_entitlement", "standing", "registered_at",
        "policy_version",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=organization_reference, editable=False)
    name = models.CharField(max_length=120)
    country = models.CharField(max_length=2, default="US", help_text="ISO 3166 code of two letters, e.g. US")
    hipaa_covered = models.BooleanField(
        "HIPAA-covered", default=False,
        help_text="All its messages are then Patient Information unless their conversation class says otherwise.",
    )  # fmt: skip
    archive_entitlement = models.CharField(
        max_length=12, choices=ArchiveEntitlement.choices, default=ArchiveEntitlement.NONE,
        help_text="What is owed to an archive is never destroyed before the archive has it, verified.",
    )  # fmt: skip
    contact_name = personal(models.CharField(max_length=120), DataCategory.IDENTITY, Purpose.ANSWERING)
    contact_email = personal(models.EmailField("contact e-mail"), DataCategory.CONTACT, Purpose.ANSWERING)
    contact_phone = personal(
        models.CharField(max_length=40, blank=True), DataCategory.CONTACT, Purpose.ANSWERING,
        lost_without="urgent notices reach the client by e-mail only.",
    )  # fmt: skip
    standing = models.CharField(
        max_length=10, choices=OrganizationStanding.choices, default=OrganizationStanding.ACTIVE
    )
    registered_at = models.DateTimeField(editable=False)
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, editable=False, related_name="+")

    history = HistoricalRecords()

    class Meta:
        ordering = ["-id"]
        indexes = [trigram("name", "organization_name_trigram")]
        constraints = [
            models.CheckConstraint(name="a_country_is_two_capitals", condition=Q(country__regex=r"^[A-Z]{2}$")),
        ]

    def __str__(self) -> str:
        return self.reference
