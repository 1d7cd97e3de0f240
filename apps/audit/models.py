"""The ledger of acts, the marks of the signed journal, heartbeats, and the installation's identity.

Nothing here is ever changed or removed by the application, except the personal detail of an event, which can be erased
without breaking the proof. The database refuses the rest (migration 0003).
"""

import uuid

from django.db import models
from django.db.models import F, Func, Q

from apps.foundation.personal_data import DataCategory, Purpose, personal

#: the 64-bit id of the running transaction, which never wraps around (PostgreSQL 13 and later)
CURRENT_TRANSACTION = Func(template="((pg_current_xact_id())::text)::bigint", output_field=models.BigIntegerField())

#: which server this is: its transaction ids say nothing about those of another, e.g. after moving house by a dump
CURRENT_CLUSTER = Func(template="(pg_control_system()).system_identifier", output_field=models.BigIntegerField())


class Installation(models.Model):
    """One row: who this database is. The journal is bound to it, so that another installation's journal is refused."""

    NOT_PERSONAL = ("id", "installation_id", "created_at")

    installation_id = models.UUIDField(default=uuid.uuid4, unique=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(name="there_is_one_installation", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"installation {self.installation_id}"


class Event(models.Model):
    """The public part of an act: who (by reference), what, to what, when. No free text and no personal data."""

    NOT_PERSONAL = ("id", "at", "verb", "object", "facts", "commitment", "transaction", "cluster")

    at = models.DateTimeField()
    actor = personal(models.CharField(max_length=60), DataCategory.WORK_RECORD, Purpose.LEGAL)
    verb = models.CharField(max_length=60)
    object = models.CharField(max_length=80, help_text="Reference of what it was done to")
    facts = models.JSONField(default=dict, help_text="Numbers, codes, dates, digests and references only")
    commitment = models.BinaryField(max_length=32, null=True, help_text="Binds the erasable detail, where there is one")
    transaction = models.BigIntegerField(
        db_default=CURRENT_TRANSACTION, help_text="The database transaction it was written in; seals wait for older ones"
    )
    cluster = models.BigIntegerField(
        db_default=CURRENT_CLUSTER, help_text="The database server that numbered the transaction"
    )

    class Meta:
        ordering = ["-id"]
        verbose_name = "ledger entry"
        verbose_name_plural = "ledger"
        indexes = [
            models.Index(fields=["object", "-id"], name="event_by_object"),
            models.Index(fields=["actor", "-id"], name="event_by_actor"),
            models.Index(fields=["verb", "-id"], name="event_by_verb"),
            models.Index(fields=["at", "id"], name="event_by_time"),
            models.Index(fields=["cluster", "transaction", "id"], name="event_by_transaction"),
        ]
        permissions = [("export_event", "Can export the ledger")]

    def __str__(self) -> str:
        return f"E{self.pk}"


class EventDetail(models.Model):
    """The personal detail of an event. Erasing the row keeps the event and its seal valid (salted commitment)."""

    NOT_PERSONAL = ("id", "event", "salt")

    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="detail")
    salt = models.BinaryField(max_length=32)
    detail = personal(models.JSONField(), DataCategory.WORK_RECORD, Purpose.LEGAL)

    def __str__(self) -> str:
        return f"detail of E{self.event_id}"


class LedgerSeal(models.Model):
    """A signed Merkle root over exactly the events of a run of transactions, chained to the seal before it.

    It covers every event of `cluster` with `from_transaction` ≤ transaction < `horizon`. All of those transactions had
    ended when it was made, so an event that appears among them later was put there by hand. `leaves` holds (id, leaf
    hash) of each event, so that a verification can name the row; it is bound by the root and adds no trust of its own.
    """

    NOT_PERSONAL = (
        "id", "number", "first_event", "last_event", "count", "root", "previous", "sealed_at", "signature", "horizon",
        "cluster", "from_transaction", "leaves",
    )  # fmt: skip

    number = models.BigIntegerField(unique=True)
    first_event = models.BigIntegerField()
    last_event = models.BigIntegerField()
    count = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    leaves = models.BinaryField()
    previous = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField()
    signature = models.BinaryField(max_length=64)
    cluster = models.BigIntegerField(help_text="The database server that numbered the transactions")
    from_transaction = models.BigIntegerField(help_text="First transaction covered")
    horizon = models.BigIntegerField(help_text="Transactions below it had ended when the seal was made")

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(
                name="a_seal_covers_a_run_of_transactions", condition=Q(from_transaction__lt=F("horizon"))
            ),
            models.CheckConstraint(name="a_seal_covers_some_event", condition=Q(count__gt=0)),
        ]

    def __str__(self) -> str:
        return f"seal {self.number}"


class JournalEntry(models.Model):
    """What the journal must hold. The row comes first (with the act it belongs to), the line in the file second.

    `sequence` and `digest` are filled when the line is on disk: a row without them is owed to the journal.
    """

    NOT_PERSONAL = ("id", "kind", "about", "body", "created_at", "sequence", "digest")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=40)
    about = models.CharField(max_length=80)
    body = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    sequence = models.BigIntegerField(null=True, unique=True)
    digest = models.BinaryField(max_length=32, null=True)

    class Meta:
        verbose_name_plural = "journal entries"
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="a_journalled_entry_has_sequence_and_digest",
                condition=Q(sequence__isnull=True, digest__isnull=True) | Q(sequence__isnull=False, digest__isnull=False),
            )
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="journal_entry_owed", condition=Q(sequence__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.about}"


class Heartbeat(models.Model):
    """When a part of the machine was last heard from; the clock guard compares it with the present."""

    NOT_PERSONAL = ("name", "at")

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
