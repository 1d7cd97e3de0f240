"""One message: it opens with the key it should open with, its proof fits, and it is found by the tags it should be found by."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.assurance.fsck.secrets import Secrets

VERSION = b"covenant-message/1"


class Opener:
    """The two keys of a cohort, or of rows that stepped aside. Raises Closed where a secret is missing."""

    def __init__(self, secrets: Secrets, secret: str, *, organization: str, day: date):
        names = (secret, f"organization/{organization}")
        info = b"|".join((VERSION, organization.encode(), day.isoformat().encode()))
        self._cipher = AESGCM(secrets.derive(names, info))
        self._index = secrets.derive(names, info + b"|index")
        self._about = f"{organization}|{day.isoformat()}"

    def plain(self, ciphertext: bytes, number: int, version: int) -> bytes | None:
        """The plaintext, None where it does not open in that place."""
        try:
            return self._cipher.decrypt(ciphertext[:12], ciphertext[12:], f"{self._about}|{number}|{version}".encode())
        except InvalidTag:
            return None

    def opens_canary(self, canary: bytes, reference: str) -> bool:
        return self.plain(canary, 0, 0) == b"covenant-canary/1 " + reference.encode()

    def tag(self, kind: str, value: str) -> bytes:
        return hmac.digest(self._index, f"{kind}\x00{value}".encode("utf-8", "surrogatepass"), "sha256")[:16]

    def tags(self, message: dict) -> set[bytes]:
        """Under what a message must be found: its conversation, and everybody who wrote or received it."""
        found = {self.tag("conversation", f"{message['source']}\x00{message['conversation']}")}
        for party in (message["sender"], *message["recipients"]):
            if party.get("person"):
                found.add(self.tag("person", party["person"]))
            elif party.get("email"):
                found.add(self.tag("email", party["email"]))
            else:
                found.add(self.tag("id", f"{message['source']}\x00{party.get('id', '')}"))
        return found


def problems(opener: Opener, row: Any) -> Iterator[str]:
    """What is wrong with a row that has id, policy_version_id, proof, tags and ciphertext."""
    plain = opener.plain(bytes(row.ciphertext), row.id, row.policy_version_id)
    if plain is None:
        yield "does not open with its key"
        return
    if hashlib.sha256(b"\x00" + plain).digest() != bytes(row.proof):
        yield "does not match its proof"
    message = json.loads(plain[32:])
    if opener.tags(message) != {bytes(tag) for tag in row.tags}:
        yield "is not found by the people and the conversation it names"
    source_tag = getattr(row, "source_tag", None)
    if source_tag is not None and bytes(source_tag) != opener.tag("source", f"{message['source']}\x00{message['id']}"):
        yield "is not found by its id at its source"


def message_of(opener: Opener, row: Any) -> dict | None:
    """What a row says, None where it does not open."""
    plain = opener.plain(bytes(row.ciphertext), row.id, row.policy_version_id)
    return None if plain is None else json.loads(plain[32:])
