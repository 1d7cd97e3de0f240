"""What a certificate of destruction says, and its signature.

The fields are those of a sanitization certificate (NIST SP 800-88 Rev. 1, section 4.8 and Appendix G), each under the
name that sample gives it, in `sanitization`; what a sample for disks asks and a certificate for data can't answer says so.

It must never state what nobody looked at: facts that don't show a destruction make no certificate. It holds whole
numbers, texts, true and false only, so that it has the same bytes everywhere (digests.canonical).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from apps.foundation import signing
from apps.foundation.digests import canonical
from apps.foundation.refusals import Refusal

FORMAT = "covenant-certificate/1"
SIGNED_PREFIX = FORMAT.encode() + b"\n"  # a signature over a certificate can't be shown as one over something else
CAME_IN = ("ingested", "moved_in")
REMOVED = {
    "day": "rows of the day removed from the database",
    "aside": "rows kept aside removed from the database",
    "archive": "files of the archive removed from their place, and looked for there",
}
ENDED = {"day": "reached the end of their life", "aside": "had been kept aside after the end of their life"}
IS_SOMEWHERE = ("in_leaf", "aside_for_hold", "aside_for_archive", "moved_out", "destroyed", "deleted_early")


class NothingToCertify(Refusal):
    """The facts don't show that the messages are destroyed, so there is nothing to certify."""

    code = "nothing_to_certify"
    mend = "Let the destruction reach its end; it goes on by itself when what holds it up is mended."


@dataclass(frozen=True, kw_only=True)
class CertificateFacts:
    """Everything a certificate says, as the destruction knows it."""

    number: str
    issued_at: datetime
    installation: str
    organization_reference: str
    organization_name: str
    organization_country: str
    hipaa_covered: bool
    cohort: str
    expiry_on: date
    first_ingest_at: datetime | None
    last_ingest_at: datetime | None
    policy_versions: Sequence[int]
    segments: Sequence[tuple[int, int, int, str, datetime]]  # number, messages, bytes, Merkle root in hex, sealed at
    account: Mapping[str, int]
    destruction: str
    intended_at: datetime
    journal_sequence: int
    journal_digest: str
    key_destroyed_at: datetime
    truncated_at: datetime
    keystore_destroys: str
    keystore_snapshots: str
    tool: str
    tool_version: str
    performed_by: str
    key_absent: bool
    rows_left: int
    verified_at: datetime
    scope: str = "day"  # day, aside or archive (states.DestructionScope)
    ended: int | None = None  # messages that ended with this destruction; None: all of the account's
    secret: str = ""  # the keystore's name of what was destroyed
    set_aside_early: int = 0  # put aside for a hold before the seal counted
    canary_opens: bool = False
    archive: str = ""
    archive_place: str = ""


def build(facts: CertificateFacts) -> dict[str, Any]:
    """The certificate as a document. Raises NothingToCertify where the facts don't add up to a destruction."""
    _require_destroyed(facts)
    return {
        "format": FORMAT,
        "number": facts.number,
        "issued_at": _time(facts.issued_at),
        "installation": facts.installation,
        "organization": {
            "reference": facts.organization_reference,
            "name": facts.organization_name,
            "country": facts.organization_country,
            "hipaa_covered": facts.hipaa_covered,
        },
        "cohort": {
            "reference": facts.cohort,
            "expired_on": facts.expiry_on.isoformat(),
            "first_ingest_at": _time(facts.first_ingest_at),
            "last_ingest_at": _time(facts.last_ingest_at),
            "policy_versions": [int(number) for number in facts.policy_versions],
        },
        "segments": [
            {"number": number, "messages": messages, "bytes": size, "merkle_root": root, "sealed_at": _time(sealed_at)}
            for number, messages, size, root, sealed_at in facts.segments
        ],
        "scope": _scope(facts),
        "account": {name: int(facts.account[name]) for name in (*CAME_IN, *IS_SOMEWHERE)},
        "method": _method(facts),
        "verification": {
            "key_absent": facts.key_absent,
            "canary_opens": facts.canary_opens,
            "leaf_rows": facts.rows_left,
            "checked_at": _time(facts.verified_at),
        },
        "backups": (
            "The messages were stored encrypted. The key of their day existed in the keystore only, never in the database,"
            " its log or its backups, and is destroyed. Copies of the messages in any backup or write-ahead log made"
            " before can't be read any more, whatever becomes of those copies."
        ),
        "covers": _covers(facts),
        "does_not_cover": _does_not_cover(facts),
        "sanitization": _sanitization(facts),
    }


def sign(document: dict[str, Any]) -> dict[str, Any]:
    """The document with this installation's signature beside it. The key is named for finding it, not for proving it."""
    value = signing.sign("certificates", SIGNED_PREFIX + canonical(document))
    return {
        "certificate": document,
        "signature": {"algorithm": "Ed25519", "key": signing.public_key("certificates").hex(), "value": value.hex()},
    }


def _require_destroyed(facts: CertificateFacts) -> None:
    account = facts.account
    came_in, there = sum(account[name] for name in CAME_IN), sum(account[name] for name in IS_SOMEWHERE)
    if not facts.key_absent or facts.canary_opens or facts.rows_left or account["in_leaf"]:
        raise NothingToCertify(f"{facts.cohort} still has its key or rows in its leaf.")
    if came_in != there:
        raise NothingToCertify(f"The account of {facts.cohort} is off by {came_in - there} messages.")


