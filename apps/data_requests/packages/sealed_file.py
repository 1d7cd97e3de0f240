"""A file that is encrypted as it is written and read, in pieces, under one secret of the keystore.

| bytes | what |
|---|---|
| 0–3 | `CVP1` |
| 4–19 | 16 random bytes of this file: its key is HKDF-SHA256(secret, info = version ‖ name of the secret ‖ these) |
| then | pieces of 64 KiB under AES-256-GCM: nonce = number of the piece (11 bytes) ‖ 1 for the last piece, else 0; additional data = what the file is |

That is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015, as age has it): a file that was cut, put together anew or given another name
does not open. A key of its own for each file, so that a file that is written again after a death never uses a nonce twice.
It must never hand on bytes that were not authenticated, and never write plaintext.
"""

import hashlib
import os
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.foundation.keys import SealBroken, derive
from apps.foundation.keys.interface import Keystore

MAGIC = b"CVP1"
VERSION = b"covenant-sealed-file/1"
SALT_BYTES = 16
HEADER_BYTES = len(MAGIC) + SALT_BYTES
PIECE = 64 * 1024
TAG_BYTES = 16


class Writer:
    """Encrypts what is written to it into `sink`; knows size and SHA-256 of what came in and of what went out. `close` ends the file."""

    def __init__(self, sink: BinaryIO, *, store: Keystore, secret: str, about: str):
        salt = os.urandom(SALT_BYTES)
        self._sink, self._about = sink, about.encode()
        self._cipher = AESGCM(_key(store, secret, salt, create=True))
        self._waiting = bytearray()
        self._number = 0
        self._plain, self._sealed = hashlib.sha256(), hashlib.sha256()
        self.size = 0
        self._out(MAGIC + salt)

    def write(self, piece: bytes) -> int:
        self._plain.update(piece)
        self.size += len(piece)
        self._waiting += piece
        while len(self._waiting) > PIECE:  # the last piece is only known by what does not follow it
            self._seal(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]
        return len(piece)

    def flush(self) -> None:
        """Whoever writes a zip asks for it; a piece is written when it is full."""

    def close(self) -> None:
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    @property
    def digest(self) -> bytes:
        return self._plain.digest()

    @property
    def sealed_digest(self) -> bytes:
        return self._sealed.digest()

    def _seal(self, piece: bytes, *, last: bool) -> None:
        self._out(self._cipher.encrypt(_nonce(self._number, last), piece, self._about))
        self._number += 1

    def _out(self, sealed: bytes) -> None:
        self._sealed.update(sealed)
        self._sink.write(sealed)


def read(source: BinaryIO, *, store: Keystore, secret: str, about: str) -> Iterator[bytes]:
    """What was written, piece by piece, each authenticated. Raises SealBroken, KeyMissing or KeyDestroyed."""
    header = source.read(HEADER_BYTES)
    if len(header) != HEADER_BYTES or not header.startswith(MAGIC):
        raise SealBroken(f"What is sealed about {about} does not open.")
    cipher = AESGCM(_key(store, secret, header[len(MAGIC) :], create=False))
    number, piece = 0, source.read(PIECE + TAG_BYTES)
    while True:
        following = source.read(PIECE + TAG_BYTES)
        try:
            plain = cipher.decrypt(_nonce(number, not following), piece, about.encode())
        except (InvalidTag, ValueError):
            raise SealBroken(f"What is sealed about {about} does not open.") from None
        if plain:
            yield plain
        if not following:
            return
        number, piece = number + 1, following


def _key(store: Keystore, secret: str, salt: bytes, *, create: bool) -> bytes:
    return derive(store, (secret,), b"|".join((VERSION, secret.encode(), salt)), create=create)


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
