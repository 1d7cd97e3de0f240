"""Takes over, after the database was restored from a backup, an archive that was closed since: its files and its key are there.

Who a part speaks of the journal does not say, so a hold on whomever keeps such an archive whole. It must never have a
message destroyed as archived that came after the backup: what was closed was sealed, so the cohort is sealed first.
"""

import json
from datetime import date, datetime

from apps.audit.journal_file import Line
from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.digests import sha256
from apps.foundation.keys import keystore
from apps.retention.archives import manifest
from apps.retention.archives.container import MANIFEST
from apps.retention.archives.places.base import Receipt
from apps.retention.models import Archive, ArchivePart, ArchiveTarget, Cohort, Segment
from apps.retention.services import sealing
from apps.retention.services.archives import closing
from apps.retention.services.archives.parts import object_name
from apps.retention.services.ends.archive import UNKNOWN
from apps.retention.states import ArchiveState, PartState, TargetKind


def archive_closed(line: Line, *, at: datetime) -> None:
    """The archive stands as it was closed. Where the backup knows neither its cohort nor its target, that is recorded."""
    body = line.body
    cohort = Cohort.objects.filter(reference=body["cohort"]).first()
    target = ArchiveTarget.objects.filter(reference=body["target"]).first()
    if Archive.objects.filter(reference=line.about).exclude(state=ArchiveState.OPEN).exists():
        return
    if cohort is None or target is None:
        ledger.record(
            "archive.not_taken_over", by=SYSTEM, about=line.about, at=at, facts={"cohort": body["cohort"], "target": body["target"]}
        )
        return
    sealing.seal_cohort(cohort_id=cohort.pk, at=at)
    cohort = Cohort.objects.select_for_update(of=("self",)).select_related("organization").get(pk=cohort.pk)
    archive = _closed(line, cohort, target)
    ledger.record("archive.taken_over", by=SYSTEM, about=archive.reference, at=at, facts={"cohort": cohort.reference})
    if Segment.objects.filter(cohort=cohort, number=archive.segment, sealed_at__isnull=False).exists():
        closing.mark_archived(cohort, archive.segment, at)


def archive_started_over(line: Line, *, at: datetime) -> None:
    """The secret it had before goes again, where a copy of the keystore brought it back; the archive itself starts over when it is next served."""
    keystore().destroy(line.body["secret"])


def _closed(line: Line, cohort: Cohort, target: ArchiveTarget) -> Archive:
    said, receipts = line.body["manifest"], line.body["receipts"]
    until = line.body["keep_until"]
    archive, _is_new = Archive.objects.get_or_create(cohort=cohort, segment=line.body["segment"], target=target, defaults={"opened_at": line.at})
    archive.parts.all().delete()
    archive.reference, archive.state = line.about, ArchiveState.CLOSED
    archive.closed_at, archive.last_part_at = line.at, line.at
    archive.keep_until = date.fromisoformat(until) if until else None
    archive.messages, archive.bytes = said["counts"]["messages"], said["counts"]["bytes"]
    signed = manifest.sign(said)
    file = Receipt(name=object_name(archive, MANIFEST), size=len(signed), sha256=sha256(signed).hex())
    disclosures = line.body.get("disclosures") or [None] * len(receipts)  # what was told before there was a gate names none
    archive.manifest = json.loads(signed) | {"receipt": _kept(file, receipts[0]), "disclosure": disclosures[0]}
    archive.save()
    ArchivePart.objects.bulk_create(
        ArchivePart(
            archive=archive, number=part["number"], name=object_name(archive, part["name"]), state=PartState.VERIFIED,
            through_id=0, through_amendment=0, lines=part["lines"], bytes=part["bytes"], sha256=bytes.fromhex(part["sha256"]),
            facts=part, tags=[UNKNOWN] if target.kind == TargetKind.HOSTED else [], made_at=line.at, delivered_at=line.at,
            verified_at=line.at, disclosure=disclosure,
            receipt=_kept(Receipt(name=object_name(archive, part["name"]), size=part["bytes"], sha256=part["sha256"]), receipt),
        )
        for part, receipt, disclosure in zip(said["parts"], receipts[1:], disclosures[1:], strict=True)
    )  # fmt: skip
    return archive


def _kept(receipt: Receipt, told: dict) -> dict:
    return receipt.as_dict() | {"version": told["version"], "locked_until": told["locked_until"] or None}
