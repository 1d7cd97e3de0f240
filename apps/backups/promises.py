"""How P22 and P19 are checked for backups: by SQL on the register and by reading the journal's file, without the services.

A backup is outside the live system, so no query can see it. What can be seen is whether its register keeps its own word.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

from apps.foundation.promises import Check, Looked, Violation, fetch

IDS_A_QUERY = 1_000
MOST_NAMED = 100
#: a drill takes minutes; one that never ended was killed and left a copy of everything behind
LONGEST_DRILL = timedelta(hours=6)


def no_backup_outlives_its_day(at: datetime) -> Looked:
    """Every backup past its last day was destroyed, and none holds the keys that would bring back what it holds."""
    today = at.astimezone(UTC).date()
    rows = fetch("SELECT reference, kept_until, destroyed_at, holds_keystore FROM backups_backup")
    found = []
    for reference, until, destroyed_at, with_keys in rows:
        if destroyed_at is None and until < today:
            found.append(Violation(reference, f"was to be destroyed by {until.isoformat()} and nobody said that it was"))
        if destroyed_at is None and with_keys:
            found.append(Violation(reference, "holds the keystore, so that what is destroyed can be had back from it"))
    return Looked(len(rows), tuple(found))


def every_restore_was_replayed(at: datetime) -> Looked:
    """What was found was replayed to its end, and the database knows every entry of the journal."""
    restores = fetch("SELECT reference, first_missing, entries, replayed_at FROM backups_restore")
    found = [
        Violation(reference, f"{entries} entries from {first} on are not replayed")
        for reference, first, entries, replayed_at in restores
        if replayed_at is None
    ]
    lines = 0
    for chunk in _chunks(_entries()):
        lines += len(chunk)
        known = {str(entry) for (entry,) in fetch("SELECT id FROM audit_journalentry WHERE id = ANY(%s::uuid[])", [list(chunk)])}
        found += [Violation(f"journal entry {chunk[entry]}", "the database does not know it: it was restored") for entry in chunk if entry not in known]
    return Looked(len(restores) + lines, tuple(found[:MOST_NAMED]))


def restores_are_drilled(at: datetime) -> Looked:
    """The last drill ended well, none left its copy behind, and who keeps backups has drilled lately."""
    since = at - timedelta(days=settings.RESTORE_DRILL_EVERY_DAYS)
    drills = fetch("SELECT reference, started_at, ended_at, outcome FROM backups_drill ORDER BY id DESC")
    found = [
        Violation(reference, f"began on {started.date().isoformat()} and never ended: its copy may still lie about")
        for reference, started, ended, _outcome in drills
        if ended is None and started < at - LONGEST_DRILL
    ]
    ended = [drill for drill in drills if drill[2] is not None]
    if ended and ended[0][3] == "found":
        found.append(Violation(ended[0][0], "the last drill found something that a restore would bring back"))
    old = fetch("SELECT reference FROM backups_backup WHERE destroyed_at IS NULL AND holds_database AND made_at < %s ORDER BY made_at", [since])
    if old and not any(outcome in ("well", "found") and when >= since for _reference, _started, when, outcome in ended):
        found.append(Violation(old[0][0], f"is older than {settings.RESTORE_DRILL_EVERY_DAYS} days and no restore was drilled since"))
    return Looked(len(drills) + len(old), tuple(found))


def no_backup_lies_abroad_without_reason(at: datetime) -> Looked:
    """Each lies in the United States, or says why not."""
    rows = fetch("SELECT reference, country, btrim(country_reason) FROM backups_backup WHERE destroyed_at IS NULL")
    return Looked(
        len(rows),
        tuple(Violation(reference, f"lies in {country} without a reason") for reference, country, reason in rows if country != "US" and not reason),
    )


def _entries() -> Iterator[tuple[str, int]]:
    """Entry and number of each whole line of the journal's file but the opening one."""
    path = Path(settings.COVENANT_HOME) / "journal" / "journal.ndjson"
    if not path.exists():
        return
    with open(path, "rb") as file:
        for number, raw in enumerate(file):
            if number and raw.endswith(b"\n"):
                yield json.loads(raw)["entry"], number


def _chunks(entries: Iterator[tuple[str, int]]) -> Iterator[dict[str, int]]:
    chunk: dict[str, int] = {}
    for entry, number in entries:
        chunk[entry] = number
        if len(chunk) == IDS_A_QUERY:
            yield chunk
            chunk = {}
    if chunk:
        yield chunk


CHECKS: tuple[Check, ...] = (
    Check("P22", "backups.life", "No backup outlives its day, and none holds the keys", no_backup_outlives_its_day),
    Check("P22", "backups.replayed", "Every restored database had its destructions repeated", every_restore_was_replayed),
    Check("P22", "backups.drilled", "Restores are drilled, and drills end well", restores_are_drilled),
    Check("P19", "backups.country", "No backup lies outside the United States without a reason", no_backup_lies_abroad_without_reason),
)
