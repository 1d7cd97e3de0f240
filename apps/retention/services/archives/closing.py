"""An archive closes when its segment is sealed and its parts have all of it: checked here, signed, delivered, proven.

| step | what is true afterwards |
|---|---|
| sign_manifest | every message that was sealed is in the parts, or was deleted early and is named; the manifest says so, signed |
| deliver_manifest | its place says that it has the manifest |
| close | its place has shown that; the archive is closed, and with the last of them its segment counts as archived |

It must never sign on the word of a row: numbers and Merkle root are made again from the messages as they lie there.
"""

import io
import json
from array import array
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.models import Organization
from apps.accounts.states import ArchiveEntitlement
from apps.audit.models import Installation
from apps.audit.plain import CODE
from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.foundation.digests import MerkleTree, canonical, sha256
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.gate.states import ContactReason
from apps.retention.archives import manifest
from apps.retention.archives.container import MANIFEST
from apps.retention.archives.places.base import Receipt
from apps.retention.archives.places.troubles import NameTaken, NotProven
from apps.retention.models import Archive, Cohort, EarlyDeletion, Segment
from apps.retention.services.archives import places, spool
from apps.retention.services.archives.numbers import unpacked
from apps.retention.services.archives.parts import archive_of, is_complete, keep_days, object_name, recipient_of, start_over
from apps.retention.services.archives.rows import Snapshot, snapshot
from apps.retention.states import ARCHIVE_MOVES, COHORT_MOVES, ArchiveState, CohortState, TargetKind

#: what is kept beside a signed manifest once its place said that it has it
OF_DELIVERY = frozenset({"receipt", "disclosure"})

KINDS = {
    ArchiveEntitlement.NONE: frozenset(),
    ArchiveEntitlement.HOSTED: frozenset({TargetKind.HOSTED}),
    ArchiveEntitlement.OWN_SERVER: frozenset({TargetKind.OWN_SERVER}),
    ArchiveEntitlement.BOTH: frozenset({TargetKind.HOSTED, TargetKind.OWN_SERVER}),
}


class NotAllThere(Refusal):
    """The parts of an archive don't have what was sealed, so it is not closed."""

    code = "archive_not_whole"
    mend = "Run `manage.py promises --code P06`; compare the cohort's messages with its seal. Nothing is destroyed meanwhile."


def demanded(organization: Organization) -> frozenset[str]:
    """Which archives the organization is owed; after the end of its contract, those it was owed last."""
    kinds = KINDS[ArchiveEntitlement(organization.archive_entitlement)]
    if kinds:
        return kinds
    before = organization.history.exclude(archive_entitlement=ArchiveEntitlement.NONE).order_by("-history_date", "-history_id").first()
    return KINDS[ArchiveEntitlement(before.archive_entitlement)] if before else kinds


def sign_manifest(archive_id: int, at: datetime) -> None:
    """Check that all of the segment is in the parts, and sign what they are."""
    archive = archive_of(archive_id)
    if archive.state != ArchiveState.OPEN or archive.manifest or not is_complete(archive):
        return
    with snapshot(archive.cohort_id, archive.segment, at=at) as rows:
        if rows is None or rows.has_more(archive.through_id):
            return
        if any(number <= archive.through_id for number in rows.edited(archive.through_amendment)[1]):
            return
        segment = Segment.objects.get(cohort_id=archive.cohort_id, number=archive.segment)
        deleted, numbers = rows.deleted(), unpacked(bytes(part.numbers) for part in archive.parts.order_by("number"))
        require_whole(archive, segment, rows, numbers, deleted)
    in_parts = set(numbers).intersection(deletion.message for deletion in deleted) if deleted else set()
    document = manifest.build(
        manifest.ManifestFacts(
            archive=archive.reference,
            organization=archive.cohort.organization.reference,
            cohort=archive.cohort.reference,
            expiry_on=archive.cohort.expiry_on,
            installation=str(Installation.objects.get().installation_id),
            policy_versions=_policy_versions(archive),
            target_kind=archive.target.kind,
            target_country=archive.target.country,
            recipients=[recipient_of(archive)],
            parts=[part.facts for part in archive.parts.order_by("number")],
            segments=[(segment.number, segment.messages, bytes(segment.merkle_root).hex())],
            deleted=[deletion.message for deletion in deleted if not deletion.counted and deletion.message in in_parts],
            deleted_after_seal=[
                (deletion.message, segment.number, bytes(deletion.proof).hex()) for deletion in deleted if deletion.counted
            ],
            closed_at=at,
        )
    )  # fmt: skip
    _record_signed(archive, json.loads(manifest.sign(document)), at)


