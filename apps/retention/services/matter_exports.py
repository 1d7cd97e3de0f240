"""The export of a matter for counsel: within the scope of its holds, asked with a reason, approved by a second person.

A zip of two files: the messages as JSON lines, each with the 32 bytes that prove it against the Merkle roots of seals, and a
signed manifest with their SHA-256. It is made as it is taken, so that no copy lies about; each taking is recorded.
Who gets it is named when it is asked for: the client whose messages they are, or somebody else, to whom nothing goes yet. Each
taking is a disclosure, decided by the gate before the first byte; what was in it is only known at its end, and recorded then.
It must never hold a message that no hold of the matter covers, nor one of another client than the one it is for: a matter that
touches several has an export for each.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.models import Organization
from apps.audit.models import Installation
from apps.audit.services import ledger
from apps.foundation import signing
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.gate.models import Permit
from apps.gate.package import About, Package, Recipient
from apps.gate.services import deciding, permits
from apps.gate.states import Ground, RecipientKind
from apps.holds.models import Matter
from apps.holds.services import asking
from apps.policies.vocabulary import DisclosurePurpose
from apps.retention.models import MatterExport
from apps.retention.services import scoped
from apps.retention.services.archives.parts import LINE_CATEGORIES, LINE_FIELDS
from apps.retention.states import REQUEST_MOVES, RequestState
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals, presence

ASK = "retention.add_matterexport"
ACT = "retention.approve_matterexport"
FORMAT = "covenant-matter-export/1"
MAY_BE_TAKEN = timedelta(hours=24)


class ReasonMissing(Refusal):
    """An export says why it is needed."""

    code = "reason_missing"
    mend = "Write in a sentence what the export is for."


class NothingInForce(Refusal):
    """The matter has no hold in force, so there is nothing in its scope."""

    code = "nothing_in_force"
    mend = "Place a hold for the matter first."


class NotYoursToTake(Refusal):
    """The export is taken by who asked for it."""

    code = "not_yours_to_take"
    mend = "Ask for an export of your own."


class NotToBeTaken(Refusal):
    """The export is not approved, or its day is over."""

    code = "not_to_be_taken"
    mend = "Ask for a new one; an approval is good for 24 hours."


class RecipientNotNamed(Refusal):
    """An export says who gets it."""

    code = "recipient_not_named"
    mend = "Name the client whose messages they are, by its reference, e.g. ORG-7F3K2MP, in a new export."


def digest_of(export: MatterExport) -> bytes:
    """What an approval is bound to: the matter, the reason, and the holds in force when it was asked."""
    holds = export.matter.holds.order_by("id").values_list("reference", "state")
    named = [export.recipient] if export.recipient else []  # what was asked for before there was a gate names nobody
    return sha256(canonical([export.reference, export.matter.reference, export.reason, [list(hold) for hold in holds], *named]))


@transaction.atomic
def ask(*, matter: Matter, recipient: str, reason: str, by: StaffMember, at: datetime) -> MatterExport:
    """Ask that the messages of a matter leave for a recipient; nothing does until a second person approves it."""
    asker = presence.lock(by)[by.pk]
    presence.require_right(asker, ASK)
    if not reason.strip():
        raise ReasonMissing
    if not recipient_of(recipient).is_sound:
        raise RecipientNotNamed
    if not asking.in_force(at).filter(matter=matter).exists():
        raise NothingInForce(f"{matter.reference} has no hold in force.")
    export = MatterExport.objects.create(
        matter=matter, recipient=recipient, reason=reason.strip()[:300], asked_by=str(asker.actor), asked_at=at
    )
    approvals.ask(act=ACT, subject=export.reference, digest=digest_of(export), by=asker, at=at)
    ledger.record("export.asked", by=asker, about=export.reference, at=at, facts={"matter": matter.reference, "recipient": recipient})
    return export


def recipient_of(reference: str) -> Recipient:
    """A client, or a person: whom the gate has to refuse yet."""
    return Recipient.person(reference) if reference.startswith("PER-") else Recipient.client(reference)


def approve(*, export: MatterExport, by: StaffMember, at: datetime) -> MatterExport:
    """Let who asked take it, for 24 hours."""
    return _decide(export, RequestState.APPROVED, by=by, at=at)


def reject(*, export: MatterExport, by: StaffMember, at: datetime) -> MatterExport:
    """Nothing leaves."""
    return _decide(export, RequestState.REJECTED, by=by, at=at)


@transaction.atomic
def _decide(export: MatterExport, state: RequestState, *, by: StaffMember, at: datetime) -> MatterExport:
    approval = Approval.objects.waiting().filter(act=ACT, subject=export.reference).first()
    if approval is None:
        raise approvals.AlreadyDecided(f"Nobody asks for {export.reference} any more.")
    decide = approvals.approve if state == RequestState.APPROVED else approvals.reject
    decide(approval=approval, digest=digest_of(export), by=by, at=at)
    export = MatterExport.objects.select_for_update(of=("self",)).select_related("matter").get(pk=export.pk)
    require_move(REQUEST_MOVES, export.state, state)
    export.state, export.decided_by, export.decided_at = state, str(by.actor), at
    export.save(update_fields=["state", "decided_by", "decided_at"])
    ledger.record(f"export.{state}", by=by, about=export.reference, at=at, facts={"matter": export.matter.reference})
    return export


def begin(*, export: MatterExport, by: StaffMember, at: datetime) -> MatterExport:
    """Ask the gate, and record with its answer that it is being taken, before the first byte leaves. Raises deciding.Refused."""
    export = _to_be_taken(export, by, at)  # who may not take it asks the gate nothing
    package = _package(export, at)
    permit = deciding.decide(package=package, by=by, at=at, along=lambda given: _begin(export, given, by, at))
    permits.spend(permit=permit, recipient=package.recipient, fields=package.fields, digest=package.digest, at=at)
    return MatterExport.objects.select_related("matter").get(pk=export.pk)


@transaction.atomic
def _to_be_taken(export: MatterExport, by: StaffMember, at: datetime) -> MatterExport:
    """The export under its lock, if this member may take it now."""
    taker = presence.lock(by)[by.pk]
    presence.require_right(taker, ASK)
    export = MatterExport.objects.select_for_update(of=("self",)).select_related("matter").get(pk=export.pk)
    if export.asked_by != str(taker.actor):
        raise NotYoursToTake
    if export.state not in (RequestState.APPROVED, RequestState.DONE) or at > export.decided_at + MAY_BE_TAKEN:
        raise NotToBeTaken
    if not export.recipient:
        raise RecipientNotNamed
    return export


def _begin(export: MatterExport, permit: Permit, by: StaffMember, at: datetime) -> None:
    export = _to_be_taken(export, by, at)
    export.takings += 1
    export.disclosure = permit.disclosure.reference
    export.save(update_fields=["takings", "disclosure"])
    ledger.record(
        "export.taken", by=by.actor, about=export.reference, at=at, facts={"taking": export.takings, "disclosure": export.disclosure}
    )


def _package(export: MatterExport, at: datetime) -> Package:
    """Of what the holds cover, the recipient's own; where nothing of theirs can be among it, somebody else's, which the gate refuses."""
    recipient = recipient_of(export.recipient)
    touched = scoped.organizations_touched([hold for hold in asking.in_force(at) if hold.matter_id == export.matter_id])
    is_among = recipient.reference in {one.reference for one in touched}
    about = recipient.reference if is_among or not touched else touched[0].reference
    is_client = recipient.kind == RecipientKind.CLIENT
    country = Organization.objects.filter(reference=recipient.reference).values_list("country", flat=True).first()
    return Package(
        recipient=recipient, about=About.organization(about), categories=LINE_CATEGORIES, fields=LINE_FIELDS, purpose=DisclosurePurpose.LEGAL,
        ground=Ground.CLIENT if is_client else Ground.LAW, patient_information=any(one.hipaa_covered for one in touched if one.reference == about), digest=None,
        size=None, what=f"{export.reference}/taking {export.takings + 1}", countries=(country,) if country else ("US",),
    )  # fmt: skip


@transaction.atomic
def end(*, export: MatterExport, lines: int, digest: bytes, by: StaffMember, at: datetime) -> None:
    """Record what left, once all of it has."""
    export = MatterExport.objects.select_for_update().get(pk=export.pk)
    if export.state == RequestState.APPROVED:
        require_move(REQUEST_MOVES, export.state, RequestState.DONE)
        export.state = RequestState.DONE
    export.taken_at, export.lines, export.sha256 = at, lines, digest
    export.save(update_fields=["state", "taken_at", "lines", "sha256"])
    ledger.record(
        "export.left", by=by.actor, about=export.reference, at=at,
        facts={"matter": export.matter.reference, "messages": lines, "sha256": digest.hex(), "disclosure": export.disclosure},
    )  # fmt: skip


class _Pipe:
    """What zipfile writes into and the answer reads from: never more than a chunk in memory, nothing on disk."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """zipfile asks for it; there is nothing to flush."""

    def drain(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def stream(*, export: MatterExport, by: StaffMember, at: datetime) -> Iterator[bytes]:
    """The zip, piece by piece, and the record of what left at its end. Call `begin` first."""
    pipe, content, lines, cohorts = _Pipe(), hashlib.sha256(), 0, {}
    holds = [hold for hold in asking.in_force(at) if hold.matter_id == export.matter_id]
    with zipfile.ZipFile(pipe, "w", compression=zipfile.ZIP_DEFLATED) as whole:
        with whole.open(_entry("messages.jsonl", at), "w", force_zip64=True) as file:
            for cohort, messages in scoped.by_cohort(holds, at, only=export.recipient):
                for found in messages:
                    line = _line(found)
                    content.update(line)
                    file.write(line)
                    lines += 1
                    cohorts[cohort.reference] = cohorts.get(cohort.reference, 0) + 1
                    if piece := pipe.drain():
                        yield piece
        whole.writestr(_entry("manifest.json", at), _manifest(export, holds, content.digest(), lines, cohorts, at))
    yield pipe.drain()
    end(export=export, lines=lines, digest=content.digest(), by=by, at=at)


def _entry(name: str, at: datetime) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, date_time=at.timetuple()[:6])


def _line(found: scoped.Found) -> bytes:
    return canonical({
        "cohort": found.cohort.reference, "id": found.row.id, "segment": found.row.segment, "salt": found.salt.hex(),
        "proof": found.row.proof.hex(), "aside": found.is_aside, "message": found.message,
    }) + b"\n"  # fmt: skip


def _manifest(export: MatterExport, holds: list, digest: bytes, lines: int, cohorts: dict[str, int], at: datetime) -> bytes:
    said = {
        "format": FORMAT, "export": export.reference, "matter": export.matter.reference, "recipient": export.recipient, "made_at": at.isoformat(),
        "installation": str(Installation.objects.get().installation_id), "holds": [hold.reference for hold in holds],
        "files": [{"name": "messages.jsonl", "lines": lines, "sha256": digest.hex()}], "cohorts": cohorts,
        "asked_by": export.asked_by, "approved_by": export.decided_by,
    }  # fmt: skip
    signature = signing.sign("certificates", FORMAT.encode() + b"\n" + canonical(said))
    signed = {"manifest": said, "signature": {
        "algorithm": "Ed25519", "key": signing.public_key("certificates").hex(), "value": signature.hex(),
    }}  # fmt: skip
    return json.dumps(signed, indent=2, sort_keys=True).encode()
