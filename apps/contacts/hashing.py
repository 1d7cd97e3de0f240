"""How an address becomes a value that matches and can't be read: pure functions over keys of the keystore.

Two keys, for two dangers. Without the fixed one nobody can try addresses against what is stored; the rotating one is replaced from
time to time, and when it is destroyed, the values in backups are noise. The inner hash never leaves memory but inside a sealed bundle.
"""

import hmac
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from apps.foundation.keys import derive, keystore
from apps.foundation.refusals import Refusal

FIXED = "matching/fixed"
EMAIL, PHONE, ITEM, NAME = b"email", b"phone", b"item", b"name"
HASH_BYTES = 16
VALUE_BYTES = 32
_INFO = b"covenant-matching/1"


class ValueNotOfThisKey(Refusal):
    """A stored value does not open with the matching key that it is said to be under."""

    code = "value_not_of_this_key"
    mend = "Have the source read anew, or have the person upload the file again; the value is worth nothing."


def secret_of(number: int) -> str:
    """The name of a rotating key in the keystore."""
    return f"matching/{number}"


def inner(kind: bytes, text: str) -> bytes:
    """The hash of an address, a number, a path or a name, under the fixed key; equal texts of one kind give equal hashes."""
    key = derive(keystore(), (FIXED,), _INFO + b"/hash", create=True)
    return hmac.digest(key, kind + b"\x00" + text.encode("utf-8", "surrogatepass"), "sha256")[:HASH_BYTES]


class RotatingKey:
    """One rotating key: closes inner hashes into the values that are stored, and opens them again. Deterministic."""

    def __init__(self, number: int, *, create: bool = False):
        self.number = number
        store, secret = keystore(), secret_of(number)
        halves = [derive(store, (secret,), _INFO + b"/siv-" + half, create=create) for half in (b"mac", b"ctr")]
        self._siv = AESSIV(b"".join(halves))

    def close(self, hashed: bytes) -> bytes:
        return self._siv.encrypt(hashed, None)

    def open(self, value: bytes) -> bytes:
        try:
            return self._siv.decrypt(bytes(value), None)
        except (InvalidTag, ValueError):
            raise ValueNotOfThisKey from None


def of_card(emails: Iterable[str], phones: Iterable[str]) -> set[bytes]:
    """The inner hashes of one card: addresses as accounts compare them, numbers in E.164."""
    return {inner(EMAIL, address) for address in emails} | {inner(PHONE, number) for number in phones}
