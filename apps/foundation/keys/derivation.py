"""Keys derived from secrets, kept in memory for a minute at most: the hot path of reading and of taking messages in.

What this process destroys it forgets at once. Another process still derives from a secret for what is left of its minute,
so a destroyed secret has left every process a minute later; the clock starts when the file is read, also for what is derived.
"""

import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from apps.foundation.keys.interface import Keystore

CACHE_SECONDS = 60
MOST_KEPT = 4096

_secrets: dict[tuple[str, str], tuple[float, bytes]] = {}
_derived: dict[tuple[str, tuple[str, ...], bytes], tuple[float, bytes]] = {}


def derive(store: Keystore, names: tuple[str, ...], info: bytes, *, create: bool = False) -> bytes:
    """32 bytes from the secrets `names` by HKDF-SHA256 (RFC 5869), bound to `info`; kept in memory a minute at most."""
    now = time.monotonic()
    key = (store.identity, names, info)
    kept = _derived.get(key)
    if kept and kept[0] > now:
        return kept[1]
    read = [_secret(store, name, create, now) for name in names]
    material = b"".join(secret for _until, secret in read)
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(material)
    _keep(_derived, key, (min(until for until, _secret in read), derived), now)
    return derived


def _secret(store: Keystore, name: str, create: bool, now: float) -> tuple[float, bytes]:
    kept = _secrets.get((store.identity, name))
    if kept and kept[0] > now:
        return kept
    fresh = (now + CACHE_SECONDS, store.ensure(name) if create else store.get(name))
    _keep(_secrets, (store.identity, name), fresh, now)
    return fresh


def _keep(cache: dict, key: tuple, entry: tuple[float, bytes], now: float) -> None:
    if len(cache) >= MOST_KEPT:
        for old in [old for old, (until, _bytes) in list(cache.items()) if until <= now] or list(cache):
            cache.pop(old, None)
    cache[key] = entry


def forget(identity: str, name: str) -> None:
    """Leave out of memory what came from a secret; called by who destroys it."""
    _secrets.pop((identity, name), None)
    for key in [key for key in list(_derived) if key[0] == identity and name in key[1]]:
        _derived.pop(key, None)


def forget_all() -> None:
    """Leave nothing in memory, as in a process that has just begun."""
    _secrets.clear()
    _derived.clear()
