"""How one message is encrypted, tagged and proven. Fixed points of the design; changing one needs a new VERSION.

| what | how |
|---|---|
| cohort key | HKDF-SHA256(day secret ‖ organization secret, info = version ‖ organization ‖ day) |
| index key | HKDF-SHA256(same secrets, info = … ‖ "index"), so that it dies with the same secret |
| body | AES-256-GCM, random 96-bit nonce, additional data = organization, id, expiry, policy version |
| plaintext | 32 random bytes ‖ canonical JSON of the message |
| proof hash | SHA-256(0x00 ‖ the 32 bytes ‖ canonical JSON) |
| tags | HMAC-SHA256(index key, kind ‖ value), the first 16 bytes |

It must never see a database, log a value, or write plaintext anywhere.
"""

import hmac
import json
import os
from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from apps.foundation.digests import canonical, canonical_checked, proof_hash
from apps.foundation.keys import FileKeystore, derive
from apps.foundation.refusals import Refusal

VERSION = b"covenant-message/1"
ARCHIVE_VERSION = b"covenant-archive/1"
CANARY = b"covenant-canary/1 "
SALT_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
PROOF_BYTES = 32
#: tags of participants and conversations that one envelope remembers: they repeat, and an HMAC each time would be a sixth of ingest
MOST_TAGS_KEPT = 50_000


class Unreadable(Refusal):
    """A stored message can't be decrypted with its cohort's key: its bytes or its place were changed."""

    code = "message_unreadable"
    mend = "Compare with a backup; run `manage.py promises --code P06`. Nothing was changed."


class Sealed(NamedTuple):
    """One encrypted message, as it is stored."""

    source_tag: bytes
    tags: list[bytes]
    proof: bytes
    ciphertext: bytes


class Resealed(NamedTuple):
    """What changes of a message that moves under another key; its proof does not."""

    tags: list[bytes]
    ciphertext: bytes


class Envelope:
    """Encrypts and opens the messages of one cohort, or of its rows that stepped aside. Holds keys in memory only.

    Made anew for each piece of work (its keys are cached a minute at most, by `derive`) and kept while that lasts.
    """

    def __init__(self, key: bytes, index_key: bytes, *, organization: str, expiry: date):
        self._aead = AESGCM(key)
        self._mac = HMAC(index_key, SHA256())
        self._about = f"{organization}|{expiry.isoformat()}"
        self._kept: dict[tuple[str | None, ...], bytes] = {}

    def tag(self, kind: str, value: str) -> bytes:
        """The 16 bytes under which something can be found while the cohort's key lives."""
        mac = self._mac.copy()
        mac.update(f"{kind}\x00{value}".encode("utf-8", "surrogatepass"))
        return mac.finalize()[:TAG_BYTES]

    def source_tag(self, source: str, message_id: str) -> bytes:
        return self.tag("source", f"{source}\x00{message_id}")

    def source_tags(self, source: str, message_ids: Iterable[str]) -> Iterator[bytes]:
        """`source_tag` of each."""
        begun = self._mac.copy()
        begun.update(f"source\x00{source}\x00".encode("utf-8", "surrogatepass"))
        for message_id in message_ids:
            mac = begun.copy()
            mac.update(message_id.encode("utf-8", "surrogatepass"))
            yield mac.finalize()[:TAG_BYTES]

    def conversation_tag(self, source: str, conversation: str) -> bytes:
        return self.tag("conversation", f"{source}\x00{conversation}")

    def tags(self, message: dict) -> list[bytes]:
        """One tag for the conversation and one for each person or unmatched participant."""
        source, kept = message["source"], self._kept
        if len(kept) > MOST_TAGS_KEPT:
            kept.clear()
        key = (source, message["conversation"])
        tags = {kept.get(key) or self._keep(key, self.conversation_tag(*key))}
        for party in (message["sender"], *message["recipients"]):
            key = (source, party.get("person"), party.get("email"), party.get("id"))
            tags.add(kept.get(key) or self._keep(key, self.tag(*handle(source, party))))
        return sorted(tags)

    def _keep(self, key: tuple, tag: bytes) -> bytes:
        self._kept[key] = tag
        return tag

    def _bound_to(self, number: int, policy_version: int) -> bytes:
        return f"{self._about}|{number}|{policy_version}".encode()

    def seal_bytes(self, plain: bytes, *, number: int, policy_version: int) -> bytes:
        """Nonce and ciphertext of `plain`, bound to its place."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, self._bound_to(number, policy_version))

    def open_bytes(self, ciphertext: bytes, *, number: int, policy_version: int) -> bytes:
        """What `seal_bytes` took. Raises Unreadable."""
        try:
            return self._aead.decrypt(
                bytes(ciphertext[:NONCE_BYTES]), bytes(ciphertext[NONCE_BYTES:]), self._bound_to(number, policy_version)
            )
        except InvalidTag:
            raise Unreadable(f"Message {number} does not open with its key.") from None

    def seal(self, message: dict, *, number: int, policy_version: int, salt: bytes | None = None) -> Sealed:
        """Encrypt `message` under `number`, the row's id. `salt` is given when a row moves and keeps its proof hash.

        Of a message only attachments hold numbers, so only where there are some is it looked through for fractions.
        """
        body = canonical(message) if message.get("attachments") else canonical_checked(message)
        source_tag = self.source_tag(message["source"], message["id"])
        (chance,) = self.chances(1)
        if salt is not None:
            chance = chance[:NONCE_BYTES] + salt
        return self.seal_body(body, number, policy_version, source_tag, self.tags(message), chance)

    def chances(self, count: int) -> Iterator[bytes]:
        """Random bytes for each of `count` calls of `seal_body`, asked of the system at once. Each is used once and never again."""
        width = NONCE_BYTES + SALT_BYTES
        chance = os.urandom(width * count)
        return (chance[start : start + width] for start in range(0, width * count, width))

    def seal_body(self, body: bytes, number: int, policy_version: int, source_tag: bytes, tags: list[bytes], chance: bytes) -> Sealed:
        """`seal`, for who has the canonical JSON of the message, its tags, and one of the `chances` already."""
        nonce, plain = chance[:NONCE_BYTES], chance[NONCE_BYTES:] + body
        bound = f"{self._about}|{number}|{policy_version}".encode()
        return Sealed(source_tag, tags, proof_hash(plain), nonce + self._aead.encrypt(nonce, plain, bound))

    def reseal(self, salt: bytes, body: bytes, message: dict, *, number: int, policy_version: int) -> Resealed:
        """A message that moves under this key, as `open_raw` gave it: the same bytes, so that its proof hash stays what it was."""
        return Resealed(self.tags(message), self.seal_bytes(salt + body, number=number, policy_version=policy_version))

    def open_raw(self, ciphertext: bytes, *, number: int, policy_version: int) -> tuple[bytes, bytes]:
        """The 32 random bytes and the canonical JSON of the message, unparsed. Raises Unreadable."""
        plain = self.open_bytes(ciphertext, number=number, policy_version=policy_version)
        return plain[:SALT_BYTES], plain[SALT_BYTES:]

    def open(self, ciphertext: bytes, *, number: int, policy_version: int) -> tuple[dict, bytes]:
        """The message and its 32 random bytes. Raises Unreadable."""
        salt, body = self.open_raw(ciphertext, number=number, policy_version=policy_version)
        return parsed(body), salt


def parsed(body: bytes) -> dict:
    """The message whose canonical JSON this is."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:  # half a surrogate pair, which that parser refuses
        return json.loads(body)


