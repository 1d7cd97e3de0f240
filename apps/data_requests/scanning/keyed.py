"""The keyed hashes under which addresses may be known here, made once more from the secrets themselves.

Written a second time on purpose, by what is promised of each and not by calling who makes them. A secret that never was, or is destroyed,
hashed nothing that can be found.
"""

import contextlib
import hmac
import unicodedata
from collections.abc import Iterator

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.db import connection

from apps.data_requests.scanning.kinds import What
from apps.foundation.keys import KeyDestroyed, KeyMissing, derive, keystore
from apps.foundation.personal_data import Subject


def _key(secret: str, info: bytes) -> bytes | None:
    with contextlib.suppress(KeyMissing, KeyDestroyed):
        return derive(keystore(), (secret,), info)
    return None


def _hash(key: bytes, *parts: str) -> bytes:
    return hmac.digest(key, b"\x00".join(part.encode("utf-8", "surrogatepass") for part in parts), "sha256")


def _compared(address: str) -> str:
    """An address as it is compared: compatibility forms of its letters made one, capitals folded, trimmed."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", address).strip().casefold())


def _spelled(subject: Subject) -> list[tuple[str, str]]:
    """(kind, text) of each address and phone, as they are compared."""
    emails = [("email", _compared(address)) for address in subject.emails]
    return list(dict.fromkeys(emails + [("phone", number) for number in subject.phones]))


def of_subject(subject: Subject) -> Iterator[tuple[What, bytes]]:
    """Every hash under a key of ours that may stand for the person."""
    spelled = _spelled(subject)
    key = _key("request/known-by", b"covenant-known-by/1")
    if key:
        yield from ((What.HASH, _hash(key, kind, text)) for kind, text in spelled)
        yield from ((What.HASH, _hash(key, "identity", source, external)) for source, external in subject.identities)
    key = _key("inquiry/senders", b"covenant-inquiry-senders/1")
    if key:
        yield from ((What.HASH, _hash(key, "sender", text)) for kind, text in spelled if kind == "email")
    key = _key("matching/fixed", b"covenant-matching/1/hash")
    if key:
        inner = [_hash(key, kind, text)[:16] for kind, text in spelled]
        yield from ((What.HASH, hashed) for hashed in inner)
        for close in _rotating():
            yield from ((What.HASH, close.encrypt(hashed, None)) for hashed in inner)


def _rotating() -> Iterator[AESSIV]:
    """The keys of matching that are not destroyed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM contacts_matchingkey WHERE destroyed_at IS NULL ORDER BY number")
        numbers = [number for (number,) in cursor.fetchall()]
    for number in numbers:
        halves = [_key(f"matching/{number}", b"covenant-matching/1/siv-" + half) for half in (b"mac", b"ctr")]
        if None not in halves:
            yield AESSIV(b"".join(halves))


def tags(subject_handles: tuple[tuple[str, str], ...], *, organization: str, day: str, secret: str) -> list[bytes]:
    """The tags of a person among the messages of one day, or among rows that stepped aside under a secret of their own."""
    info = b"|".join((b"covenant-message/1", organization.encode(), day.encode(), b"index"))
    with contextlib.suppress(KeyMissing, KeyDestroyed):
        key = derive(keystore(), (secret, f"organization/{organization}"), info)
        return [_hash(key, kind, value)[:16] for kind, value in subject_handles]
    return []


def archive_tags(subject_handles: tuple[tuple[str, str], ...], *, archive: str) -> list[bytes]:
    """The same in the parts of a hosted archive."""
    key = _key(f"archive/{archive}", b"covenant-archive/1|index|" + archive.encode())
    return [_hash(key, kind, value)[:16] for kind, value in subject_handles] if key else []
