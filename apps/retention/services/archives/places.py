"""The place of a target, opened for one job: from what was registered, with credentials that only the keystore can open.

A client's own server is reached at the address that its name had when it was approved, and at no other, until somebody
approves it again. It must never put a credential into the database in clear, nor into a message or a log.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from apps.foundation.digests import canonical
from apps.foundation.files import make_folder
from apps.foundation.keys import derive, keystore
from apps.foundation.refusals import Refusal
from apps.gate.client.addresses import Guard, Pinned, Target
from apps.gate.client.troubles import PeerDown
from apps.retention.archives.places.base import Place
from apps.retention.archives.places.registry import PLACES, guard_for
from apps.retention.models import ArchiveTarget
from apps.retention.states import PlaceKind

VERSION = b"covenant-place/1"


class CredentialsUnreadable(Refusal):
    """The credentials of a target don't open with its secret."""

    code = "credentials_unreadable"
    mend = "Register the target anew with its credentials; nothing was changed."


@dataclass(frozen=True, kw_only=True)
class PinnedGuard(Guard):
    """Looks nothing up: the address is the one that was approved."""

    address: IPv4Address | IPv6Address

    def pin(self, target: Target) -> Pinned:
        self.require_allowed(self.address)
        return Pinned(target, (self.address,))


def secret_of(reference: str) -> str:
    return f"place/{reference}"


def seal_credentials(reference: str, credentials: Mapping[str, str]) -> bytes | None:
    """The credentials as they may lie in the database; none for a place that needs none."""
    given = {name: value for name, value in credentials.items() if value}
    if not given:
        return None
    key = derive(keystore(), (secret_of(reference),), VERSION, create=True)
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, canonical(given), reference.encode())


def _credentials(target: ArchiveTarget) -> dict[str, str]:
    if not target.credentials:
        return {}
    sealed, key = bytes(target.credentials), derive(keystore(), (secret_of(target.reference),), VERSION)
    try:
        return json.loads(AESGCM(key).decrypt(sealed[:12], sealed[12:], target.reference.encode()))
    except InvalidTag:
        raise CredentialsUnreadable(f"The credentials of {target.reference} do not open.") from None


def _settings(target: ArchiveTarget) -> dict[str, str]:
    """What the place's class asks for, from the columns of the target."""
    if target.place == PlaceKind.LOCAL:
        folder = Path(settings.COVENANT_HOME) / "archives"
        make_folder(folder.parent)
        return {"folder": str(folder)}
    if target.place == PlaceKind.S3:
        parts = urlsplit(target.address)
        return {"url": f"{parts.scheme}://{parts.netloc}", "bucket": parts.path.strip("/"), **target.options}
    if target.place == PlaceKind.SFTP:
        return {"url": target.address, "user": target.login, "host_key": target.peer_key, **target.options}
    return {"url": target.address, "receiver_key": target.peer_key, **target.options}


def _open(target: ArchiveTarget, guard: Guard | None = None) -> Place:
    kind = PLACES[target.place]
    return kind(_settings(target), _credentials(target), country=target.country, guard=guard or guard_for(kind))


def _guard(target: ArchiveTarget, address: str) -> Guard:
    own = guard_for(PLACES[target.place])
    return PinnedGuard(ports=own.ports, allowed=own.allowed, resolve_seconds=own.resolve_seconds, address=ip_address(address))


@contextmanager
def place_of(target: ArchiveTarget) -> Iterator[Place]:
    """The place of an approved target, for one job."""
    yield _open(target, _guard(target, target.pinned_address) if target.pinned_address else None)


def check(target: ArchiveTarget) -> None:
    """Refuse what describes no place, or one that may not be; nothing is connected."""
    _open(target)


def try_out(target: ArchiveTarget, *, at: datetime) -> str:
    """Put a test object, prove it, remove it. Returns the address to hold on to: of a client's server, the first that works."""
    if not PLACES[target.place].for_clients:
        _open(target).try_out(at=at)
        return ""
    guard = guard_for(PLACES[target.place])
    addresses = guard.pin(guard.read(target.address, scheme=target.place)).addresses
    for number, address in enumerate(addresses, 1):
        try:
            _open(target, _guard(target, str(address))).try_out(at=at)
        except PeerDown:
            if number == len(addresses):
                raise
        else:
            return str(address)
    raise PeerDown
