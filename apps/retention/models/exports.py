"""What leaves for counsel: the messages that the holds of a matter cover, asked by one person and approved by another."""

from django.db import models
from django.db.models import F, Q

from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.holds.models import Matter
from apps.retention.states import RequestState


def export_reference() -> str:
    return new_reference("EXP")


class MatterExport(models.Model):
    """One export of a matter. Approved it can be taken for a day; each taking is recorded with the digest of what left."""

    NOT_PERSONAL = ("id", "reference", "matter", "state", "asked_at", "decided_at", "taken_at", "takings", "lines", "sha256", "recipient", "disclosure")

    reference = models.CharField(max_length=20, unique=True, default=export_reference, editable=False)
    matter = models.ForeignKey(Matter, on_delete=models.PROTECT, related_name="+")
    recipient = models.CharField(max_length=20, default="", editable=False, help_text="Who gets it, by reference; empty: asked for before there was a gate")
    reason = personal(models.CharField(max_length=300), DataCategory.WORK_RECORD, Purpose.LEGAL)
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.PROPOSED, editable=False)
    asked_by = personal(models.CharField(max_length=60, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    asked_at = models.DateTimeField(editable=False)
    decided_by = personal(models.CharField(max_length=60, blank=True, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    decided_at = models.DateTimeField(null=True, editable=False)
    taken_at = models.DateTimeField(null=True, editable=False, help_text="When it was taken last, whole")
    takings = models.PositiveIntegerField(default=0, editable=False)
    lines = models.BigIntegerField(null=True, editable=False)
    sha256 = models.BinaryField(max_length=32, null=True, editable=False)
    disclosure = models.CharField(max_length=20, default="", editable=False, help_text="Of the last taking, by reference")

    class Meta:
        ordering = ["-id"]
        permissions = [("approve_matterexport", "Can approve or reject that a matter's messages leave for counsel")]
        constraints = [
            models.CheckConstraint(
                name="nobody_approves_the_export_they_asked_for", condition=Q(decided_by="") | ~Q(decided_by=F("asked_by")),
            ),
        ]

    def __str__(self) -> str:
        return self.reference
