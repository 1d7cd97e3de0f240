"""Addresses, phones and ids as keyed hashes: by them a request outlives its person without naming them, and nobody can try them out.

The key is the secret `request/known-by`, which no request's end destroys. It must never write what it hashes anywhere.
"""

import hmac
from hashlib import sha256

from apps.accounts.details import normalise_email
from apps.foundation.keys import derive, keystore

SECRET = "request/known-by"
VERSION = b"covenant-known-by/1"
_BETWEEN = b"\x00"


def keyed(*parts: str) -> bytes:
    """A hash of 32 bytes that says nothing to who has no keystore."""
    key = derive(keystore(), (SECRET,), VERSION, create=True)
    return hmac.new(key, _BETWEEN.join(part.encode("utf-8", "surrogatepass") for part in parts), sha256).digest()


def of_email(address: str) -> bytes:
    """By which two spellings of one address are the same."""
    return keyed("email", normalise_email(address))


def of_phone(number: str) -> bytes:
    """A phone in E.164."""
    return keyed("phone", number)


def of_prefix(address: str) -> bytes:
    """A network prefix, as it was cut."""
    return keyed("prefix", address)
