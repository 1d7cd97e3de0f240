"""Archives: what is closed lies at its place as its manifest says, what is owed was there before it was destroyed.

Only places in a folder of ours are read here; what lies on other servers is checked by `manage.py verify_archive` from a
copy, and by the stand-alone verifier that clients have.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from apps.assurance.fsck.looking import Finding, House, canonical, is_signed

ARCHIVES = """
SELECT a.id, a.reference, a.cohort_id, a.segment, a.state, a.messages, a.manifest::text, t.kind, t.place, t.reference AS target
FROM retention_archive a JOIN retention_archivetarget t ON t.id = a.target_id ORDER BY a.id
"""
PARTS = "SELECT archive_id, number, name, state, lines, bytes, sha256, cardinality(tags) AS tags FROM retention_archivepart ORDER BY 1, 2"
SEGMENTS = """
SELECT s.cohort_id, s.number, s.messages, s.merkle_root, s.archived_at,
       (SELECT count(*) FROM retention_earlydeletion e WHERE e.cohort_id = s.cohort_id AND e.segment = s.number AND e.counted) AS deleted
FROM retention_segment s
"""
BLOCK = 1 << 20


def places(house: House) -> Iterator[Finding]:
    """Parts and manifests against the rows that speak of them, and against what lies there."""
    parts = defaultdict(list)
    for part in house.rows(PARTS):
        parts[part.archive_id].append(part)
    segments = {(row.cohort_id, row.number): row for row in house.rows(SEGMENTS)}
    for archive in house.rows(ARCHIVES):
        house.count("archives")
        if archive.state == "closed":
            yield from _closed(house, archive, parts[archive.id], segments[archive.cohort_id, archive.segment])
        if archive.state == "destroyed":
            yield from _destroyed(house, archive, parts[archive.id])
    yield from _spool(house, parts)


def _closed(house: House, archive: Any, parts: list[Any], segment: Any) -> Iterator[Finding]:
    signed, cohort = json.loads(archive.manifest), house.cohorts[archive.cohort_id]
    manifest, signature = signed["manifest"], signed["signature"]
    if not is_signed(house.public_key("certificates"), b"covenant-archive/1\n" + canonical(manifest), bytes.fromhex(signature["value"])):
        yield Finding(archive.reference, "Its manifest is not signed by this installation as it stands.")
    if (manifest["archive"], manifest["cohort"]) != (archive.reference, cohort.reference):
        yield Finding(archive.reference, "Its manifest is that of another archive.")
    of_rows = [(part.number, part.lines, part.bytes, bytes(part.sha256).hex()) for part in parts]
    if [(part["number"], part["lines"], part["bytes"], part["sha256"]) for part in manifest["parts"]] != of_rows:
        yield Finding(archive.reference, "Its manifest names other parts than were delivered.")
    if any(part.state != "verified" for part in parts):
        yield Finding(archive.reference, "It is closed, and a part of it was not proven at its place.")
    sealed = [{"number": archive.segment, "messages": segment.messages, "merkle_root": bytes(segment.merkle_root or b"").hex()}]
    if manifest["segments"] != sealed:
        yield Finding(archive.reference, "Its manifest names another seal than its segment has.")
    lines, deleted = sum(part.lines for part in parts), manifest["counts"]["deleted"]
    if lines + deleted < (segment.messages or 0) or manifest["counts"]["messages"] != segment.messages:
        yield Finding(archive.reference, f"It has {lines} lines for {segment.messages} messages.")
    if archive.kind == "hosted":
        for name in (f"archive/{archive.reference}", f"archive/{cohort.organization}"):
            if name not in house.secrets.there:
                yield Finding(archive.reference, f"Nobody can open it: its secret {name} is not in the keystore.")
    if archive.place == "local":
        folder = house.folder / "archives"
        for part in parts:
            yield from _file(house, archive, folder / part.name, part.bytes, bytes(part.sha256).hex())
        content = canonical({"manifest": manifest, "signature": signature}) + b"\n"
        name = f"{cohort.organization}/{cohort.day.isoformat()}/{archive.reference}/manifest.json"
        yield from _file(house, archive, folder / name, len(content), hashlib.sha256(content).hexdigest())


def _file(house: House, archive: Any, path, size: int, sha256: str) -> Iterator[Finding]:
    house.count("archive files")
    if not path.is_file():
        yield Finding(archive.reference, f"{path.name} is not at its place.")
        return
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    if path.stat().st_size != size or digest.hexdigest() != sha256:
        yield Finding(archive.reference, f"{path.name} is not what was delivered.")


def _destroyed(house: House, archive: Any, parts: list[Any]) -> Iterator[Finding]:
    if f"archive/{archive.reference}" in house.secrets.there:
        yield Finding(archive.reference, "It is destroyed, and its secret is there.")
    if not any(work.archive_id == archive.id and work.state in ("truncated", "done") for work in house.destructions):
        yield Finding(archive.reference, "It is destroyed, and no destruction says so.")
    if any(part.tags for part in parts):
        yield Finding(archive.reference, "It is destroyed, and can still be searched by who is in it.")
    if archive.place == "local":
        for part in parts:
            if (house.folder / "archives" / part.name).exists():
                yield Finding(archive.reference, f"It is destroyed, and its part {part.number} lies at its place.")


def _spool(house: House, parts: dict[int, list[Any]]) -> Iterator[Finding]:
    """What waits to be proven lies in the spool, and nothing else."""
    waiting = {
        f"{archive.reference}_{part.number:05d}"
        for archive in house.rows(ARCHIVES) if archive.state == "open"
        for part in parts[archive.id] if part.state != "verified"
    }  # fmt: skip
    folder = house.folder / "spool"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        house.count("spooled")
        if path.name not in waiting:
            yield Finding(f"spool {path.name}", "Nothing waits for it.")


def owed(house: House) -> Iterator[Finding]:
    """Nothing is destroyed that is owed to an archive and was not verified there: by day, and by bundle."""
    segments = defaultdict(list)
    for row in house.rows(SEGMENTS):
        segments[row.cohort_id].append(row)
    closed = defaultdict(list)
    for archive in house.rows(ARCHIVES):
        if archive.state != "open":
            closed[archive.cohort_id, archive.segment].append(archive)
    ended = {bundle.cohort_id for bundle in house.bundles if bundle.ground == "archive" and bundle.destroyed_at is not None}
    aside = {
        (row.cohort_id, row.segment): row.rows
        for row in house.rows("SELECT cohort_id, segment, count(*) AS rows FROM retention_asidemessage GROUP BY 1, 2")
    }
    for cohort in house.cohorts.values():
        for segment in segments[cohort.id]:
            there = closed[cohort.id, segment.number]
            if segment.archived_at is not None:
                house.count("segments archived")
                if not there:
                    yield Finding(cohort.reference, f"Segment {segment.number} counts as archived, and no archive has it.")
            elif cohort.archive_owed and (cohort.shredded_at is not None or cohort.id in ended):
                left = (segment.messages or 0) - segment.deleted - aside.get((cohort.id, segment.number), 0)
                if left > 0:
                    yield Finding(cohort.reference, f"{left} messages of segment {segment.number} were owed to an archive and are destroyed.")
