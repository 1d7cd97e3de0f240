"""Staff reads a hosted archive back: asked with a reason, approved by a second person, taken once within a day, recorded.

Each part is fetched encrypted, compared with the signed manifest, and decrypted while it leaves; nothing of it is kept. It
must never hand on a part that is not the one that was signed, nor for one person's reading a line of somebody else's.
"""

import hashlib
import hmac
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction

from apps.accounts.models import ExternalIdentity, Person, PersonEmail
from apps.audit.services import ledger
from apps.foundation.digests import canonical, sha256
from apps.foundation.files import make_folder
from apps.foundation.keys import keystore
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.gate.client.wire import BLOCK
from apps.gate.states import ContactReason
from apps.retention import envelope
from apps.retention.archives import reading as format_reading
from apps.retention.archives.age_keys import age_identity
from apps.retention.archives.places.base import Place, Receipt
from apps.retention.archives.places.troubles import PlaceCorrupts
from apps.retention.models import Archive, ArchivePart, ArchiveReading
from apps.retention.services.archives import places
from apps.retention.services.archives.numbers import unpacked
from apps.retention.services.grounds import Scope, person_tags
from apps.retention.states import REQUEST_MOVES, ArchiveState, RequestState, TargetKind
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals, presence

LOOK = "retention.view_archive"
ASK = "retention.add_archivereading"
ACT = "retention.approve_archivereading"
MAY_BE_TAKEN = timedelta(hours=24)


class NotReadable(Refusal):
    """Only a closed archive that we host can be read back."""

    code = "archive_not_readable"
    mend = "What lies on a client's own server only the client can open; what is not closed yet is still in the service."


class ReasonMissing(Refusal):
    """A reading says why it is needed."""

    code = "reason_missing"
    mend = "Write in a sentence what the archive is read for."


class NotOfThisClient(Refusal):
    """The person belongs to another organization than the archive."""

    code = "not_of_this_client"
    mend = "Choose the archive of the person's own organization."


class NotYoursToTake(Refusal):
    """What was approved is taken by who asked for it."""

    code = "not_yours_to_take"
    mend = "Ask for a reading of your own."


class NotToBeTaken(Refusal):
    """The reading is not approved, was taken already, or its day is over."""

    code = "not_to_be_taken"
    mend = "Ask for a new one; an approval is good once, for 24 hours."


def digest_of(reading: ArchiveReading) -> bytes:
    """What an approval is bound to."""
    person = reading.person.reference if reading.person else ""
    return sha256(canonical([reading.reference, reading.archive.reference, person, reading.reason]))


@transaction.atomic
def ask(*, archive: Archive, reason: str, by: StaffMember, at: datetime, person: Person | None = None) -> ArchiveReading:
    """Ask to read an archive back, all of it or what one person wrote and received; nothing is opened until it is approved."""
    asker = presence.lock(by)[by.pk]
    presence.require_right(asker, ASK)
    if not reason.strip():
        raise ReasonMissing
    if archive.state != ArchiveState.CLOSED or archive.target.kind != TargetKind.HOSTED:
        raise NotReadable
    if person is not None and person.organization_id != archive.cohort.organization_id:
        raise NotOfThisClient
    reading = ArchiveReading.objects.create(
        archive=archive, person=person, reason=reason.strip()[:300], asked_by=str(asker.actor), asked_at=at
    )
    approvals.ask(act=ACT, subject=reading.reference, digest=digest_of(reading), by=asker, at=at)
    ledger.record(
        "reading.asked", by=asker, about=reading.reference, at=at, facts={"archive": archive.reference, "of_one_person": person is not None}
    )
    return reading


def approve(*, reading: ArchiveReading, by: StaffMember, at: datetime) -> ArchiveReading:
    """Let who asked take it, once, within 24 hours."""
    return _decide(reading, RequestState.APPROVED, by=by, at=at)


def reject(*, reading: ArchiveReading, by: StaffMember, at: datetime) -> ArchiveReading:
    """Nothing is opened."""
    return _decide(reading, RequestState.REJECTED, by=by, at=at)


@transaction.atomic
def _decide(reading: ArchiveReading, state: RequestState, *, by: StaffMember, at: datetime) -> ArchiveReading:
    approval = Approval.objects.waiting().filter(act=ACT, subject=reading.reference).first()
    if approval is None:
        raise approvals.AlreadyDecided(f"Nobody asks for {reading.reference} any more.")
    decide = approvals.approve if state == RequestState.APPROVED else approvals.reject
    decide(approval=approval, digest=digest_of(ArchiveReading.objects.get(pk=reading.pk)), by=by, at=at)
    reading = _locked(reading)
    require_move(REQUEST_MOVES, reading.state, state)
    reading.state, reading.decided_by, reading.decided_at = state, str(by.actor), at
    reading.save(update_fields=["state", "decided_by", "decided_at"])
    ledger.record(f"reading.{state}", by=by.actor, about=reading.reference, at=at, facts={"archive": reading.archive.reference})
    return reading


def _locked(reading: ArchiveReading) -> ArchiveReading:
    rows = ArchiveReading.objects.select_for_update(of=("self",))
    return rows.select_related("archive__cohort__organization", "archive__target", "person").get(pk=reading.pk)


@transaction.atomic
def begin(*, reading: ArchiveReading, by: StaffMember, at: datetime) -> ArchiveReading:
    """Record that it is taken, before the first line leaves."""
    taker = presence.lock(by)[by.pk]
    presence.require_right(taker, ASK)
    reading = _locked(reading)
    if reading.asked_by != str(taker.actor):
        raise NotYoursToTake
    if reading.state != RequestState.APPROVED or at > reading.decided_at + MAY_BE_TAKEN:
        raise NotToBeTaken
    if reading.archive.state != ArchiveState.CLOSED:
        raise NotReadable
    require_move(REQUEST_MOVES, reading.state, RequestState.DONE)
    reading.state, reading.read_at = RequestState.DONE, at
    reading.save(update_fields=["state", "read_at"])
    ledger.record("reading.taken", by=taker, about=reading.reference, at=at, facts={"archive": reading.archive.reference})
    return reading


