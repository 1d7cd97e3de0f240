"""A small real archive: two parts of what was sealed, one of a supplement; an edit, and messages deleted before and after the seal."""

import io
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import pyrage
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apps.foundation.digests import canonical, leaf_hash, merkle_root
from apps.retention.archives import age_keys, container, manifest

EXPIRY = date(2026, 3, 15)
CLOSED = datetime(2026, 3, 15, 0, 4, 20, 123456, tzinfo=UTC)
IDENTITY, RECIPIENT = age_keys.age_identity(sha256(b"the organization's archive secret").digest())
OTHER_IDENTITY, OTHER_RECIPIENT = age_keys.age_identity(sha256(b"another one's").digest())
EDITED, DELETED, DELETED_LATER, NEVER_SENT = 7, 9, 12, 44
NAMES = [container.part_name(number) for number in (1, 2, 3)]


@dataclass(frozen=True)
class Row:
    """One message as it comes out of its decryption."""

    id: int
    segment: int
    salt: bytes
    message: bytes
    policy_version: int = 3

    @property
    def proof(self) -> bytes:
        return leaf_hash(self.salt, self.message)

    def raw(self) -> tuple:
        return self.id, self.segment, self.policy_version, self.salt, self.proof, self.message

    def as_dict(self) -> dict:
        return self._beside() | {"message": json.loads(self.message)}

    def line(self) -> bytes:
        """The line of a part, whatever `message` holds."""
        return canonical(self._beside() | {"message": None}).replace(b'"message":null', b'"message":' + self.message) + b"\n"

    def _beside(self) -> dict:
        return {
            "id": self.id, "segment": self.segment, "policy_version": self.policy_version, "salt": self.salt.hex(),
            "proof": self.proof.hex(),
        }  # fmt: skip


def row(number: int, segment: int = 0, body: str = "", edition: int = 0) -> Row:
    message = {
        "id": f"m{number}", "conversation": "ward 7", "body": body or f"Grüße Nr. {number}\n\u2028", "source": "chat",
        "attachments": [], "sender": {"email": "ada@mercy.example", "person": None}, "sent_at": "2026-03-08T12:00:00.000000Z",
    }  # fmt: skip
    return Row(number, segment, sha256(f"{number}/{edition}".encode()).digest(), canonical(message))


def rows() -> list[list[Row]]:
    """The messages of each part."""
    first = [row(number) for number in range(1, 41)]
    second = [row(EDITED, body="edited", edition=1), *(row(number) for number in range(41, 61) if number != NEVER_SENT)]
    return [first, second, [row(number, segment=1) for number in range(61, 66)]]


def sealed() -> list[tuple[int, int, str]]:
    """Count and root of each segment, as they were sealed: without what was deleted before, with what was deleted after."""
    first = {number: row(number) for number in range(1, 61) if number != DELETED} | {EDITED: row(EDITED, body="edited", edition=1)}
    second = {number: row(number, segment=1) for number in range(61, 66)}
    return [
        (segment, len(kept), merkle_root(kept[number].proof for number in sorted(kept)).hex())
        for segment, kept in enumerate((first, second))
    ]


def header(archive: str, number: int, previous: str, **changes) -> dict:
    return container.part_header(
        archive=archive, part=number, organization="ORG-7F3K2MP", expiry=EXPIRY, policy_versions=[3], previous=previous,
        made_at=CLOSED,
    ) | changes  # fmt: skip


def facts(archive: str = "ARC-9QX7F3K", **changes) -> manifest.ManifestFacts:
    return manifest.ManifestFacts(**{
        "archive": archive,
        "organization": "ORG-7F3K2MP",
        "cohort": "COH-2B9XK1T",
        "expiry_on": EXPIRY,
        "installation": "0b7e6f1c-52c5-4a0e-9d2e-6f2f3f3a9c11",
        "policy_versions": [3],
        "target_kind": "s3",
        "target_country": "US",
        "recipients": [RECIPIENT],
        "parts": (),
        "segments": sealed(),
        "deleted": [DELETED],
        "deleted_after_seal": [(number, 0, row(number).proof.hex()) for number in (DELETED_LATER, NEVER_SENT)],
        "closed_at": CLOSED,
    } | changes)  # fmt: skip


def write(folder: Path, archive: str = "ARC-9QX7F3K", recipient: str = RECIPIENT, parts: list[list[Row]] | None = None) -> dict:
    """Write an archive as it is written to be kept; returns its manifest."""
    folder.mkdir(parents=True)
    written, previous = [], ""
    for number, lines in enumerate(rows() if parts is None else parts, 1):
        with (
            (folder / container.part_name(number)).open("wb") as sink,
            container.PartWriter(sink, [recipient], header(archive, number, previous)) as part,
        ):
            for line in lines:
                part.add_raw(*line.raw())
            written.append(part.close().as_dict())
        previous = written[-1]["sha256"]
    document = manifest.build(facts(archive, recipients=[recipient], parts=written))
    (folder / container.MANIFEST).write_bytes(manifest.sign(document))
    return document


def packed(plain: bytes, recipient: str = RECIPIENT) -> bytes:
    """Any bytes as a part, as anybody who has the public key can write one."""
    return locked(zstandard.ZstdCompressor(level=1, write_checksum=True).compress(plain), recipient)


def locked(content: bytes, recipient: str = RECIPIENT) -> bytes:
    return pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(recipient)])


def unpacked(part: bytes, identity: str = IDENTITY) -> bytes:
    """What a part holds, by the libraries alone."""
    content = pyrage.decrypt(part, [pyrage.x25519.Identity.from_str(identity)])
    return zstandard.ZstdDecompressor().decompressobj().decompress(content)


def packed_from(blocks, recipient: str = RECIPIENT) -> bytes:
    """Like `packed`, for what would not fit into memory."""
    packing, out = zstandard.ZstdCompressor(level=1).compressobj(), io.BytesIO()
    for block in blocks:
        out.write(packing.compress(block))
    out.write(packing.flush())
    return locked(out.getvalue(), recipient)


def signed_again(folder: Path, document: dict) -> None:
    """Sign what we would never sign, with our own key: what an archive says is then the only thing that can be wrong."""
    (folder / container.MANIFEST).write_bytes(manifest.sign(document))


def put_in(folder: Path, document: dict, number: int, part: bytes, plain: bytes | None = None, **changes) -> None:
    """Put a part of our own making in the place of one, and sign that it belongs there."""
    entry = document["parts"][number - 1]
    plain = unpacked(part) if plain is None else plain
    entry |= {
        "lines": plain.count(b"\n") - 1, "bytes": len(part), "sha256": sha256(part).hexdigest(), "plain_bytes": len(plain),
        "plain_sha256": sha256(plain).hexdigest(), "start_sha256": sha256(part[:128]).hexdigest(),
    } | changes  # fmt: skip
    parts = document["parts"]
    document["counts"] |= {"lines": sum(part["lines"] for part in parts), "bytes": sum(part["bytes"] for part in parts)}
    (folder / entry["name"]).write_bytes(part)
    signed_again(folder, document)


def signed_by(private: Ed25519PrivateKey, document: dict, named: bytes | None = None) -> bytes:
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    value = private.sign(b"covenant-archive/1\n" + canonical(document))
    signature = {"algorithm": "Ed25519", "key": (named or public).hex(), "value": value.hex()}
    return canonical({"manifest": document, "signature": signature})
