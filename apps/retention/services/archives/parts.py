"""Parts: what came since the last one is written, delivered and proven, each step committed on its own.

| step | what is true afterwards |
|---|---|
| write_part | a part with all that came since lies in the spool, encrypted, and its row says what it is |
| deliver_part | its place says that it has it |
| prove_part | its place has shown that it has it; the spool is empty |

Killed anywhere, the next run goes on from the last commit: a part that was written is delivered as it is, for encrypting it
again would make other bytes. Where something else lies at the place under its name, or what was proven is lost, the archive
starts over under another reference; nothing of its messages was destroyed meanwhile.
It must never count as archived what was not proven.
"""

import json
from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.db import transaction

from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import keystore
from apps.foundation.moves import require_move
from apps.gate.states import ContactReason
from apps.retention import envelope
from apps.retention.archives.age_keys import age_identity
from apps.retention.archives.container import PartFacts, PartWriter, folder_name, part_header, part_name
from apps.retention.archives.places.base import Receipt
from apps.retention.archives.places.troubles import NameTaken, NotProven, SourceDiffers
from apps.retention.models import Archive, ArchivePart
from apps.retention.models.archives import archive_reference
from apps.retention.services.archives import places, spool
from apps.retention.services.archives.numbers import NumbersPacker
from apps.retention.services.archives.rows import Line, Snapshot, snapshot
from apps.retention.states import PART_MOVES, ArchiveState, PartState, TargetKind

#: what the lines of a part say of people, in the words of the gate
LINE_CATEGORIES = frozenset({"message", "contact", "identity"})
LINE_FIELDS = frozenset({
    "attachments", "body", "class", "conversation", "edited_at", "email", "name", "recipients", "sender", "sent_at", "thread",
})  # fmt: skip


def archive_of(archive_id: int) -> Archive:
    return Archive.objects.select_related("cohort__organization", "target__organization", "target__provider").get(pk=archive_id)


def _locked(archive_id: int) -> Archive:
    return Archive.objects.select_for_update(of=("self",)).select_related("cohort__organization", "target").get(pk=archive_id)


def object_name(archive: Archive, last: str) -> str:
    """The name at its place of what belongs to an archive."""
    cohort = archive.cohort
    return f"{folder_name(organization=cohort.organization.reference, expiry=cohort.expiry_on, archive=archive.reference)}/{last}"


def pending(archive: Archive) -> ArchivePart | None:
    """The part that is not proven yet; there is one at most."""
    return archive.parts.exclude(state=PartState.VERIFIED).first()


def recipient_of(archive: Archive) -> str:
    """For whom the archive is encrypted: its client, or for hosted ones its own secret together with the organization's."""
    if archive.target.kind == TargetKind.OWN_SERVER:
        return archive.target.recipient
    secret = envelope.archive_key(
        keystore(), organization=archive.cohort.organization.reference, archive=archive.reference, create=True
    )
    return age_identity(secret)[1]


def write_part(archive_id: int, at: datetime) -> None:
    """Write what came since the last part, up to the largest that a part may be; nothing where nothing came."""
    archive = archive_of(archive_id)
    if archive.state != ArchiveState.OPEN or archive.manifest:
        return
    if keystore().was_destroyed(envelope.archive_secret(archive.reference)):  # killed while it was to start over
        archive = start_over(archive, at=at, why="killed")
    part = pending(archive)
    if part is not None and (part.state == PartState.DELIVERED or spool.is_there(archive.reference, part.number)):
        return
    spool.clear(archive.reference)
    with snapshot(archive.cohort_id, archive.segment, at=at) as rows:
        if rows is None:
            return
        upto = rows.upto(archive.through_id, lines=settings.ARCHIVE_PART_LINES, size=settings.ARCHIVE_PART_BYTES)
        newest_edit, edited = rows.edited(archive.through_amendment)
        edited = [number for number in edited if number <= archive.through_id]
        if upto is None and not edited:
            _nothing_new(archive, newest_edit, at)
            return
        upto = upto or archive.through_id
        number = part.number if part else archive.parts.count() + 1
        facts, numbers, tags = _write(archive, rows, number, upto, edited, at)
    _record_written(archive, number, facts, numbers, tags, upto, newest_edit, at)


def _nothing_new(archive: Archive, newest_edit: int, at: datetime) -> None:
    """Remember that there was nothing, so that it is not looked for again before a day has passed."""
    with transaction.atomic():
        row = _locked(archive.pk)
        row.last_part_at, row.through_amendment = at, max(row.through_amendment, newest_edit)
        row.save(update_fields=["last_part_at", "through_amendment"])