def _policy_versions(archive: Archive) -> list[int]:
    shares = archive.cohort.shares.filter(segment=archive.segment)
    return sorted(set(shares.values_list("batch__policy_version__number", flat=True)))


def require_whole(
    archive: Archive, segment: Segment, rows: Snapshot, numbers: array, deleted: list[EarlyDeletion]
) -> None:  # fmt: skip
    """Refuse unless the parts brought every message that was sealed, and nothing that is neither there nor deleted."""
    gone = {deletion.message for deletion in deleted}
    brought, tree = iter(numbers), MerkleTree()
    counted = [(deletion.message, bytes(deletion.proof)) for deletion in deleted if deletion.counted]
    for number, proof, is_there in _sealed(rows, counted):
        tree.add(proof)
        if is_there and _next(brought, gone) != number:
            raise NotAllThere(f"A message of {archive.cohort.reference} is in no part of {archive.reference}, or came into one unasked.")
    if _next(brought, gone) is not None:
        raise NotAllThere(f"{archive.reference} has a message that {archive.cohort.reference} does not have.")
    if (tree.count, tree.root()) != (segment.messages, bytes(segment.merkle_root)):
        raise NotAllThere(f"The messages of {archive.cohort.reference} are not those that were sealed as its segment {segment.number}.")


def _sealed(rows: Snapshot, counted: list[tuple[int, bytes]]) -> Iterator[tuple[int, bytes, bool]]:
    """What the seal counted, in the order of numbers: messages that are there, and those deleted since."""
    waiting = 0
    for number, proof in rows.proofs():
        while waiting < len(counted) and counted[waiting][0] < number:
            yield *counted[waiting], False
            waiting += 1
        yield number, bytes(proof), True
    for number, proof in counted[waiting:]:
        yield number, proof, False


def _next(brought: Iterator[int], gone: set[int]) -> int | None:
    """The next message that the parts brought and that was not deleted."""
    return next((number for number in brought if number not in gone), None)


@transaction.atomic
def _record_signed(archive: Archive, signed: dict, at: datetime) -> None:
    row = Archive.objects.select_for_update().get(pk=archive.pk)
    if row.state != ArchiveState.OPEN or row.manifest or row.reference != archive.reference:
        return
    row.manifest = signed
    row.save(update_fields=["manifest"])
    ledger.record(
        "archive.manifest_signed", by=SYSTEM, about=row.reference, at=at,
        facts={"sha256": sha256(file_of(signed)).hex(), **signed["manifest"]["counts"]},
    )  # fmt: skip


def file_of(signed: dict) -> bytes:
    """The bytes of manifest.json."""
    return canonical({"manifest": signed["manifest"], "signature": signed["signature"]}) + b"\n"


def deliver_manifest(archive_id: int, at: datetime) -> None:
    """Put the manifest beside its parts."""
    archive = archive_of(archive_id)
    if archive.state != ArchiveState.OPEN or not archive.manifest or "receipt" in archive.manifest:
        return
    content, until = file_of(archive.manifest), None
    if archive.target.kind == TargetKind.HOSTED:
        until = max((part.receipt.get("locked_until") or "" for part in archive.parts.all()), default="")
    try:
        with places.delivery_to(archive, _handed(archive, content), at=at) as (place, disclosure):
            receipt = place.put(
                object_name(archive, MANIFEST), io.BytesIO(content), size=len(content), sha256=sha256(content).hex(),
                keep_until=datetime.fromisoformat(until) if until else None,
            )  # fmt: skip
    except NameTaken:
        start_over(archive, at=at, why=NameTaken.code)
        raise
    _set_receipt(archive, {"receipt": receipt.as_dict(), "disclosure": disclosure}, "archive.manifest_delivered", at)


def _handed(archive: Archive, content: bytes) -> places.Handed:
    """A manifest says of messages that they are there, and of nobody what they said."""
    return places.Handed(
        what=f"{archive.reference}/manifest", digest=sha256(content), size=len(content), categories=frozenset({"message"}),
        fields=frozenset({"message_numbers"}),
    )  # fmt: skip


