"""How P06 is proven for holds: by SQL on the rows and by reading the journal's file, sharing nothing with the services.

Each check says how many rows it looked at; one that had nothing to look at proves nothing and says so.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

from apps.foundation.promises import Check, Looked, Violation, fetch_named

#: a ring writes what the journal is owed at once, the sweep within a minute
TIME_TO_WRITE = timedelta(minutes=10)
SHORTEST_GRACE = timedelta(days=1)
RELEASED, PLACED = "hold.released", "hold.placed"


def _entries(kind: str) -> dict[str, dict]:
    """What the database says that the journal says, by what it is about: the first entry of a kind counts."""
    found = {}
    for row in fetch_named(
        "SELECT id, about, body, created_at, sequence FROM audit_journalentry WHERE kind = %s ORDER BY created_at DESC, id", [kind]
    ):
        if isinstance(row["body"], str):
            row["body"] = json.loads(row["body"])
        found[row["about"]] = row
    return found


def _lines() -> dict[str, dict] | None:
    """Every line of the journal's file about holds, by its entry; None where there is no file."""
    path = Path(settings.COVENANT_HOME) / "journal" / "journal.ndjson"
    found = {}
    try:
        with open(path, "rb") as file:
            for raw in file:
                if b'"hold.' not in raw or not raw.endswith(b"\n"):
                    continue
                line = json.loads(raw)
                if line["kind"] in (RELEASED, PLACED):
                    found[line["entry"]] = line
    except FileNotFoundError:
        return None
    return found


def every_release_took_two_and_kept_its_grace(at: datetime) -> Looked:
    """Each released hold: asked by one, released by another, for a reason, with its grace, as approvals and journal say."""
    rows = fetch_named(
        "SELECT h.reference, h.release_asked_by, h.release_reason, h.released_by, h.released_at, h.kept_until,"
        " (SELECT count(*) FROM staff_approval a JOIN staff_staffmember asker ON asker.id = a.asked_by_id"
        "  JOIN staff_staffmember decider ON decider.id = a.decided_by_id"
        "  WHERE a.act = 'holds.release_hold' AND a.subject = h.reference AND a.verdict = 'approved' AND asker.id <> decider.id"
        "  AND 'staff:' || asker.reference = h.release_asked_by AND 'staff:' || decider.reference = h.released_by) AS approved,"
        " EXISTS (SELECT 1 FROM audit_event e WHERE e.verb = 'hold.released_again' AND e.object = h.reference) AS replayed"
        " FROM holds_hold h WHERE h.state <> 'active' OR h.released_at IS NOT NULL ORDER BY h.id"
    )
    journal = _entries(RELEASED)
    found = []
    for row in rows:
        found += [Violation(row["reference"], why) for why in _wrong_with_release(row, journal.get(row["reference"]))]
    return Looked(len(rows), tuple(found))


def _wrong_with_release(row: dict, entry: dict | None) -> list[str]:
    wrong = []
    if not row["released_by"] or not row["release_asked_by"]:
        wrong.append("was released, and nobody knows by whom or at whose request")
    elif row["released_by"] == row["release_asked_by"]:
        wrong.append("was released by who asked for it")
    elif not row["approved"] and not row["replayed"]:
        wrong.append("was released without an approval of somebody else")
    if not row["release_reason"].strip():
        wrong.append("was released without a reason")
    if row["released_at"] is None or row["kept_until"] is None:
        return [*wrong, "was released without a grace"]
    if row["kept_until"] - row["released_at"] < SHORTEST_GRACE:
        wrong.append("was released with less than a day of grace")
    if entry is None:
        wrong.append("was released, and the journal knows nothing of it")
    elif _differs_from_journal(row, entry["body"]):
        wrong.append("was released otherwise than the journal says")
    return wrong


def _differs_from_journal(row: dict, body: dict) -> bool:
    said = (body["asked_by"], body["by"], datetime.fromisoformat(body["kept_until"]), timedelta(days=body["grace_days"]))
    return said != (row["release_asked_by"], row["released_by"], row["kept_until"], row["kept_until"] - row["released_at"])


