"""Leaves, cohorts, their seals, and the messages themselves (unmanaged: the partitioned table of migration 0002)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.holds.models import Matter
from apps.retention.querysets import CohortQuerySet, MessageQuerySet
from apps.retention.states import AsideGround, CohortState


def cohort_reference() -> str:
    return new_reference("COH")


class Leaf(models.Model):
    """One partition of the message table: exactly one expiry day. Made ahead by a database function, never by default."""

    NOT_PERSONAL = ("day", "made_at", "truncated_at")

    day = models.DateField(primary_key=True)
    made_at = models.DateTimeField()
    truncated_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "leaves"
        ordering = ["day"]

    def __str__(self) -> str:
        return f"leaf {self.day}"


class Cohort(models.Model):
    """The messages of one organization that expire on one day: what is sealed, destroyed and certified together."""

    NOT_PERSONAL = (
        "id", "reference", "organization", "expiry_on", "state", "archive_owed", "opened_at", "sealed_at", "expired_at",
        "intended_at", "shredded_at", "destroyed_at", "aside_at", "destroyed_messages", "archived_at", "holds_seen", "canary",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=cohort_reference, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="cohorts")
    expiry_on = models.DateField("expires on", help_text="UTC day from whose first moment nothing of it can be read")
    state = models.CharField(max_length=10, choices=CohortState.choices, default=CohortState.OPEN)
    canary = models.BinaryField(null=True, help_text="A known text under the cohort's key: who can't open it sees that the key is gone")
    archive_owed = models.BooleanField(default=False, help_text="Once owed stays owed: it does not end with the contract")
    opened_at = models.DateTimeField()
    sealed_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True, help_text="When all of it was last seen in every archive it is owed to")
    expired_at = models.DateTimeField(null=True)
    aside_at = models.DateTimeField(null=True, help_text="When rows of it stepped aside, out of the day's leaf")
    holds_seen = models.BigIntegerField(default=0, db_default=0, help_text="The newest hold that was looked at when rows stepped aside")
    intended_at = models.DateTimeField(null=True)
    shredded_at = models.DateTimeField(null=True)
    destroyed_at = models.DateTimeField(null=True)
    destroyed_messages = models.BigIntegerField(default=0)

    objects = CohortQuerySet.as_manager()

    class Meta:
        ordering = ["-expiry_on", "-id"]
        permissions = [
            ("sweep_now", "Can ring the sweep that seals, expires and destroys what is due"),
            ("delete_early", "Can delete single messages before their day"),
        ]
        constraints = [
            models.UniqueConstraint(name="one_cohort_per_organization_and_day", fields=["organization", "expiry_on"]),
            models.CheckConstraint(
                name="a_destroyed_cohort_says_when",
                condition=~Q(state=CohortState.DESTROYED) | Q(destroyed_at__isnull=False, shredded_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["expiry_on", "id"], name="cohort_by_day"),
            models.Index(fields=["state", "expiry_on"], name="cohort_by_state"),
        ]

    def __str__(self) -> str:
        return self.reference


class Segment(models.Model):
    """A part of a cohort with a seal of its own: number 0 is the cohort as first sealed, higher ones are supplements."""

    NOT_PERSONAL = ("id", "cohort", "number", "opened_at", "sealed_at", "messages", "bytes", "merkle_root", "archived_at")

    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="segments")
    number = models.PositiveSmallIntegerField()
    opened_at = models.DateTimeField()
    sealed_at = models.DateTimeField(null=True)
    messages = models.BigIntegerField(null=True)
    bytes = models.BigIntegerField(null=True, help_text="Of the encrypted messages")
    merkle_root = models.BinaryField(max_length=32, null=True)
    archived_at = models.DateTimeField(null=True, help_text="When every archive that it is owed to had it, verified")

    class Meta:
        ordering = ["cohort_id", "number"]
        constraints = [
            models.UniqueConstraint(name="a_segment_has_one_number_per_cohort", fields=["cohort", "number"]),
            models.CheckConstraint(
                name="a_sealed_segment_says_what_it_holds",
                condition=Q(sealed_at__isnull=True)
                | Q(messages__isnull=False, bytes__isnull=False, merkle_root__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"segment {self.number} of cohort {self.cohort_id}"


class Message(models.Model):
    """One encrypted message (DESIGN, "Table"). `id` is Django's key, (expiry, id) the real one; made by migration 0002."""

    NOT_PERSONAL = ("id", "expiry", "organization_id", "segment", "policy_version_id", "proof")

    id = models.BigIntegerField(primary_key=True)
    expiry = models.DateField()
    organization_id = models.BigIntegerField()
    segment = models.SmallIntegerField()
    policy_version_id = models.BigIntegerField()
    source_tag = personal(models.BinaryField(), DataCategory.MESSAGE, Purpose.SERVICE)
    tags = personal(ArrayField(models.BinaryField()), DataCategory.MESSAGE, Purpose.SERVICE)
    proof = models.BinaryField()
    ciphertext = personal(models.BinaryField(), DataCategory.MESSAGE, Purpose.SERVICE)

    objects = MessageQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "message"

    def __str__(self) -> str:
        return f"message {self.pk}"


class AsideBundle(models.Model):
    """Rows of one cohort that stepped aside for one reason, under one secret of their own: what ends together.

    A bundle kept by holds remembers which; when one of them no longer holds, the rows are looked at again.
    """

    NOT_PERSONAL = ("id", "cohort", "ground", "matter", "holds", "secret", "opened_at", "destroyed_at")

    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="bundles")
    ground = models.CharField(max_length=10, choices=AsideGround.choices)
    matter = models.ForeignKey(Matter, null=True, on_delete=models.PROTECT, related_name="+")
    holds = ArrayField(models.BigIntegerField(), default=list, help_text="Holds in force that were looked at")
    secret = models.CharField(max_length=100, unique=True, help_text="Name of its secret in the keystore")
    opened_at = models.DateTimeField()
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="what_a_hold_keeps_names_its_matter",
                condition=Q(ground=AsideGround.HOLD, matter__isnull=False) | (~Q(ground=AsideGround.HOLD) & Q(matter__isnull=True)),
            ),
        ]
        indexes = [models.Index(fields=["cohort", "ground"], name="bundle_standing", condition=Q(destroyed_at__isnull=True))]

    def __str__(self) -> str:
        return f"bundle {self.pk}"


class AsideMessage(models.Model):
    """A message kept from its day's destruction, re-encrypted under its bundle's key, with the same proof hash. Hidden."""

    NOT_PERSONAL = ("id", "cohort", "bundle", "ground", "segment", "policy_version_id", "proof", "moved_at")

    id = models.BigIntegerField(primary_key=True)
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="aside", db_index=False)
    bundle = models.ForeignKey(AsideBundle, on_delete=models.PROTECT, related_name="rows")
    ground = models.CharField(max_length=10, choices=AsideGround.choices)
    segment = models.SmallIntegerField()
    policy_version_id = models.BigIntegerField()
    tags = personal(ArrayField(models.BinaryField()), DataCategory.MESSAGE, Purpose.LEGAL)
    proof = models.BinaryField()
    ciphertext = personal(models.BinaryField(), DataCategory.MESSAGE, Purpose.LEGAL)
    moved_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["cohort", "ground", "id"], name="aside_by_cohort")]

    def __str__(self) -> str:
        return f"message aside {self.pk}"
