"""How a secret stands in its file: wrapped by a master key, so that a folder of the keystore alone opens nothing.

| bytes | CVK2 |
|---|---|
| 0–3 | `CVK2` |
| 4–11 | id of the master key: the first 8 bytes of SHA-256(`covenant-master-key/1` ‖ key) |
| 12–23 | nonce |
| 24–71 | the 32 secret bytes under AES-256-GCM with the secret's name as additional data, and the tag |
| 72–79 | checksum: the first 8 bytes of SHA-256 over the 72 before |

The checksum tells a flipped byte from another master key, without the key. Older installations have CVK1: `CVK1` ‖ secret ‖
checksum over magic, name and secret, in clear; it is read, and wrapped by the next rotation. Must never be given a path.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.foundation.digests import sha256
from apps.foundation.keys.refusals import KeyDamaged, KeyWrong

PLAIN, WRAPPED = b"CVK1", b"CVK2"
SECRET_BYTES = 32
ID_BYTES = 8
NONCE_BYTES = 12
CHECK_BYTES = 8
WRAPPED_BYTES = 80
ID = slice(4, 12)
NONCE = slice(12, 24)
SEALED = slice(24, 72)
#: what `wrapped_by` answers for a secret in clear
NOBODY = b""


def wrap(name: str, secret: bytes, *, key: AESGCM, key_id: bytes) -> bytes:
    """The content of the file that holds `secret` under `name`."""
    nonce = os.urandom(NONCE_BYTES)
    body = WRAPPED + key_id + nonce + key.encrypt(nonce, secret, name.encode())
    return body + sha256(body)[:CHECK_BYTES]


def wrapped_by(name: str, content: bytes) -> bytes:
    """The id of the master key that opens the file, NOBODY for one in clear. Raises KeyDamaged."""
    secret = content[4 : 4 + SECRET_BYTES]
    if content == PLAIN + secret + sha256(PLAIN, name.encode(), secret)[:CHECK_BYTES]:
        return NOBODY
    body, check = content[:-CHECK_BYTES], content[-CHECK_BYTES:]
    if content[:4] == WRAPPED and len(content) == WRAPPED_BYTES and check == sha256(body)[:CHECK_BYTES]:
        return content[ID]
    raise KeyDamaged(f"The secret {name} fails its checksum.")


def secret_in_clear(content: bytes) -> bytes:
    """The secret of a file that nobody wrapped."""
    return content[4 : 4 + SECRET_BYTES]


def unwrap(name: str, content: bytes, *, key: AESGCM) -> bytes:
    """The secret, with the master key that `wrapped_by` named. Raises KeyWrong."""
    try:
        return key.decrypt(content[NONCE], content[SEALED], name.encode())
    except InvalidTag:
        raise KeyWrong(f"The file of the secret {name} is whole, but was made for another name or by another hand.") from None
