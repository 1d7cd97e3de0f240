"""A file of providers that somebody handed in: looked at first, applied only when confirmed, emptied afterwards."""

from django.db import models
from django.db.models import Q

from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.providers.models.providers import by_staff
from apps.providers.states import ImportState


def import_reference() -> str:
    return new_reference("IMP")


class RegisterImport(models.Model):
    """One file. `plan` binds what is applied to what was shown."""

    NOT_PERSONAL = (
        "id", "reference", "state", "digest", "plan", "lines", "uploaded_at", "decided_at", "added", "changed", "refused", "emptied_at",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=import_reference, editable=False)
    state = models.CharField(max_length=10, choices=ImportState.choices, default=ImportState.PREVIEWED, editable=False)
    content = personal(models.BinaryField(editable=False), DataCategory.CONTACT, Purpose.LEGAL)  # contacts of providers stand in it
    digest = models.BinaryField("SHA-256 of the file", max_length=32, editable=False)
    plan = models.BinaryField(max_length=32, editable=False, help_text="SHA-256 of what it would do")
    lines = models.PositiveIntegerField(editable=False)
    uploaded_by = by_staff()
    uploaded_at = models.DateTimeField(editable=False)
    decided_by = by_staff(blank=True)
    decided_at = models.DateTimeField(null=True, editable=False)
    added = models.PositiveIntegerField(null=True, editable=False)
    changed = models.PositiveIntegerField(null=True, editable=False)
    refused = models.PositiveIntegerField(null=True, editable=False)
    emptied_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name = "import of the register"
        verbose_name_plural = "imports of the register"
        constraints = [
            models.CheckConstraint(
                name="a_decided_import_says_who_and_when",
                condition=Q(state=ImportState.PREVIEWED, decided_at__isnull=True)
                | (~Q(state=ImportState.PREVIEWED) & Q(decided_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="an_applied_import_says_what_it_did",
                condition=~Q(state=ImportState.APPLIED)
                | (Q(added__isnull=False, changed__isnull=False, refused__isnull=False) & ~Q(decided_by="")),
            ),
        ]

    def __str__(self) -> str:
        return self.reference