@transaction.atomic
def _set_receipt(archive: Archive, delivered: dict | None, verb: str, at: datetime) -> None:
    row = Archive.objects.select_for_update().get(pk=archive.pk)
    if row.state != ArchiveState.OPEN or row.reference != archive.reference:
        return
    row.manifest = {name: value for name, value in row.manifest.items() if name not in OF_DELIVERY} | (delivered or {})
    row.save(update_fields=["manifest"])
    ledger.record(verb, by=SYSTEM, about=row.reference, at=at)


def close(archive_id: int, at: datetime) -> None:
    """See that the manifest is there; then the archive is closed, and what it has counts as archived."""
    archive = archive_of(archive_id)
    if archive.state != ArchiveState.OPEN or not archive.manifest or "receipt" not in archive.manifest:
        return
    try:
        with places.place_of(archive.target, ContactReason.READ_BACK, at=at) as place:
            place.prove(object_name(archive, MANIFEST), Receipt.from_dict(archive.manifest["receipt"]))
    except NotProven:
        _set_receipt(archive, None, "archive.manifest_not_proven", at)
        raise
    _record_closed(archive_id, at)
    spool.clear(archive.reference)


@transaction.atomic
def _record_closed(archive_id: int, at: datetime) -> None:
    cohort_id = Archive.objects.values_list("cohort_id", flat=True).get(pk=archive_id)
    cohort = Cohort.objects.select_for_update(of=("self",)).select_related("organization").get(pk=cohort_id)
    archive = Archive.objects.select_for_update(of=("self",)).select_related("target").get(pk=archive_id)
    require_move(ARCHIVE_MOVES, archive.state, ArchiveState.CLOSED)
    archive.state, archive.closed_at = ArchiveState.CLOSED, at
    archive.messages = archive.manifest["manifest"]["counts"]["messages"]
    if archive.target.kind == TargetKind.HOSTED:
        archive.keep_until = day_of(at) + timedelta(days=keep_days(archive))
    archive.save(update_fields=["state", "closed_at", "messages", "keep_until"])
    ledger.record(
        "archive.closed", by=SYSTEM, about=archive.reference, at=at,
        facts={"cohort": cohort.reference, "segment": archive.segment, "target": archive.target.reference, "messages": archive.messages},
    )  # fmt: skip
    journal.owe("archive.closed", about=archive.reference, at=at, body=_told(archive, cohort))
    mark_archived(cohort, archive.segment, at)
    doorbell.ring("journal.owed")
    doorbell.ring("retention.due")


def _told(archive: Archive, cohort: Cohort) -> dict:
    """What the journal says, enough to take the archive over into a database that was restored from before it."""
    kept = [archive.manifest["receipt"], *(part.receipt for part in archive.parts.order_by("number"))]
    return {
        "cohort": cohort.reference, "segment": archive.segment, "target": archive.target.reference,
        "keep_until": archive.keep_until, "closed_at": archive.closed_at, "manifest": archive.manifest["manifest"],
        "disclosures": [archive.manifest.get("disclosure"), *(part.disclosure for part in archive.parts.order_by("number"))],
        "receipts": [{name: _plain(receipt.get(name)) for name in ("version", "locked_until")} for receipt in kept],
    }  # fmt: skip


def _plain(value: str | None) -> str:
    """What the journal takes; a version of another spelling is found at the place by its name."""
    return value if value and CODE.fullmatch(value) else ""


def mark_archived(cohort: Cohort, number: int, at: datetime) -> None:
    """Call it under the cohort's lock: the segment is archived once every archive that it is owed to has it; the cohort once all its segments are."""
    there = set(
        Archive.objects.filter(cohort=cohort, segment=number)
        .exclude(state=ArchiveState.OPEN)
        .values_list("target__kind", flat=True)
    )
    wanted = demanded(cohort.organization)
    if not wanted or not wanted <= there:
        return
    segment = Segment.objects.select_for_update().get(cohort=cohort, number=number)
    if segment.archived_at is not None:
        return
    segment.archived_at = at
    segment.save(update_fields=["archived_at"])
    ledger.record("cohort.segment_archived", by=SYSTEM, about=cohort.reference, at=at, facts={"segment": number})
    if Segment.objects.filter(cohort=cohort, archived_at=None).exists():
        return
    cohort.archived_at = at
    if cohort.state == CohortState.SEALED:
        require_move(COHORT_MOVES, cohort.state, CohortState.ARCHIVED)
        cohort.state = CohortState.ARCHIVED
    cohort.save(update_fields=["archived_at", "state"])
    ledger.record("cohort.archived", by=SYSTEM, about=cohort.reference, at=at)