def stream(*, reading: ArchiveReading, by: StaffMember, at: datetime) -> Iterator[bytes]:
    """The messages as JSON lines, and the record of how many left at the end. Call `begin` first."""
    count = 0
    for line in _lines(reading, by, at):
        count += 1
        yield canonical(line) + b"\n"
    with transaction.atomic():
        row = ArchiveReading.objects.select_for_update().get(pk=reading.pk)
        row.lines = count
        row.save(update_fields=["lines"])
        ledger.record("reading.left", by=by.actor, about=reading.reference, at=at, facts={"lines": count})


def _lines(reading: ArchiveReading, by: StaffMember, at: datetime) -> Iterator[dict]:
    """Each message as it was last, the newest part first, so that what was edited is seen before what it replaced."""
    archive, covers = reading.archive, _covers(reading.person)
    replaced = set(archive.manifest["manifest"]["deleted"])
    secret = envelope.archive_key(keystore(), organization=archive.cohort.organization.reference, archive=archive.reference)
    with places.place_of(archive.target, ContactReason.READ_BACK, by=by, at=at) as place:
        for part in _parts(reading):
            first_here = unpacked([bytes(part.numbers)])
            with _fetched(place, part) as file:
                lines = format_reading.read_part(file, [age_identity(secret)[0]], largest=part.facts["plain_bytes"])
                next(lines)  # the header
                for line in lines:
                    if line["id"] in replaced:
                        continue
                    place_in = bisect_left(first_here, line["id"])
                    if place_in == len(first_here) or first_here[place_in] != line["id"]:
                        replaced.add(line["id"])
                    if covers is None or covers(line["message"]):
                        yield line


def _parts(reading: ArchiveReading):
    """The parts to look at; for one person only those that have a line of theirs."""
    parts = reading.archive.parts.order_by("-number")
    if reading.person is None:
        return parts
    return parts.filter(pk__in=holding(reading.archive, reading.person)) | parts.filter(pk__in=_with_edits(reading.archive))


def _with_edits(archive: Archive) -> list[int]:
    """Parts that bring messages again: they say what earlier ones say no longer."""
    return [part.pk for part in archive.parts.all() if part.lines > len(unpacked([bytes(part.numbers)]))]


def _covers(person: Person | None):
    """What tells whether a message was written or received by the person."""
    if person is None:
        return None
    emails, identities = _handles(person)
    return Scope(
        hold_id=0, matter=None, person=person.reference, emails=emails, identities=identities, conversation=None,
        sent_from=None, sent_until=None,
    ).covers  # fmt: skip


def _handles(person: Person) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    return (
        frozenset(PersonEmail.objects.filter(person=person).values_list("address", flat=True)),
        frozenset(ExternalIdentity.objects.filter(person=person).values_list("source", "external_id")),
    )


def holding(archive: Archive, person: Person) -> list[int]:
    """The parts of a hosted archive in which the person wrote or received something, by their tags."""
    emails, identities = _handles(person)
    tags = person_tags(envelope.for_archive_index(keystore(), archive.reference), person.reference, emails, identities)
    return list(archive.parts.filter(tags__overlap=[*tags, b""]).values_list("pk", flat=True))


def in_conversation(archive: Archive, source: str, conversation: str) -> list[int]:
    """The parts of a hosted archive that have messages of a conversation, by their tags."""
    tag = envelope.for_archive_index(keystore(), archive.reference).tag("conversation", f"{source}\x00{conversation}")
    return list(archive.parts.filter(tags__overlap=[tag, b""]).values_list("pk", flat=True))


@transaction.atomic
def find(
    *, archive: Archive, by: StaffMember, at: datetime, person: Person | None = None, source: str = "", conversation: str = ""
) -> list[int]:  # fmt: skip
    """The numbers of the parts in which somebody or a conversation stands. That it was asked, and for whom, is recorded."""
    looker = presence.lock(by)[by.pk]
    presence.require_right(looker, LOOK)
    if archive.target.kind != TargetKind.HOSTED or archive.state == ArchiveState.DESTROYED:
        raise NotReadable
    parts = set(holding(archive, person)) if person is not None else set()
    if source and conversation:
        parts |= set(in_conversation(archive, source, conversation))
    ledger.record(
        "archive.searched", by=looker, about=archive.reference, at=at, facts={"parts": len(parts)},
        detail={"person": person.reference if person else "", "source": source, "conversation": conversation},
    )  # fmt: skip
    return list(archive.parts.filter(pk__in=parts).order_by("number").values_list("number", flat=True))


@contextmanager
def _fetched(place: Place, part: ArchivePart) -> Iterator[BinaryIO]:
    """The part, still encrypted, in a file without a name, once it is known to be the one that was signed."""
    folder = Path(settings.COVENANT_HOME) / "spool"
    make_folder(folder)
    digest, receipt = hashlib.sha256(), Receipt.from_dict(part.receipt)
    with tempfile.TemporaryFile(dir=folder) as file:
        with place.fetch(part.name, receipt.version, size=part.bytes) as source:
            while block := source.read(BLOCK):
                digest.update(block)
                file.write(block)
        if not hmac.compare_digest(digest.digest(), bytes(part.sha256)):
            raise PlaceCorrupts
        file.seek(0)
        yield file
