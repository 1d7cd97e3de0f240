"""What proves an end: the independent scans, what was handed over, the evidence for an auditor, and who is erased."""

from django.db import models
from django.db.models import F, Q

from apps.data_requests.models.requests import DataRequest
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference


def package_reference() -> str:
    return new_reference("PKG")


def scan_reference() -> str:
    return new_reference("SCN")


def evidence_reference() -> str:
    return new_reference("EVD")


class Scan(models.Model):
    """One search through every table, history and file for what is left of a person. Where it found something is named, never what."""

    NOT_PERSONAL = ("id", "reference", "request", "number", "at", "seconds", "tables", "columns", "files", "bytes", "findings", "excused", "is_clean")

    reference = models.CharField(max_length=20, unique=True, default=scan_reference, editable=False)
    request = models.ForeignKey(DataRequest, on_delete=models.CASCADE, related_name="scans")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    seconds = models.PositiveIntegerField(default=0)
    tables = models.PositiveIntegerField()
    columns = models.PositiveIntegerField()
    files = models.PositiveIntegerField()
    bytes = models.BigIntegerField()
    findings = models.JSONField(default=list, help_text="[{place, what, count}], without any value")
    excused = models.JSONField(default=list, help_text="[{place, what, count, because}]: found, and lawfully there")
    is_clean = models.BooleanField()

    class Meta:
        ordering = ["request", "-number"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(name="scans_of_a_request_are_counted", fields=["request", "number"]),
            models.CheckConstraint(name="a_clean_scan_found_nothing", condition=Q(is_clean=False) | Q(findings=[])),
        ]

    def __str__(self) -> str:
        return self.reference


class Package(models.Model):
    """What is handed to a person: one zip, encrypted at rest under the secret `package/<reference>`, gone after its days.

    The row comes first and is the work list: whatever lies in COVENANT_HOME/packages under its reference belongs to it, from the first
    collected piece on, and what belongs to no row, or to one that says it was destroyed, is cleared.
    """

    NOT_PERSONAL = (
        "id", "reference", "request", "began_at", "categories", "holdings", "digest", "size", "sealed_digest", "made_at", "expires_at", "disclosure",
        "fetched_at", "fetches", "destroyed_at",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=package_reference, editable=False)
    request = models.OneToOneField(DataRequest, on_delete=models.CASCADE, related_name="package")
    began_at = models.DateTimeField()
    categories = models.JSONField(default=list, help_text="Of the data in it, by code.")
    holdings = models.JSONField(default=list, help_text="What it was made of: [{code, rows, files}].")
    digest = models.BinaryField(max_length=32, null=True, help_text="Of the zip.")
    sealed_digest = models.BinaryField(max_length=32, null=True, help_text="Of the file as it lies, encrypted.")
    size = models.BigIntegerField(null=True, help_text="Of the zip, in bytes.")
    made_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    disclosure = models.CharField(max_length=20, blank=True, help_text="By which the gate recorded it, when it was fetched last.")
    fetched_at = models.DateTimeField(null=True)
    fetches = models.PositiveSmallIntegerField(default=0)
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="a_package_that_was_made_says_what_it_is_and_ends",
                condition=Q(made_at__isnull=True, digest__isnull=True, sealed_digest__isnull=True, size__isnull=True, expires_at__isnull=True)
                | Q(
                    made_at__isnull=False, digest__isnull=False, sealed_digest__isnull=False, size__isnull=False, expires_at__isnull=False,
                    expires_at__gt=F("made_at"),
                ),
            ),
            models.CheckConstraint(
                name="what_was_fetched_was_let_out_by_the_gate",
                condition=Q(fetches=0, fetched_at__isnull=True, disclosure="") | Q(fetches__gt=0, fetched_at__isnull=False) & ~Q(disclosure=""),
            ),
        ]
        indexes = [models.Index(fields=["expires_at", "id"], name="package_by_end", condition=Q(destroyed_at__isnull=True))]

    def __str__(self) -> str:
        return self.reference


class Evidence(models.Model):
    """What an auditor gets of a request: signed, of references, keyed hashes, counts and days alone; kept 24 months."""

    NOT_PERSONAL = ("id", "reference", "request", "document", "signature", "digest", "made_at", "kept_until")

    reference = models.CharField(max_length=20, unique=True, default=evidence_reference, editable=False)
    request = models.OneToOneField(DataRequest, on_delete=models.CASCADE, related_name="evidence")
    document = models.BinaryField(help_text="Canonical JSON.")
    digest = models.BinaryField(max_length=32)
    signature = models.BinaryField(max_length=64)
    made_at = models.DateTimeField()
    kept_until = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "evidence"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.reference


class ErasedPerson(models.Model):
    """That somebody was erased: their reference and keyed hashes of what they were known by, by which a restore and a check find them again."""

    NOT_PERSONAL = ("id", "person_reference", "request_reference", "began_at", "done_at", "kept_until")

    person_reference = models.CharField("person", max_length=20, unique=True, help_text="Names nobody by itself.")
    request_reference = models.CharField(max_length=20)
    digests = personal(
        models.BinaryField(help_text="Keyed hashes of addresses, phones and ids, 32 bytes each, one behind the other."),
        DataCategory.IDENTITY, Purpose.LEGAL,
    )  # fmt: skip
    began_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    kept_until = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "erased people"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.person_reference
