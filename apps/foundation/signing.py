"""Ed25519 signatures (RFC 8032) with keys that live as files outside the database.

One key per use (journal, certificates, ledger): a key that leaks in one place proves nothing in another. The private
half is written once, 0600, and never printed; the public half is what auditors pin.
"""

import os
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from apps.foundation.digests import sha256
from apps.foundation.files import write_once
from apps.foundation.refusals import Refusal

USES = ("journal", "certificates", "ledger")


class SigningKeyUnusable(Refusal):
    """A signing key is missing or can't be read."""

    code = "signing_key_unusable"
    mend = "Put the file back from where you keep it, mode 0600; run `manage.py prepare` only on a new installation."


def _path(use: str) -> Path:
    if use not in USES:
        raise ValueError(f"no signing key for {use!r}")
    return Path(settings.COVENANT_HOME) / "signing" / f"{use}.pem"


def create_missing() -> list[str]:
    """Make the keys that don't exist yet; returns their uses. Only `manage.py prepare` calls this."""
    made = []
    for use in USES:
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        if write_once(_path(use), pem):
            made.append(use)
    return made


@lru_cache(maxsize=16)
def _load(path: str, _inode: int) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(Path(path).read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("not an Ed25519 key")
    return key


def _private(use: str) -> Ed25519PrivateKey:
    path = _path(use)
    try:
        return _load(str(path), os.stat(path).st_ino)
    except (OSError, ValueError) as error:
        raise SigningKeyUnusable(f"The signing key for {use} can't be used ({type(error).__name__}).") from error


def sign(use: str, message: bytes) -> bytes:
    """Signature (64 bytes) of `message` under the key for `use`."""
    return _private(use).sign(message)


def public_key(use: str) -> bytes:
    """The raw public key (32 bytes) to pin."""
    return _private(use).public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def fingerprint(public: bytes) -> str:
    """How a public key is named in writing: the first 16 hex digits of its SHA-256."""
    return sha256(public).hex()[:16]


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` over `message` was made by the owner of `public`."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
