"""Where archives go, the archive of each cohort there, its parts, and what staff read back from hosted ones."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Organization, Person
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.providers.models import Provider
from apps.retention.models.cohorts import Cohort
from apps.retention.states import ArchiveState, PartState, PlaceKind, RequestState, TargetKind, TargetState


def target_reference() -> str:
    return new_reference("TGT")


def archive_reference() -> str:
    return new_reference("ARC")


def reading_reference() -> str:
    return new_reference("RDG")


class ArchiveTarget(models.Model):
    """Where the archives of one organization go. Proposed by one person, proven, tried, and approved by another."""

    NOT_PERSONAL = (
        "id", "reference", "organization", "kind", "place", "address", "pinned_address", "country", "recipient", "peer_key",
        "login", "credentials", "keep_days", "state", "challenge", "proven_at", "tried_at", "proposed_at", "decided_at",
        "last_success_at", "failures", "next_try_at", "last_error", "options", "wrong_answers", "provider",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=target_reference, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="archive_targets")
    kind = models.CharField(max_length=10, choices=TargetKind.choices)
    place = models.CharField(max_length=6, choices=PlaceKind.choices)
    address = models.CharField(max_length=300, blank=True, help_text="https://… or sftp://…; for S3 endpoint and bucket; none for a folder of ours")
    pinned_address = models.CharField(max_length=45, blank=True, editable=False, help_text="What its name resolved to when it was approved")
    provider = models.ForeignKey(
        Provider, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Who runs it for us; of S3 only",
    )  # fmt: skip
    country = models.CharField(max_length=2, help_text="Where it stores, two capitals")
    country_reason = personal(
        models.CharField("why outside the United States", max_length=200, blank=True,
                         help_text="Needed for any country but US; the second person approves it with the target."),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )  # fmt: skip
    recipient = models.CharField("client's public key", max_length=120, blank=True, help_text="age1…, of the client's own server. We keep no key for it.")
    peer_key = models.CharField("key of the server", max_length=800, blank=True, help_text="SFTP: its host key; HTTPS: the Ed25519 key of its receipts, in hex")
    login = models.CharField(max_length=80, blank=True)
    credentials = models.BinaryField(null=True, editable=False, help_text="Encrypted under a secret of the keystore")
    keep_days = models.PositiveIntegerField(
        "life of an archive in days", null=True, blank=True, help_text="Hosted archives only; six years unless agreed otherwise."
    )
    state = models.CharField(max_length=10, choices=TargetState.choices, default=TargetState.PROPOSED, editable=False)
    options = models.JSONField(default=dict, blank=True, editable=False, help_text="What else its kind of place takes: region, prefix, authority…")
    challenge = models.BinaryField(max_length=32, null=True, editable=False, help_text="SHA-256 of what the client must send back")
    wrong_answers = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False, help_text="To this challenge")
    proven_at = models.DateTimeField(null=True, editable=False)
    tried_at = models.DateTimeField(null=True, editable=False)
    proposed_by = personal(models.CharField(max_length=60, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    proposed_at = models.DateTimeField(editable=False)
    decided_by = personal(models.CharField(max_length=60, blank=True, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    decided_at = models.DateTimeField(null=True, editable=False)
    last_success_at = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False, help_text="In a row")
    next_try_at = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=200, blank=True, editable=False, help_text="Kind of error; never data")

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("approve_archivetarget", "Can approve, reject, suspend and end a place for archives"),
        ]
        constraints = [
            models.UniqueConstraint(
                name="one_place_in_use_per_organization_and_kind", fields=["organization", "kind"],
                condition=Q(state__in=[TargetState.ACTIVE, TargetState.SUSPENDED]),
            ),
            models.CheckConstraint(
                name="only_a_store_is_run_by_a_provider", condition=Q(provider__isnull=True) | Q(place=PlaceKind.S3),
            ),
            models.CheckConstraint(
                name="another_country_has_its_reason", condition=Q(country="US") | ~Q(country_reason=""),
            ),
            models.CheckConstraint(
                name="nobody_approves_the_place_they_proposed", condition=Q(decided_by="") | ~Q(decided_by=F("proposed_by")),
            ),
            models.CheckConstraint(
                name="a_clients_own_server_has_the_clients_key_proven_before_use",
                condition=~Q(kind=TargetKind.OWN_SERVER)
                | (~Q(recipient="") & (Q(state__in=[TargetState.PROPOSED, TargetState.REJECTED]) | Q(proven_at__isnull=False))),
            ),
            models.CheckConstraint(
                name="a_place_is_tried_before_use",
                condition=Q(state__in=[TargetState.PROPOSED, TargetState.REJECTED]) | Q(tried_at__isnull=False),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference


class Archive(models.Model):
    """The archive of one segment of a cohort at one target: its parts, and once closed the signed manifest.

    What came late is a segment of its own and so an archive of its own: a manifest that was delivered is never replaced.
    """

    NOT_PERSONAL = (
        "id", "reference", "cohort", "segment", "target", "state", "opened_at", "closed_at", "keep_until", "destroyed_at", "through_id",
        "through_amendment", "messages", "bytes", "manifest", "last_part_at", "failures", "next_try_at", "last_error",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=archive_reference, editable=False)
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="archives")
    segment = models.PositiveSmallIntegerField(default=0, db_default=0)
    target = models.ForeignKey(ArchiveTarget, on_delete=models.PROTECT, related_name="archives")
    state = models.CharField(max_length=10, choices=ArchiveState.choices, default=ArchiveState.OPEN)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, help_text="When its manifest was proven at its place")
    keep_until = models.DateField(null=True, help_text="Hosted: the day on which it is destroyed")
    destroyed_at = models.DateTimeField(null=True)
    through_id = models.BigIntegerField(default=0, help_text="Rows up to this number are in parts")
    through_amendment = models.BigIntegerField(default=0, help_text="Edits up to this number are in parts")
    messages = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    manifest = models.JSONField(null=True)
    last_part_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False, help_text="In a row, of this archive alone")
    next_try_at = models.DateTimeField(null=True, editable=False, help_text="Until then it is left alone")
    last_error = models.CharField(max_length=200, blank=True, default="", db_default="", editable=False, help_text="Kind of error; never data")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(name="a_segment_has_one_archive_per_target", fields=["cohort", "segment", "target"]),
            models.CheckConstraint(
                name="a_closed_archive_has_its_manifest",
                condition=Q(state=ArchiveState.OPEN) | Q(closed_at__isnull=False, manifest__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["keep_until"], name="archive_by_end", condition=Q(state=ArchiveState.CLOSED))]

    def __str__(self) -> str:
        return self.reference


class ArchivePart(models.Model):
    """One file of an archive: encrypted lines of what had come since the part before."""

    NOT_PERSONAL = (
        "id", "archive", "number", "name", "state", "through_id", "through_amendment", "lines", "bytes", "sha256", "receipt",
        "made_at", "delivered_at", "verified_at", "facts", "numbers", "disclosure",
    )  # fmt: skip

    archive = models.ForeignKey(Archive, on_delete=models.PROTECT, related_name="parts")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=PartState.choices, default=PartState.WRITTEN)
    through_id = models.BigIntegerField()
    through_amendment = models.BigIntegerField()
    lines = models.BigIntegerField()
    bytes = models.BigIntegerField()
    sha256 = models.BinaryField(max_length=32)
    facts = models.JSONField(default=dict, help_text="What the manifest says of it")
    numbers = models.BinaryField(default=b"", help_text="Which messages it brought for the first time, packed")
    receipt = models.JSONField(default=dict, help_text="What the place answered: version, retention, signature")
    tags = personal(ArrayField(models.BinaryField(), default=list), DataCategory.MESSAGE, Purpose.LEGAL)
    made_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    disclosure = models.CharField(
        max_length=20, null=True, default="", help_text="Of the gate, by reference; empty in a folder of ours, none where it was proven before there was a gate"
    )

    class Meta:
        ordering = ["archive_id", "number"]
        constraints = [
            models.UniqueConstraint(name="a_part_has_one_number_per_archive", fields=["archive", "number"]),
            models.CheckConstraint(
                name="a_verified_part_says_when", condition=~Q(state=PartState.VERIFIED) | Q(verified_at__isnull=False)
            ),
        ]
        indexes = [GinIndex(fields=["tags"], name="part_by_tag")]

    def __str__(self) -> str:
        return f"part {self.number} of archive {self.archive_id}"


class Amendment(models.Model):
    """That a message was edited after it may have left in a part: the next part carries it again."""

    NOT_PERSONAL = ("id", "cohort", "message", "at")

    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="amendments")
    message = models.BigIntegerField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"amendment {self.pk}"


class ArchiveReading(models.Model):
    """Staff read a hosted archive back: asked with a reason, approved by a second person, done once."""

    NOT_PERSONAL = ("id", "reference", "archive", "of_erased_person", "state", "asked_at", "decided_at", "read_at", "lines")

    reference = models.CharField(max_length=20, unique=True, default=reading_reference, editable=False)
    archive = models.ForeignKey(Archive, on_delete=models.PROTECT, related_name="readings")
    person = personal(
        models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
                          help_text="Only what this person wrote or received; empty: all of it."),
        DataCategory.IDENTITY, Purpose.LEGAL,
    )  # fmt: skip
    of_erased_person = models.BooleanField(default=False, db_default=False, editable=False, help_text="It was of one person, who was erased since.")
    reason = personal(models.CharField(max_length=300), DataCategory.WORK_RECORD, Purpose.LEGAL)
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.PROPOSED, editable=False)
    asked_by = personal(models.CharField(max_length=60, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    asked_at = models.DateTimeField(editable=False)
    decided_by = personal(models.CharField(max_length=60, blank=True, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    decided_at = models.DateTimeField(null=True, editable=False)
    read_at = models.DateTimeField(null=True, editable=False)
    lines = models.BigIntegerField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]
        permissions = [("approve_archivereading", "Can approve or reject that an archive is read back")]
        constraints = [
            models.CheckConstraint(
                name="nobody_approves_the_reading_they_asked_for", condition=Q(decided_by="") | ~Q(decided_by=F("asked_by")),
            ),
            models.CheckConstraint(
                name="a_reading_of_one_person_never_becomes_one_of_all",
                condition=Q(of_erased_person=False) | Q(person__isnull=True, state__in=[RequestState.REJECTED, RequestState.DONE]),
            ),
        ]

    def __str__(self) -> str:
        return self.reference
