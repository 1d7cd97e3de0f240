"""The place of a target, opened for one job: from what was registered, with credentials that only the keystore can open.

What lies with somebody else is reached through the gate: a part or a manifest is a disclosure to the client whose server it is,
or to the provider that runs the store for us; everything else is a contact that hands nothing over. A folder of ours is on our own
disks: nobody gets anything there, so no permit is asked.

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
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from apps.foundation.actors import SYSTEM
from apps.foundation.digests import canonical
from apps.foundation.files import make_folder
from apps.foundation.keys import derive, keystore
from apps.foundation.refusals import Refusal
from apps.gate.client.addresses import Guard, Pinned, Target
from apps.gate.client.passage import Passage, contacting, handing_over
from apps.gate.client.troubles import PeerDown, PeerTrouble
from apps.gate.package import About, Package, Recipient
from apps.gate.states import ContactReason, Ground
from apps.policies.vocabulary import DisclosurePurpose
from apps.retention.archives.places.base import Place
from apps.retention.archives.places.registry import PLACES, guard_for
from apps.retention.models import Archive, ArchiveTarget
from apps.retention.states import PlaceKind, TargetKind

VERSION = b"covenant-place/1"


class CredentialsUnreadable(Refusal):
    """The credentials of a target don't open with its secret."""

    code = "credentials_unreadable"
    mend = "Register the target anew with its credentials; nothing was changed."


class ProviderNotNamed(PeerTrouble):
    """A store that somebody runs for us is used only when it is known who."""

    code = "provider_not_named"
    mend = "Name the provider that runs the store at the target; the gate asks whether it may have archives."
    retryable = False


@dataclass(frozen=True, kw_only=True)
class Handed:
    """One object that is handed over: what it is, by reference, and what it holds."""

    what: str
    digest: bytes
    size: int
    categories: frozenset[str]
    fields: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class PinnedGuard(Guard):
    """Looks nothing up: the address is the one that was approved."""

    address: IPv4Address | IPv6Address

    def pin(self, target: Target) -> Pinned:
        passage = self.way()
        self.require_allowed(self.address)
        return Pinned(target, (self.address,), passage)


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


def _guard(target: ArchiveTarget, address: str, passage: Passage) -> Guard:
    """What a job may reach: the address that was approved, where there is one."""
    own = guard_for(PLACES[target.place]).within(passage)
    if not address:
        return own
    return PinnedGuard(
        ports=own.ports, allowed=own.allowed, resolve_seconds=own.resolve_seconds, passage=passage, address=ip_address(address)
    )


def recipient_of(target: ArchiveTarget) -> Recipient:
    """Who gets what is put there: the client whose server it is, or who runs the store for us."""
    if target.kind == TargetKind.OWN_SERVER:
        return Recipient.client(target.organization.reference)
    if target.provider is None:
        raise ProviderNotNamed(f"Nobody knows who runs the store of {target.reference}.")
    return Recipient.provider(target.provider.reference)


@contextmanager
def place_of(target: ArchiveTarget, why: ContactReason, *, by: Any = SYSTEM, at: datetime) -> Iterator[Place]:
    """The place of an approved target, for one job that hands nothing over."""
    if target.place == PlaceKind.LOCAL:
        yield _open(target)
        return
    with contacting(recipient=recipient_of(target), why=why, by=by, at=at) as passage:
        yield _open(target, _guard(target, target.pinned_address, passage))


@contextmanager
def delivery_to(archive: Archive, handed: Handed, *, at: datetime) -> Iterator[tuple[Place, str]]:
    """The place of an archive, to hand over one object, and the reference of its disclosure; none where nobody else gets it."""
    target = archive.target
    if target.place == PlaceKind.LOCAL:
        yield _open(target), ""
        return
    with handing_over(package=_package(target, handed), by=SYSTEM, at=at) as passage:
        yield _open(target, _guard(target, target.pinned_address, passage)), passage.disclosure


def _package(target: ArchiveTarget, handed: Handed) -> Package:
    organization = target.organization
    return Package(
        recipient=recipient_of(target), about=About.organization(organization.reference), categories=handed.categories,
        fields=handed.fields, purpose=DisclosurePurpose.ARCHIVING,
        ground=Ground.CLIENT if target.kind == TargetKind.OWN_SERVER else Ground.SERVICE_PROVIDER,
        patient_information=organization.hipaa_covered, digest=handed.digest, size=handed.size, what=handed.what,
        countries=(target.country,),
    )  # fmt: skip


def check(target: ArchiveTarget) -> None:
    """Refuse what describes no place, or one that may not be; nothing is connected."""
    _open(target)


def try_out(target: ArchiveTarget, *, by: Any, at: datetime) -> str:
    """Put a test object, prove it, remove it. Returns the address to hold on to: of a client's server, the first that works."""
    if target.place == PlaceKind.LOCAL:
        _open(target).try_out(at=at)
        return ""
    with contacting(recipient=recipient_of(target), why=ContactReason.TRY_OUT, by=by, at=at) as passage:
        return _try_out(target, passage, at)


def _try_out(target: ArchiveTarget, passage: Passage, at: datetime) -> str:
    guard = _guard(target, "", passage)
    if not PLACES[target.place].for_clients:
        _open(target, guard).try_out(at=at)
        return ""
    addresses = guard.pin(guard.read(target.address, scheme=target.place)).addresses
    for number, address in enumerate(addresses, 1):
        try:
            _open(target, _guard(target, str(address), passage)).try_out(at=at)
        except PeerDown:
            if number == len(addresses):
                raise
        else:
            return str(address)
    raise PeerDown
