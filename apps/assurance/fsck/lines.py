"""The journal's file, line by line: chained, signed, one line for each row, and one for each act that it must tell of."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from apps.assurance.fsck.looking import Finding, House, canonical, is_signed

#: acts that stand in a table, and the kind of line that each must have exactly once
ACTS = {
    "matter.opened": "SELECT reference FROM holds_matter",
    "hold.placed": "SELECT reference FROM holds_hold",
    "hold.released": "SELECT reference FROM holds_hold WHERE state = 'released'",
    "message.deleted_early": "SELECT reference FROM retention_earlydeletion",
    "provider.ended": "SELECT reference FROM providers_provider WHERE state = 'ended'",
    "agreement.ended": "SELECT reference FROM providers_agreement WHERE state = 'ended'",
    "grant.withdrawn": "SELECT reference FROM providers_grant WHERE state = 'withdrawn'",
    "country_exception.withdrawn": "SELECT reference FROM gate_countryexception WHERE state = 'withdrawn'",
    "archive.closed": "SELECT reference FROM retention_archive WHERE state <> 'open'",
    "destruction.intended": "SELECT reference FROM retention_destruction WHERE state <> 'due'",
    "destruction.done": "SELECT reference FROM retention_destruction WHERE state IN ('truncated', 'done')",
}
#: what a restored database has done again may have its line again
AGAIN = ("destruction.intended", "destruction.done")
REPLAYED = "restore.replayed"
#: one line for many deletions
TOGETHER = "messages.deleted_early"

ROWS = "SELECT id::text, kind, about, body::text, created_at, sequence, digest FROM audit_journalentry ORDER BY sequence"


@dataclass(frozen=True)
class Line:
    """A line that could be read. `place` counts from 0, as the line itself should."""

    place: int
    entry: str
    kind: str
    about: str
    body: dict
    at: datetime
    digest: bytes


def read(house: House) -> tuple[list[Line], list[Finding]]:
    """The lines of the journal, and what is wrong with the file itself; read once in an examination."""
    if house.journal is None:
        house.journal = _read(house)
    return house.journal


def _read(house: House) -> tuple[list[Line], list[Finding]]:
    path, found, lines = house.folder / "journal" / "journal.ndjson", [], []
    if not path.is_file():
        return [], [Finding("journal", "Its file is missing.")]
    public, previous, own = house.public_key("journal"), bytes(32), house.rows("SELECT installation_id::text AS id FROM audit_installation")
    with path.open("rb") as file:
        for place, raw in enumerate(file):
            name = f"journal line {place + 1}"
            if not raw.endswith(b"\n"):
                found.append(Finding(name, "It breaks off."))
                break
            raw = raw[:-1]
            digest = hashlib.sha256(raw).digest()
            try:
                content = json.loads(raw)
                signature = bytes.fromhex(content.pop("signature"))
                line = Line(
                    place, content["entry"], content["kind"], content["about"], content["body"], datetime.fromisoformat(content["at"]), digest
                )
                told, before, whose = content["sequence"], content["previous"], content["installation"]
            except (ValueError, KeyError, TypeError, AttributeError):
                found.append(Finding(name, "It can't be read."))
                previous = digest
                continue
            if canonical(content | {"signature": signature.hex()}) != raw or not is_signed(public, canonical(content), signature):
                found.append(Finding(name, "It is not signed by this installation as it stands."))
            if told != place:
                found.append(Finding(name, f"It says it is number {told}."))
            if before != previous.hex():
                found.append(Finding(name, "It does not continue the line before it."))
            if [whose] != [row.id for row in own]:
                found.append(Finding(name, "It belongs to another installation than the database."))
            previous = digest
            lines.append(line)
    house.count("journal lines", len(lines))
    return lines, found


def check(house: House) -> Iterator[Finding]:
    """The file, and file against rows."""
    lines, found = read(house)
    yield from found
    by_entry = {line.entry: line for line in lines}
    for entry, times in Counter(line.entry for line in lines).items():
        if times > 1:
            yield Finding(f"journal entry {entry}", f"It stands in the journal {times} times.")
    known = set()
    for row in house.stream(ROWS):
        known.add(row.id)
        house.count("journal rows")
        line, name = by_entry.get(row.id), f"{row.kind} {row.about}"
        if line is None:
            yield Finding(name, "It is a row of the journal and no line." if row.sequence else "It is owed to the journal and not written.")
        elif row.sequence is None:
            yield Finding(name, "It is a line of the journal, and its row is not marked.")
        elif (row.sequence, bytes(row.digest)) != (line.place, line.digest):
            yield Finding(name, "Its row names another line, or other bytes.")
        elif (row.kind, row.about, canonical(json.loads(row.body))) != (line.kind, line.about, canonical(line.body)):
            yield Finding(name, "Row and line of the journal say different things.")
        elif row.created_at.astimezone(UTC) != line.at:
            yield Finding(name, "Row and line of the journal name different times.")
    for line in lines[1:]:
        if line.entry not in known:
            yield Finding(f"{line.kind} {line.about}", "It is a line of the journal and no row: the database was restored.")
    yield from _acts(house, lines)


def _acts(house: House, lines: list[Line]) -> Iterator[Finding]:
    """Each act that must be told is told once, and nothing is told that nobody did."""
    told: dict[str, dict[str, list[Line]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        told[line.kind][line.about].append(line)
        if line.kind == TOGETHER:
            for reference in line.body["deletions"]:
                told["message.deleted_early"][reference].append(line)
    replays = [line.place for line in lines if line.kind == REPLAYED]
    for kind, query in ACTS.items():
        done = {row.reference for row in house.rows(query)}
        house.count(f"acts: {kind}", len(done))
        for reference in sorted(done - set(told[kind])):
            yield Finding(reference, f"The journal has no line {kind} about it.")
        for reference, said in sorted(told[kind].items()):
            if reference not in done and not replays:
                yield Finding(reference, f"The journal has a line {kind} about it, and the database no such act.")
            for one, other in zip(said, said[1:], strict=False):
                if kind not in AGAIN or not any(one.place < place < other.place for place in replays):
                    yield Finding(reference, f"The journal tells {kind} about it twice.")
