"""Backups with their life, restores that were found, and drills. The database refuses to rewrite any of it (migration 0002).

A row names a backup by where it lies, never holds one. Registered, destroyed and replayed stand in the journal too: the
register of a restored database is as old as its backup, and must learn of those made since.
"""

from datetime import UTC, date, datetime

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce

from apps.backups.querysets import BackupQuerySet, DrillQuerySet, RestoreQuerySet
from apps.backups.states import Method, Outcome, Standing
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference

HOME_COUNTRY = "US"
NEVER = datetime(1, 1, 1, tzinfo=UTC)


def backup_reference() -> str:
    return new_reference("BKP")


def restore_reference() -> str:
    return new_reference("RST")


def drill_reference() -> str:
    return new_reference("DRL")


class Backup(models.Model):
    """One copy of data outside the live system, with the day on which it is gone at the latest."""

    NOT_PERSONAL = (
        "id", "reference", "holds_database", "holds_files", "holds_keystore", "made_at", "place", "country", "kept_until",
        "method", "sha256", "registered_at", "destroyed_at",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=backup_reference, editable=False)
    holds_database = models.BooleanField("holds the database", default=True)
    holds_files = models.BooleanField("holds files", default=False, help_text="For example mails written to a folder, or static files.")
    holds_keystore = models.BooleanField(
        "holds the keystore", default=False,
        help_text="It must not: with the keys of its day a backup brings back what was destroyed since. Shown as a finding until it is destroyed.",
    )  # fmt: skip
    made_at = models.DateTimeField(help_text="UTC")
    place = models.CharField(max_length=80, help_text="Where it lies, without spaces, for example s3://backups.example/nightly")
    country = models.CharField(max_length=2, default=HOME_COUNTRY, help_text="Two letters, ISO 3166. Another one than US needs its reason.")
    country_reason = personal(
        models.CharField(
            "reason for another country", max_length=200, blank=True, help_text="Why it may lie outside the United States. No names of persons."
        ),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )  # fmt: skip
    kept_until = models.DateField(help_text="On this day at the latest it is destroyed")
    method = models.CharField("method of destruction", max_length=20, choices=Method.choices)
    sha256 = models.BinaryField("SHA-256", max_length=32, null=True, blank=True, help_text="Of the dump file, where it is one file")
    registered_at = models.DateTimeField(editable=False)
    registered_by = personal(models.CharField(max_length=60, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    destroyed_at = models.DateTimeField(null=True, blank=True, editable=False)
    destroyed_by = personal(models.CharField(max_length=60, blank=True, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)

    objects = BackupQuerySet.as_manager()

    class Meta:
        ordering = ["-made_at", "-id"]
        permissions = [("mark_destroyed", "Can say that a backup was destroyed")]
        constraints = [
            models.CheckConstraint(
                name="a_backup_holds_something", condition=Q(holds_database=True) | Q(holds_files=True) | Q(holds_keystore=True)
            ),
            models.CheckConstraint(name="a_backups_country_is_two_capitals", condition=Q(country__regex=r"^[A-Z]{2}$")),
            models.CheckConstraint(
                name="a_backup_in_another_country_has_its_reason", condition=Q(country=HOME_COUNTRY) | ~Q(country_reason="")
            ),
            models.CheckConstraint(
                name="a_destroyed_backup_says_when_and_by_whom",
                condition=Q(destroyed_at__isnull=True, destroyed_by="") | (Q(destroyed_at__isnull=False) & ~Q(destroyed_by="")),
            ),
            models.UniqueConstraint(
                name="a_dump_is_registered_once_where_it_lies", fields=["sha256", "place"], condition=Q(sha256__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["kept_until", "id"], name="backup_kept", condition=Q(destroyed_at__isnull=True)),
            models.Index(fields=["-made_at", "-id"], name="backup_by_age"),
        ]

    def __str__(self) -> str:
        return self.reference

    def standing(self, today: date) -> Standing:
        if self.destroyed_at is not None:
            return Standing.DESTROYED
        return Standing.OVERDUE if self.kept_until < today else Standing.KEPT

    @property
    def holds(self) -> list[str]:
        """What it holds, as codes."""
        return [name for name in ("database", "files", "keystore") if getattr(self, f"holds_{name}")]


class Restore(models.Model):
    """The database was found to be restored from a backup; closed when everything it lacked was replayed."""

    NOT_PERSONAL = ("id", "reference", "found_at", "first_missing", "entries", "since", "found", "replayed_at", "replayed")

    reference = models.CharField(max_length=20, unique=True, default=restore_reference, editable=False)
    found_at = models.DateTimeField()
    first_missing = models.BigIntegerField(help_text="The first entry of the journal that the database did not know")
    entries = models.BigIntegerField(help_text="How many it did not know")
    since = models.DateTimeField(help_text="When the first of them was written: the backup is older")
    found = models.JSONField(default=dict, help_text="How many of each kind it did not know")
    replayed_at = models.DateTimeField(null=True)
    replayed = models.JSONField(default=dict, help_text="How many of each kind were repeated")

    objects = RestoreQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(Coalesce("replayed_at", Value(NEVER)), name="one_restore_is_open_at_a_time"),
            models.CheckConstraint(name="a_restore_lacks_something", condition=Q(entries__gt=0, first_missing__gt=0)),
        ]

    def __str__(self) -> str:
        return self.reference


class Drill(models.Model):
    """One exercise of a restore on a copy, and what it found. While it runs, a copy of everything lies about."""

    NOT_PERSONAL = (
        "id", "reference", "started_at", "ended_at", "outcome", "dump_sha256", "scratch", "entries", "report",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=drill_reference, editable=False)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    by = personal(models.CharField(max_length=60), DataCategory.WORK_RECORD, Purpose.LEGAL)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.RUNNING)
    dump_sha256 = models.BinaryField(max_length=32, null=True, help_text="Of the given dump; none where a fresh one was taken")
    scratch = models.CharField(max_length=63, blank=True, help_text="Name of the database it was restored into")
    entries = models.BigIntegerField(null=True, help_text="How many entries of the journal the copy did not know")
    report = models.JSONField(default=dict, help_text="Counts, codes and references")

    objects = DrillQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="a_drill_that_is_over_says_when",
                condition=Q(outcome=Outcome.RUNNING, ended_at__isnull=True) | (~Q(outcome=Outcome.RUNNING) & Q(ended_at__isnull=False)),
            )
        ]

    def __str__(self) -> str:
        return self.reference