def nothing_held_changed_its_scope(at: datetime) -> Looked:
    """Each hold keeps what it kept when it was placed, as journal and ledger say, and its person is that person."""
    rows = fetch_named(
        "SELECT h.reference, m.reference AS matter, coalesce(o.reference, '') AS organization, h.person_reference AS person,"
        " h.conversation_source, h.conversation_id, h.salt, h.sent_from, h.sent_until, p.reference AS points_to, e.facts"
        " FROM holds_hold h JOIN holds_matter m ON m.id = h.matter_id LEFT JOIN accounts_organization o ON o.id = h.organization_id"
        " LEFT JOIN accounts_person p ON p.id = h.person_id"
        " LEFT JOIN LATERAL (SELECT facts FROM audit_event WHERE verb = 'hold.placed' AND object = h.reference"
        "  ORDER BY id LIMIT 1) e ON true ORDER BY h.id"
    )
    journal = _entries(PLACED)
    found = []
    for row in rows:
        now = _scope(row)
        entry = journal.get(row["reference"])
        facts = json.loads(row["facts"]) if isinstance(row["facts"], str) else row["facts"]
        if entry is not None and _changed(now, entry["body"]):
            found.append(Violation(row["reference"], f"no longer keeps what the journal says: {_changed(now, entry['body'])}"))
        if facts is not None and _changed(now, facts):
            found.append(Violation(row["reference"], f"no longer keeps what the ledger says: {_changed(now, facts)}"))
        if entry is None and facts is None:
            found.append(Violation(row["reference"], "neither journal nor ledger knows what it kept when it was placed"))
        if row["points_to"] not in (None, row["person"]):
            found.append(Violation(row["reference"], "points to another person than it names"))
    return Looked(len(rows), tuple(found))


def _scope(row: dict) -> dict[str, str]:
    conversation = ""
    if row["conversation_id"] or row["conversation_source"]:
        words = json.dumps([row["conversation_source"], row["conversation_id"]], separators=(",", ":"), ensure_ascii=False)
        conversation = hashlib.sha256(b"\x02" + bytes(row["salt"]) + words.encode()).hexdigest()
    days = {name: row[name].isoformat() if row[name] else "" for name in ("sent_from", "sent_until")}
    return {name: row[name] for name in ("matter", "organization", "person")} | {"conversation": conversation} | days


def _changed(now: dict[str, str], before: dict) -> str:
    """Which parts of a scope differ, by name."""
    return ", ".join(name for name, value in now.items() if before.get(name) != value)


def every_hold_in_force_stands_in_the_journal(at: datetime) -> Looked:
    """Each hold in force has its line, on disk and the same as its row; no hold of the journal is missing or held again."""
    lines = _lines()
    rows = fetch_named("SELECT reference, state, kept_until, placed_at FROM holds_hold ORDER BY id")
    placed, released = _entries(PLACED), _entries(RELEASED)
    found = []
    in_force = [row for row in rows if row["state"] == "active" or (row["kept_until"] and row["kept_until"] > at)]
    if lines is not None and any(_is_missing(placed.get(row["reference"]), lines) for row in in_force):
        lines = _lines()  # a line may have come between reading the file and reading the rows
    for row in in_force:
        why = _wrong_in_journal(placed.get(row["reference"]), lines, at)
        found += [Violation(row["reference"], why)] if why else []
        if row["state"] == "active" and row["reference"] in released:
            found.append(Violation(row["reference"], "is in force, and the journal says that it was released"))
    known = {row["reference"] for row in rows}
    for line in (lines or {}).values():
        if line["kind"] == PLACED and line["about"] not in known and _has_settled(line["at"], at):
            found.append(Violation(line["about"], "was placed as the journal says, and the database does not know it"))
    held = [line for line in (lines or {}).values() if line["kind"] == PLACED]
    return Looked(max(len(in_force), len(held)), tuple(found))


def _is_missing(entry: dict | None, lines: dict[str, dict]) -> bool:
    return entry is not None and entry["sequence"] is not None and str(entry["id"]) not in lines


def _wrong_in_journal(entry: dict | None, lines: dict[str, dict] | None, at: datetime) -> str:
    if entry is None:
        return "is in force, and the journal is not even owed a line about it"
    if entry["sequence"] is None:
        return "" if not _has_settled(entry["created_at"], at) else "is in force, and the journal still lacks its line"
    if lines is None:
        return "is in force, and the journal's file is missing"
    line = lines.get(str(entry["id"]))
    if line is None:
        return "is in force, and the journal's file has no line about it"
    same = (line["kind"], line["about"], line["body"], line["sequence"])
    return "" if same == (PLACED, entry["about"], entry["body"], entry["sequence"]) else "its line in the journal's file is another one"


def _has_settled(moment: datetime | str, at: datetime) -> bool:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.astimezone(UTC) < at - TIME_TO_WRITE


CHECKS = (
    Check("P06", "holds.released", "Every hold was released by a second person, for a reason, and kept its grace",
          every_release_took_two_and_kept_its_grace),
    Check("P06", "holds.scope", "No hold changed what it keeps after it was placed", nothing_held_changed_its_scope),
    Check("P06", "holds.journalled", "Every hold in force stands in the journal", every_hold_in_force_stands_in_the_journal),
)  # fmt: skip
