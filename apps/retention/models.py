"""What Message Data leaves in the database: rules, leaves, cohorts and their account, destructions, certificates.

The messages themselves stand in the partitioned table `message` (migration 0002, `Message` below is unmanaged): encrypted,
without foreign keys and without row triggers. They are never in the admin; cohorts are.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from apps.accounts.models import Organization
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.policies.models import PolicyVersion
from apps.retention.querysets import CohortQuerySet, DestructionQuerySet, MessageQuerySet, RuleQuerySet
from apps.retention.states import AsideGround, CohortState, DestructionState, LifeFrom, RuleState


def class_reference() -> str:
    return new_reference("CLS")


def rule_reference() -> str:
    return new_reference("RUL")


def cohort_reference() -> str:
    return new_reference("COH")


def batch_reference() -> str:
    return new_reference("BAT")


def deletion_reference() -> str:
    return new_reference("DEL")


def destruction_reference() -> str:
    return new_reference("DES")


def certificate_number() -> str:
    return new_reference("CRT", 9)


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
        "intended_at", "shredded_at", "destroyed_at", "aside_at", "destroyed_messages",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=cohort_reference, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="cohorts")
    expiry_on = models.DateField("expires on", help_text="UTC day from whose first moment nothing of it can be read")
    state = models.CharField(max_length=10, choices=CohortState.choices, default=CohortState.OPEN)
    archive_owed = models.BooleanField(default=False, help_text="Once owed stays owed: it does not end with the contract")
    opened_at = models.DateTimeField()
    sealed_at = models.DateTimeField(null=True)
    expired_at = models.DateTimeField(null=True)
    aside_at = models.DateTimeField(null=True, help_text="When its rows stepped aside, out of the day's leaf")
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
                name="what_is_owed_to_an_archive_is_not_destroyed_unarchived",
                condition=Q(archive_owed=False)
                | Q(state__in=[CohortState.OPEN, CohortState.SEALED, CohortState.EXPIRED]),
            ),
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

    NOT_PERSONAL = ("id", "cohort", "number", "opened_at", "sealed_at", "messages", "bytes", "merkle_root")

    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="segments")
    number = models.PositiveSmallIntegerField()
    opened_at = models.DateTimeField()
    sealed_at = models.DateTimeField(null=True)
    messages = models.BigIntegerField(null=True)
    bytes = models.BigIntegerField(null=True, help_text="Of the encrypted messages")
    merkle_root = models.BinaryField(max_length=32, null=True)

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


class AsideMessage(models.Model):
    """A message kept from its day's destruction, re-encrypted under a key of its own, with the same proof hash. Hidden."""

    NOT_PERSONAL = ("id", "cohort", "ground", "segment", "policy_version_id", "proof", "moved_at")

    id = models.BigIntegerField(primary_key=True)
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="aside")
    ground = models.CharField(max_length=10, choices=AsideGround.choices)
    segment = models.SmallIntegerField()
    policy_version_id = models.BigIntegerField()
    tags = personal(ArrayField(models.BinaryField()), DataCategory.MESSAGE, Purpose.LEGAL)
    proof = models.BinaryField()
    ciphertext = personal(models.BinaryField(), DataCategory.MESSAGE, Purpose.LEGAL)
    moved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"message aside {self.pk}"