def _write(
    archive: Archive, rows: Snapshot, number: int, upto: int, edited: list[int], at: datetime
) -> tuple[PartFacts, bytes, list[bytes]]:
    versions = rows.policy_versions(archive.through_id, upto, edited)
    previous = archive.parts.filter(number=number - 1).values_list("sha256", flat=True).first()
    header = part_header(
        archive=archive.reference, part=number, organization=archive.cohort.organization.reference,
        expiry=archive.cohort.expiry_on, policy_versions=versions.values(),
        previous=bytes(previous).hex() if previous else "", made_at=at,
    )  # fmt: skip
    numbers, names = NumbersPacker(), _Names(archive)
    with (
        spool.writing(archive.reference, number) as file,
        PartWriter(file, [recipient_of(archive)], header) as part,
    ):
        for line in rows.lines(archive.through_id, upto):
            _add(part, line, archive, versions, names)
            numbers.add(line.id)
        for line in rows.those(edited):
            _add(part, line, archive, versions, names)
        facts = part.close()
    return facts, numbers.packed(), names.tags()


def _add(part: PartWriter, line: Line, archive: Archive, versions: dict[int, int], names: "_Names") -> None:
    part.add_raw(line.id, archive.segment, versions[line.policy_version], line.salt, line.proof, line.message)
    names.add(line)


class _Names:
    """Who and which conversations stand in a part of a hosted archive, as tags under the archive's own key.

    A message is only parsed when it carries a tag of its cohort that was not seen before.
    """

    def __init__(self, archive: Archive):
        self._archive, self._seen, self._tags = archive, set(), set()
        self._index = None

    def add(self, line: Line) -> None:
        if self._archive.target.kind != TargetKind.HOSTED or self._seen.issuperset(line.tags):
            return
        self._index = self._index or envelope.for_archive_index(keystore(), self._archive.reference)
        self._seen.update(line.tags)
        self._tags.update(self._index.tags(json.loads(line.message)))

    def tags(self) -> list[bytes]:
        return sorted(self._tags)


@transaction.atomic
def _record_written(
    archive: Archive, number: int, facts: PartFacts, numbers: bytes, tags: list[bytes], upto: int, newest_edit: int, at: datetime
) -> None:  # fmt: skip
    archive = _locked(archive.pk)
    ArchivePart.objects.update_or_create(
        archive=archive, number=number,
        defaults={
            "name": object_name(archive, part_name(number)), "state": PartState.WRITTEN, "through_id": upto,
            "through_amendment": newest_edit, "lines": facts.lines, "bytes": facts.bytes, "sha256": bytes.fromhex(facts.sha256),
            "facts": facts.as_dict(), "numbers": numbers, "tags": tags, "receipt": {}, "made_at": at, "disclosure": "",
        },
    )  # fmt: skip
    ledger.record(
        "archive.part_written", by=SYSTEM, about=archive.reference, at=at,
        facts={"part": number, "lines": facts.lines, "bytes": facts.bytes, "sha256": facts.sha256},
    )  # fmt: skip


def deliver_part(archive_id: int, at: datetime) -> None:
    """Put the part that waits where it belongs."""
    archive = archive_of(archive_id)
    part = archive.parts.filter(state=PartState.WRITTEN).first()
    if part is None or archive.state != ArchiveState.OPEN:
        return
    try:
        with (
            spool.path_of(archive.reference, part.number).open("rb") as file,
            places.delivery_to(archive, _handed(archive, part), at=at) as (place, disclosure),
        ):
            receipt = place.put(
                part.name, file, size=part.bytes, sha256=bytes(part.sha256).hex(), keep_until=locked_until(archive, part.made_at)
            )
    except NameTaken:
        start_over(archive, at=at, why=NameTaken.code)
        raise
    except (FileNotFoundError, SourceDiffers):  # the spool was lost or damaged: the part is written anew
        spool.clear(archive.reference)
        raise SourceDiffers("What was to be sent is lost or damaged.") from None
    _move(part, PartState.DELIVERED, at, "delivered", receipt=receipt.as_dict(), delivered_at=at, disclosure=disclosure)


