"""Canonical bytes, digests and Merkle roots: the same value must give the same bytes in every version of this code.

Fixed points (DESIGN): leaf = SHA-256(0x00 ‖ salt ‖ canonical message); inner nodes as in RFC 6962 §2.1 with 0x01.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import orjson

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8. Floats are refused: they don't round-trip the same everywhere."""
    _no_floats(value)
    return _encode(value).encode("utf-8", "surrogatepass")


def canonical_checked(value: Any) -> bytes:
    """`canonical` of a value that was checked to be of dicts, lists, texts, whole numbers, true, false and null only.

    The same bytes ten times as fast. Whoever has not looked at every part of the value must call `canonical`.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # half a surrogate pair, or a number of more than 64 bits
        return _encode(value).encode("utf-8", "surrogatepass")


def _no_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError("canonical JSON takes no floats")
    if isinstance(value, dict):
        for item in value.values():
            _no_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _no_floats(item)


def sha256(*parts: bytes) -> bytes:
    """SHA-256 over the concatenation of `parts`, 32 bytes."""
    return hashlib.sha256(b"".join(parts)).digest()


def commitment(salt: bytes, detail: Any) -> bytes:
    """What binds a public record to an erasable detail: without the 32-byte salt the detail can't be guessed."""
    return sha256(b"\x02", salt, canonical(detail))


def leaf_hash(salt: bytes, canonical_message: bytes) -> bytes:
    """The proof hash of one message (DESIGN, "Proof hash")."""
    return proof_hash(salt + canonical_message)


def proof_hash(salted: bytes) -> bytes:
    """`leaf_hash` of the salt with the canonical message behind it, as they are encrypted together."""
    return hashlib.sha256(b"\x00" + salted).digest()


class MerkleTree:
    """A Merkle root over 32-byte leaves taken one by one, in constant memory (one hash per level).

    Same root as RFC 6962 §2.1: an odd node rises unchanged. The root of nothing is SHA-256 of the empty string.
    """

    def __init__(self) -> None:
        self.count = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        size, node = 1, leaf
        while self._peaks and self._peaks[-1][0] == size:
            node = hashlib.sha256(b"\x01" + self._peaks.pop()[1] + node).digest()
            size *= 2
        self._peaks.append((size, node))
        self.count += 1

    def root(self) -> bytes:
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        peaks = [node for _size, node in self._peaks]
        node = peaks.pop()
        while peaks:
            node = hashlib.sha256(b"\x01" + peaks.pop() + node).digest()
        return node


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """The Merkle root of `leaves` in their order."""
    tree = MerkleTree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()