def _scope(facts: CertificateFacts) -> dict[str, Any]:
    """What of the cohort ended: with its day, later because something had kept it, or as an archive's copies."""
    ended = facts.account["destroyed"] if facts.ended is None else facts.ended
    words = {
        "day": "the messages of the cohort that ended with their day",
        "aside": "messages that had been kept aside after their day, for a hold, an archive or a review that is over",
        "archive": "the copies in the hosted archive, at the end of its life",
    }
    return {
        "kind": facts.scope, "what": words[facts.scope], "messages": ended, "set_aside_early": facts.set_aside_early,
        "archive": facts.archive, "place": facts.archive_place,
    }  # fmt: skip


def _method(facts: CertificateFacts) -> dict[str, Any]:
    return {
        "destruction": facts.destruction,
        "steps": [
            {
                "step": "intent recorded in the database and in the signed journal",
                "at": _time(facts.intended_at),
                "journal_sequence": facts.journal_sequence,
                "journal_digest": facts.journal_digest,
            },
            {"step": f"key {facts.secret or 'of the day'} destroyed in the keystore", "at": _time(facts.key_destroyed_at)},
            {"step": REMOVED[facts.scope], "at": _time(facts.truncated_at)},
        ],
        "keystore": {"destroys": facts.keystore_destroys, "snapshots": facts.keystore_snapshots},
        "tool": {"name": facts.tool, "version": facts.tool_version},
        "performed_by": facts.performed_by,
    }


def _covers(facts: CertificateFacts) -> list[str]:
    ended = _scope(facts)["messages"]
    if facts.scope == "archive":
        return [
            f"Archive {facts.archive} with {_count(ended)} of cohort {facts.cohort}: its files at {facts.archive_place} are removed.",
            "Every copy of those files, wherever made: they were encrypted under a key that is destroyed.",
        ]
    covers = [
        (
            f"The {_count(ended)} of cohort {facts.cohort} that {ENDED[facts.scope]}: their text,"
            " attachments' names and addresses, participants, conversation and exact time."
        ),
        "Every copy of them encrypted under the same key: database files, write-ahead log, backups, dumps.",
    ]
    if facts.scope == "aside":
        return covers
    early = facts.account["deleted_early"]
    if early:
        covers.append(
            f"What backups and logs still held of {_count(early)} deleted before the day, at the source or on request."
        )
    return covers


def _does_not_cover(facts: CertificateFacts) -> list[str]:
    account = facts.account
    not_covered = []
    if account["aside_for_hold"]:
        not_covered.append(
            f"{_count(account['aside_for_hold']).capitalize()} that a legal hold keeps, hidden from everybody else."
        )
    if account["aside_for_archive"]:
        not_covered.append(
            f"{_count(account['aside_for_archive']).capitalize()} kept aside, hidden, until the organization's archive has"
            " them or their review is done."
        )
    if account["moved_out"]:
        not_covered.append(
            f"{_count(account['moved_out']).capitalize()} moved to another cohort, which has its own certificate."
        )
    return [
        *not_covered,
        "Copies that left this service before: with senders and recipients, on their devices, in exports and archives.",
        "Files behind attachments' addresses; this service never fetched them.",
        "Copies of the keystore made by other means than this software.",
        "The counts, times, Merkle roots and journal entries on this certificate, which stay as evidence.",
    ]


def _sanitization(facts: CertificateFacts) -> dict[str, str]:
    """The fields of NIST SP 800-88 Rev. 1 in its order and names."""
    regime = "patient information under HIPAA, unless a conversation's class says otherwise" if facts.hipaa_covered else (
        "confidential message data"
    )  # fmt: skip
    logical = "not applicable: records were sanitized, not a device"
    return {
        "standard": "NIST SP 800-88 Rev. 1, section 4.8 and Appendix G",
        "manufacturer": logical,
        "model": logical,
        "serial_number": logical,
        "media_property_number": facts.cohort,
        "media_type": "encrypted rows in a database partition of one expiry day, and their key in a keystore",
        "media_source": f"installation {facts.installation}, organization {facts.organization_reference}",
        "pre_sanitization_confidentiality": regime,
        "sanitization_description": "Purge",
        "method_used": "Cryptographic Erase (AES-256-GCM; HKDF-SHA256 from a key of the day), then removal of the rows",
        "tool_used": f"{facts.tool} {facts.tool_version}",
        "verification_method": "full: absence of the key, and the count of rows in the partition",
        "post_sanitization_confidentiality": "none: what remains anywhere can't be read",
        "post_sanitization_destination": "the partition stays in the database, empty; the key's file is removed",
        "data_backed_up": "copies in backups can't be read since the key was destroyed",
        "performed_by": f"{facts.performed_by} (software, unattended)",
        "performed_at": _time(facts.truncated_at) or "",
        "verified_by": f"{facts.tool} {facts.tool_version}, in the same transaction",
        "verified_at": _time(facts.verified_at) or "",
        "location": f"installation {facts.installation}",
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _count(messages: int) -> str:
    return "1 message" if messages == 1 else f"{messages:,} messages"
