"""Bytes sealed under a secret of the keystore, as they may lie in the database: when the secret is destroyed, they are gone from backups too.

AES-256-GCM; random nonce of 12 bytes in front; additional data = what the bytes are about, so that they can't be moved to another row.
What lies under one secret dies with it: whoever wants rows to end one by one gives each a secret of its own.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.foundation.keys.derivation import derive
from apps.foundation.keys.interface import Keystore
from apps.foundation.refusals import Refusal

VERSION = b"covenant-sealed/1"
NONCE_BYTES = 12


class SealBroken(Refusal):
    """What was sealed does not open with its secret: it was changed, or belongs to another row."""

    code = "seal_broken"
    mend = "Put back the row from a backup, or register it anew; nothing was changed."


def seal(plain: bytes, *, store: Keystore, secret: str, about: str) -> bytes:
    """`plain` encrypted under the secret of that name, made now if it never existed. Raises KeyDestroyed."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(store, secret, create=True).encrypt(nonce, plain, about.encode())


def unseal(sealed: bytes, *, store: Keystore, secret: str, about: str) -> bytes:
    """What was sealed. Raises SealBroken, KeyMissing, KeyDestroyed or KeyDamaged."""
    sealed = bytes(sealed)
    try:
        return _cipher(store, secret, create=False).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode())
    except (InvalidTag, ValueError):
        raise SealBroken(f"What is sealed about {about} does not open.") from None


def _cipher(store: Keystore, secret: str, *, create: bool) -> AESGCM:
    return AESGCM(derive(store, (secret,), VERSION + b"|" + secret.encode(), create=create))
