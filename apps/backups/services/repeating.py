"""How a replay repeats the acts of this floor and of the ledger below it. Each is called with a line of the journal.

They are told about in the table of handlers (config/replay.py), in whose transaction they run. Twice is once.
"""

from datetime import date, datetime

from apps.audit.journal_file import Line
from apps.backups.models import Backup, Restore

REASON_LOST = "recorded before a restore, its text was lost; SHA-256 "


def seal_named(line: Line, *, at: datetime) -> None:
    """A seal that the backup does not hold covered events that it does not hold either: there is nothing to repeat.

    The line stays as the proof that they existed; the seals of the restored ledger go on with their own numbers.
    """


def backup_registered(line: Line, *, at: datetime) -> None:
    """The register of the restored database learns of a backup that was made later, even of the one it was restored from."""
    body = line.body
    Backup.objects.get_or_create(
        reference=line.about,
        defaults={
            **{f"holds_{part}": part in body["holds"] for part in ("database", "files", "keystore")},
            "made_at": datetime.fromisoformat(body["made_at"]), "place": body["place"], "country": body["country"],
            "country_reason": REASON_LOST + body["reason_digest"] if body["reason_digest"] else "",
            "kept_until": date.fromisoformat(body["kept_until"]), "method": body["method"],
            "sha256": bytes.fromhex(body["sha256"]) if body["sha256"] else None,
            "registered_at": line.at, "registered_by": body["by"],
        },
    )  # fmt: skip


def backup_destroyed(line: Line, *, at: datetime) -> None:
    backup = Backup.objects.select_for_update().get(reference=line.about)
    if backup.destroyed_at is None:
        backup.destroyed_at, backup.destroyed_by = datetime.fromisoformat(line.body["when"]), line.body["by"]
        backup.save(update_fields=["destroyed_at", "destroyed_by"])


def restore_replayed(line: Line, *, at: datetime) -> None:
    """An earlier restore that this, older backup does not know of."""
    body = line.body
    Restore.objects.get_or_create(
        reference=line.about,
        defaults={
            "found_at": datetime.fromisoformat(body["found_at"]), "since": datetime.fromisoformat(body["since"]),
            "first_missing": body["first"], "entries": body["entries"], "found": body["found"],
            "replayed_at": line.at, "replayed": body["replayed"],
        },
    )  # fmt: skip