class Batch(models.Model):
    """One hand-over of messages: an API call or an import. The same key with the same content is done once."""

    NOT_PERSONAL = (
        "id", "reference", "organization", "source", "key", "life_from", "life_counts_from", "policy_version", "opened_at",
        "finished_at", "committed_lines", "committed_digest", "digest", "accepted", "duplicates", "replaced", "deleted",
        "refused", "kinds",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=batch_reference, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    source = models.SlugField(max_length=40, help_text="The system whose ids the messages carry")
    key = models.CharField(max_length=100, help_text="The sender's name of the batch; for a file its SHA-256")
    life_from = models.CharField(max_length=10, choices=LifeFrom.choices, default=LifeFrom.SENDING)
    life_counts_from = models.DateTimeField(null=True, help_text="The moment, where life counts from an import")
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+")
    handed_over_by = personal(models.CharField(max_length=60), DataCategory.WORK_RECORD, Purpose.LEGAL)
    opened_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    committed_lines = models.BigIntegerField(default=0)
    committed_digest = models.BinaryField(max_length=32, null=True, help_text="SHA-256 of the bytes up to there")
    digest = models.BinaryField(max_length=32, null=True, help_text="SHA-256 of all bytes")
    accepted = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    replaced = models.BigIntegerField(default=0)
    deleted = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    kinds = models.JSONField(default=dict, help_text="Outcome by kind of line, as counts")

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "batches"
        permissions = [("import_messages", "Can import messages")]
        constraints = [
            models.UniqueConstraint(name="a_batch_key_is_used_once", fields=["organization", "source", "key"]),
            models.CheckConstraint(
                name="life_from_import_says_from_when",
                condition=Q(life_from=LifeFrom.SENDING, life_counts_from__isnull=True)
                | Q(life_from=LifeFrom.IMPORT, life_counts_from__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class BatchShare(models.Model):
    """What one commit of a batch put into one segment of a cohort. Append-only: the first term of the cohort's account."""

    NOT_PERSONAL = ("id", "batch", "cohort", "segment", "conversation_class", "messages", "bytes", "at")

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="shares")
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="shares")
    segment = models.PositiveSmallIntegerField()
    conversation_class = models.CharField(max_length=40, blank=True)
    messages = models.PositiveIntegerField()
    bytes = models.BigIntegerField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"share of batch {self.batch_id}"


class RefusedLine(models.Model):
    """A line that was not taken in, with its number and the reason; never with its content."""

    NOT_PERSONAL = ("id", "batch", "number", "code", "why")

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="refused_lines")
    number = models.BigIntegerField()
    code = models.CharField(max_length=40)
    why = models.CharField(max_length=300)

    class Meta:
        ordering = ["batch_id", "number"]
        constraints = [models.UniqueConstraint(name="a_line_is_refused_once_per_batch", fields=["batch", "number"])]

    def __str__(self) -> str:
        return f"line {self.number} of batch {self.batch_id}"


class ImportedOnce(models.Model):
    """That a message came in with its life counted from an import. Keyed hash under the organization's secret.

    Without it the same export, imported again on another day, would get another expiry and be stored twice.
    """

    NOT_PERSONAL = ("id", "organization", "tag", "expiry_on")

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    tag = models.BinaryField(max_length=16)
    expiry_on = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(name="a_message_is_imported_once", fields=["organization", "tag"])]

    def __str__(self) -> str:
        return f"imported {self.pk}"


class EarlyDeletion(models.Model):
    """One message deleted before its day. The tag keeps a resend from bringing it back, and dies with the cohort's key."""

    NOT_PERSONAL = ("id", "reference", "cohort", "segment", "bytes", "proof", "reason", "at")

    reference = models.CharField(max_length=20, unique=True, default=deletion_reference, editable=False)
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="early_deletions")
    segment = models.PositiveSmallIntegerField()
    bytes = models.BigIntegerField()
    proof = models.BinaryField(max_length=32)
    source_tag = personal(models.BinaryField(max_length=16), DataCategory.MESSAGE, Purpose.LEGAL)
    reason = models.CharField(max_length=40)
    by = personal(models.CharField(max_length=60), DataCategory.WORK_RECORD, Purpose.LEGAL)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(name="a_message_is_deleted_once", fields=["cohort", "source_tag"]),
        ]

    def __str__(self) -> str:
        return self.reference


class Destruction(models.Model):
    """The work row of one expiry day: claimed with a lease, its attempts counted before the work, parked after five."""

    NOT_PERSONAL = (
        "id", "reference", "day", "state", "opened_at", "intended_at", "journalled_at", "shredded_at", "truncated_at",
        "done_at", "intent_entry", "done_entry", "leased_until", "attempts", "parked_at", "last_error", "bytes_freed",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=destruction_reference, editable=False)
    day = models.DateField(unique=True)
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

    objects = DestructionQuerySet.as_manager()

    class Meta:
        ordering = ["-day"]
        permissions = [("retry_destruction", "Can take up a parked destruction again")]

    def __str__(self) -> str:
        return self.reference


class Certificate(models.Model):
    """The signed certificate of one cohort's destruction, as the document that was signed."""

    NOT_PERSONAL = ("id", "number", "cohort", "destruction", "issued_at", "document", "messages")

    number = models.CharField(max_length=20, unique=True, default=certificate_number, editable=False)
    cohort = models.OneToOneField(Cohort, on_delete=models.PROTECT, related_name="certificate")
    destruction = models.ForeignKey(Destruction, on_delete=models.PROTECT, related_name="certificates")
    issued_at = models.DateTimeField()
    messages = models.BigIntegerField()
    document = models.JSONField()

    class Meta:
        ordering = ["-id"]

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
