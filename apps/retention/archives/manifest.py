"""The manifest closes an archive: what belongs to it, what of it was deleted again, what was sealed; signed.

Whole numbers, texts, true and false only, so that it has the same bytes everywhere. It must never sign what does not add
up: what it says is checked by the same rules that an auditor checks it by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from apps.foundation import signing
from apps.foundation.digests import canonical
from apps.foundation.refusals import Refusal
from apps.retention.archives import verify_archive

SIGNED_PREFIX = verify_archive.FORMAT.encode() + b"\n"  # a signature over a manifest can't be shown as one over something else


class NotAWholeArchive(Refusal):
    """The parts and counts don't make an archive, so there is nothing to sign."""

    code = "not_a_whole_archive"
    mend = "Let the delivery reach its end; it goes on by itself when what holds it up is mended."


@dataclass(frozen=True, kw_only=True)
class ManifestFacts:
    """Everything a manifest says, as the delivery knows it.

    `deleted` are messages deleted before their segment was sealed: their lines, if any, don't count. `deleted_after_seal`
    are counted by a seal, with id, segment and proof: a message may have gone before it was ever delivered.
    """

    archive: str
    organization: str
    cohort: str
    expiry_on: date
    installation: str
    policy_versions: Sequence[int]
    target_kind: str
    target_country: str
    recipients: Sequence[str]
    parts: Sequence[Mapping[str, Any]]  # each PartFacts.as_dict()
    segments: Sequence[tuple[int, int, str]]  # number, messages, Merkle root in hex
    deleted: Sequence[int] = ()
    deleted_after_seal: Sequence[tuple[int, int, str]] = ()  # id, segment, proof in hex
    closed_at: datetime


def build(facts: ManifestFacts) -> dict[str, Any]:
    """The manifest as a document. Raises NotAWholeArchive where it contradicts itself."""
    parts = [dict(part) | {"segments": list(part["segments"])} for part in sorted(facts.parts, key=lambda part: part["number"])]
    document = {
        "format": verify_archive.FORMAT,
        "archive": facts.archive,
        "organization": facts.organization,
        "cohort": facts.cohort,
        "expiry": facts.expiry_on.isoformat(),
        "installation": facts.installation,
        "policy_versions": sorted(facts.policy_versions),
        "target": {"kind": facts.target_kind, "country": facts.target_country},
        "recipients": list(facts.recipients),
        "parts": parts,
        "segments": [
            {"number": number, "messages": messages, "merkle_root": root} for number, messages, root in sorted(facts.segments)
        ],
        "deleted": sorted(facts.deleted),
        "deleted_after_seal": [
            {"id": number, "segment": segment, "proof": proof} for number, segment, proof in sorted(facts.deleted_after_seal)
        ],
        "counts": {
            "parts": len(parts),
            "lines": sum(part["lines"] for part in parts),
            "bytes": sum(part["bytes"] for part in parts),
            "messages": sum(messages for _number, messages, _root in facts.segments),
            "deleted": len(facts.deleted) + len(facts.deleted_after_seal),
        },
        "closed_at": facts.closed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    problems = verify_archive.inconsistencies(document)
    if problems:
        raise NotAWholeArchive(f"The manifest of {facts.archive} would be wrong: {' '.join(problems)}")
    return document


def sign(document: Mapping[str, Any]) -> bytes:
    """The file manifest.json: the document with this installation's signature. The key is named for finding it, not for proving it."""
    value = signing.sign("certificates", SIGNED_PREFIX + canonical(document))
    signature = {"algorithm": "Ed25519", "key": signing.public_key("certificates").hex(), "value": value.hex()}
    return canonical({"manifest": document, "signature": signature}) + b"\n"