def _handed(archive: Archive, part: ArchivePart) -> places.Handed:
    return places.Handed(
        what=f"{archive.reference}/part {part.number}", digest=bytes(part.sha256), size=part.bytes, categories=LINE_CATEGORIES,
        fields=LINE_FIELDS,
    )  # fmt: skip


def locked_until(archive: Archive, made_at: datetime) -> datetime | None:
    """Until when a store that can lock is asked to: the archive's life, counted so that it ends no later than that."""
    if archive.target.kind != TargetKind.HOSTED:
        return None
    return datetime.combine(made_at.astimezone(UTC).date(), time(0), UTC) + timedelta(days=keep_days(archive))


def keep_days(archive: Archive) -> int:
    return archive.target.keep_days or settings.ARCHIVE_KEEP_DAYS


def prove_part(archive_id: int, at: datetime) -> None:
    """See that the place has what it confirmed. What it has not is delivered again."""
    archive = archive_of(archive_id)
    part = archive.parts.filter(state=PartState.DELIVERED).first()
    if part is None or archive.state != ArchiveState.OPEN:
        return
    try:
        with places.place_of(archive.target, ContactReason.READ_BACK, at=at) as place:
            place.prove(part.name, Receipt.from_dict(part.receipt))
    except NotProven as trouble:
        _move(part, PartState.WRITTEN, at, "not_proven", why=trouble.code, receipt={}, delivered_at=None, disclosure="")
        raise
    _verified(part, at)
    spool.clear(archive.reference)


def prove_again(archive_id: int, at: datetime) -> None:
    """Before the manifest is signed: the place still has every part that it showed on an earlier day."""
    archive = archive_of(archive_id)
    if archive.state != ArchiveState.OPEN or archive.manifest or not is_complete(archive):
        return
    earlier = list(archive.parts.filter(verified_at__lt=at).order_by("number"))
    if not earlier:
        return
    try:
        with places.place_of(archive.target, ContactReason.READ_BACK, at=at) as place:
            for part in earlier:
                place.prove(part.name, Receipt.from_dict(part.receipt), again=True)
    except NotProven as trouble:
        start_over(archive, at=at, why=trouble.code)
        raise


def is_complete(archive: Archive) -> bool:
    """Whether its segment is sealed and no part of it waits."""
    sealed = archive.cohort.segments.filter(number=archive.segment, sealed_at__isnull=False).exists()
    return sealed and pending(archive) is None


@transaction.atomic
def _move(part: ArchivePart, state: PartState, at: datetime, what: str, *, why: str = "", **fields) -> None:
    archive = _locked(part.archive_id)
    row = ArchivePart.objects.select_for_update().get(pk=part.pk)
    require_move(PART_MOVES, row.state, state)
    row.state = state
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=["state", *fields])
    facts = {"part": row.number} | ({"why": why} if why else {})
    ledger.record(f"archive.part_{what}", by=SYSTEM, about=archive.reference, at=at, facts=facts)


@transaction.atomic
def _verified(part: ArchivePart, at: datetime) -> None:
    _move(part, PartState.VERIFIED, at, "verified", verified_at=at)
    archive = _locked(part.archive_id)
    archive.through_id, archive.through_amendment = part.through_id, part.through_amendment
    archive.messages += part.lines
    archive.bytes += part.bytes
    archive.last_part_at = part.made_at
    archive.save(update_fields=["through_id", "through_amendment", "messages", "bytes", "last_part_at"])


def start_over(archive: Archive, *, at: datetime, why: str) -> Archive:
    """Take another reference and begin anew: what lies at the place under the old one is nobody's, and nobody can read it.

    The old secret goes before the commit: killed in between, the next run finds it gone and starts over again.
    """
    with transaction.atomic():
        row = _locked(archive.pk)
        if row.state != ArchiveState.OPEN or row.reference != archive.reference:
            return row
        before, parts = row.reference, row.parts.count()
        if row.target.kind == TargetKind.HOSTED:
            secret = envelope.archive_secret(before)
            keystore().destroy(secret)
            journal.owe("archive.started_over", about=row.reference, at=at, body={"secret": secret, "why": why})
            doorbell.ring("journal.owed")
        row.parts.all().delete()
        row.reference, row.through_id, row.through_amendment = archive_reference(), 0, 0
        row.messages, row.bytes, row.last_part_at, row.manifest = 0, 0, None, None
        row.save()
        ledger.record(
            "archive.started_over", by=SYSTEM, about=row.reference, at=at, facts={"before": before, "parts": parts, "why": why}
        )
    spool.clear(before)
    return row

