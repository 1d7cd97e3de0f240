"""What tests of archives share: targets in use at real places, and what really lies there."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyrage
from django.conf import settings

from apps.accounts.models import Organization
from apps.foundation import signing
from apps.foundation.keys import keystore
from apps.providers.models import Provider
from apps.retention import envelope
from apps.retention.archives import verify_archive
from apps.retention.archives.age_keys import age_identity
from apps.retention.models import Archive, ArchiveTarget
from apps.retention.services import targets
from tests import cast
from tests.cast import NOON
from tests.providers import registry


def hosted(organization: Organization, *, at: datetime = NOON, **given) -> ArchiveTarget:
    """A folder of ours, in use."""
    target = targets.propose(organization=organization, kind="hosted", place="local", by=cast.bo(), at=at, **given)
    return targets.approve(target=target, by=cast.cleo(), at=at)


def store_provider(*, at: datetime = NOON) -> Provider:
    """Who runs a store for us: in use, with a business associate agreement and a grant for archives."""
    provider = registry.in_use("Harbor Storage, Inc.", baa=True, at=at)
    registry.granted(provider, "message", "contact", "identity", purposes=("archiving",), patient_information=True, at=at)
    return provider


def folder() -> Path:
    return Path(settings.COVENANT_HOME) / "archives"


def identities(archive: Archive) -> list[str]:
    """The identity that opens a hosted archive."""
    organization = archive.cohort.organization.reference
    return [age_identity(envelope.archive_key(keystore(), organization=organization, archive=archive.reference))[0]]


def folder_of(archive: Archive, root: Path | None = None) -> Path:
    cohort = archive.cohort
    return (root or folder()) / cohort.organization.reference / cohort.expiry_on.isoformat() / archive.reference


def verified(archive: Archive, root: Path | None = None, keys: list[str] | None = None) -> verify_archive.Report:
    """What an auditor finds who looks at the archive with the stand-alone verifier and the key that opens it."""
    key = signing.public_key("certificates")
    return verify_archive.check(folder_of(archive, root), key, identities(archive) if keys is None else keys)


def lines(archive: Archive, root: Path | None = None, keys: list[str] | None = None) -> Iterator[dict]:
    """Every line of every part, decrypted."""
    keys = identities(archive) if keys is None else keys
    for part in archive.parts.order_by("number"):
        found: list[bytes] = []
        with (folder_of(archive, root) / part.facts["name"]).open("rb") as source:
            verify_archive.read_lines(source, keys, found.append)
        yield from (verify_archive.parse(raw) for raw in found[1:])


def own_server(organization: Organization, peer, *, identity: str, at: datetime = NOON) -> ArchiveTarget:
    """The client's own server, at a real peer: challenged, proven by the client's identity, tried and in use."""
    settings_of = dict(peer.settings)
    target = targets.propose(
        organization=organization, kind="own_server", place=peer.kind, address=settings_of.pop("url"),
        peer_key=settings_of.pop("host_key", "") or settings_of.pop("receiver_key", ""), login=settings_of.pop("user", ""),
        credentials=peer.credentials, options=settings_of, recipient=recipient(identity), by=cast.bo(), at=at,
    )  # fmt: skip
    answer(target, identity, at=at)
    return targets.approve(target=target, by=cast.cleo(), at=at)


def recipient(identity: str) -> str:
    return str(pyrage.x25519.Identity.from_str(identity).to_public())


def new_identity() -> str:
    """What a client makes with age-keygen, and shows nobody."""
    return str(pyrage.x25519.Identity.generate())


def answer(target: ArchiveTarget, identity: str, *, at: datetime = NOON) -> None:
    """The client opens the challenge with its identity and sends back what it says."""
    sealed = targets.challenge(target=target, by=cast.bo(), at=at)
    said = pyrage.decrypt(sealed.encode(), [pyrage.x25519.Identity.from_str(identity)]).decode()
    targets.answer(target=target, said=said, by=cast.bo(), at=at)
