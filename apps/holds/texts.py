"""The words of a matter as they may stand in the journal: encrypted under the matter's own secret, outside the database.

The journal is kept for good and is what a restored database is put right from, so it must carry which conversation a hold
names and why, and must never say so to whoever reads it. Without the secret `hold/MAT-…` nobody can.
AES-256-GCM; random nonce; additional data = what the words are about, so that they can't be moved to another line.
"""

import base64
import binascii
import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.foundation.digests import canonical, commitment
from apps.foundation.keys import derive, keystore
from apps.foundation.refusals import Refusal

VERSION = b"covenant-hold/1"
NONCE_BYTES = 12
#: the journal takes codes of this length at most
PIECE = 80


class WordsUnreadable(Refusal):
    """The words of a matter in the journal don't open with the matter's secret."""

    code = "words_unreadable"
    mend = "Put back the keystore that belongs to this journal; nothing was changed."


def secret_of(matter_reference: str) -> str:
    """The name of the matter's secret in the keystore."""
    return f"hold/{matter_reference}"


def make_secret(matter_reference: str) -> None:
    """Make the secret of a new matter. Called once, when it is opened."""
    keystore().ensure(secret_of(matter_reference))


def seal(words: dict, *, matter: str, about: str) -> list[str]:
    """`words` encrypted, in pieces that the journal takes."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + _cipher(matter).encrypt(nonce, canonical(words), about.encode())
    text = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
    return [text[start : start + PIECE] for start in range(0, len(text), PIECE)]


def unseal(pieces: list[str], *, matter: str, about: str) -> dict:
    """What was sealed. Raises WordsUnreadable, KeyMissing, KeyDestroyed or KeyDamaged."""
    text = "".join(pieces)
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return json.loads(_cipher(matter).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode()))
    except (InvalidTag, ValueError, binascii.Error):
        raise WordsUnreadable(f"The words about {about} do not open with the secret of {matter}.") from None


def conversation_digest(salt: bytes, source: str, conversation_id: str) -> str:
    """What the journal says of a conversation: without the hold's salt it can't be guessed. Empty for none."""
    if not conversation_id:
        return ""
    return commitment(bytes(salt), [source, conversation_id]).hex()


def _cipher(matter: str) -> AESGCM:
    return AESGCM(derive(keystore(), (secret_of(matter),), VERSION + b"|" + matter.encode()))