def handle(source: str, party: dict) -> tuple[str, str]:
    """How a participant is found: by the person where matched, else by e-mail, else by the source's id."""
    if party.get("person"):
        return "person", party["person"]
    if party.get("email"):
        return "email", party["email"]
    return "id", f"{source}\x00{party.get('id', '')}"


def day_secret(day: date) -> str:
    return f"day/{day.isoformat()}"


def organization_secret(organization: str) -> str:
    return f"organization/{organization}"


def archive_secret(reference: str) -> str:
    """The secret of one archive, or with an organization's reference of all its hosted archives."""
    return f"archive/{reference}"


def _envelope(store: FileKeystore, names: tuple[str, str], organization: str, expiry: date, create: bool) -> Envelope:
    info = b"|".join((VERSION, organization.encode(), expiry.isoformat().encode()))
    key = derive(store, names, info, create=create)
    index_key = derive(store, names, info + b"|index", create=create)
    return Envelope(key, index_key, organization=organization, expiry=expiry)


def for_cohort(store: FileKeystore, *, organization: str, expiry: date, create: bool = False) -> Envelope:
    """The envelope of a cohort. `create` makes missing secrets: only ingest, while it holds the cohort's lock, may."""
    return for_secret(store, day_secret(expiry), organization=organization, expiry=expiry, create=create)


def for_secret(store: FileKeystore, secret: str, *, organization: str, expiry: date, create: bool = False) -> Envelope:
    """The envelope of rows that stepped aside, or were moved: under a secret of their own, destroyed on their own day."""
    return _envelope(store, (secret, organization_secret(organization)), organization, expiry, create)


def archive_key(store: FileKeystore, *, organization: str, archive: str, create: bool = False) -> bytes:
    """The 32 bytes of a hosted archive's age identity: gone with the archive's own secret or the organization's."""
    names = (archive_secret(archive), archive_secret(organization))
    return derive(store, names, ARCHIVE_VERSION + b"|age|" + archive.encode(), create=create)


def for_archive_index(store: FileKeystore, archive: str) -> Envelope:
    """Tags only: under which a person or a conversation is found in the parts of a hosted archive."""
    key = derive(store, (archive_secret(archive),), ARCHIVE_VERSION + b"|index|" + archive.encode())
    return Envelope(key, key, organization=archive, expiry=date.min)


def canary(envelope: Envelope, *, cohort: str) -> bytes:
    """A known text under the cohort's key, kept with the cohort: whoever can't open it sees that the key is gone."""
    return envelope.seal_bytes(CANARY + cohort.encode(), number=0, policy_version=0)


def opens_canary(envelope: Envelope, ciphertext: bytes, *, cohort: str) -> bool:
    """Whether this key still opens the cohort's canary."""
    try:
        return envelope.open_bytes(ciphertext, number=0, policy_version=0) == CANARY + cohort.encode()
    except Unreadable:
        return False


def imported_once_tag(store: FileKeystore, *, organization: str, source: str, message_id: str) -> bytes:
    """Marks a message whose life counts from an import, independent of its day (16 bytes)."""
    key = derive(store, (organization_secret(organization),), VERSION + b"|imported-once", create=True)
    return hmac.digest(key, f"{source}\x00{message_id}".encode("utf-8", "surrogatepass"), "sha256")[:TAG_BYTES]
