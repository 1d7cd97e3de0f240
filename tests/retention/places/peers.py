"""One face for every peer: how a test gets a place that points to it, and reaches behind the place's back."""

import hashlib
import io
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from apps.gate.client.addresses import Guard
from apps.gate.client.passage import Passage
from apps.gate.client.troubles import PeerSlow
from apps.gate.client.wire import Limits
from apps.retention.archives.places.base import Place, Receipt
from apps.retention.archives.places.registry import PLACES
from tests.retention.places.receiver import TOKEN, Receiver
from tests.retention.places.s3_proxy import S3Proxy
from tests.retention.places.seaweed import ACCESS_KEY, SECRET_KEY, Seaweed
from tests.retention.places.ssh_servers import INBOX, PASSWORD, USER, OpenSsh, SshServer

LOOPBACK = Guard.of(ports=None, allowed=["127.0.0.1"])
HASTY = Limits(connect=2, silence=0.6, patience=1.5, slowest=1 << 20)  # where the peer is slow on purpose
PATIENT = Limits(connect=20, silence=20, patience=40)  # everywhere else, for a machine that does much at once
NAME = "ORG-7F3K2/2026-03-15/ARC-9QW4T/part-00001.jsonl.zst.age"


def part(size: int = 300_000, seed: str = "a part") -> bytes:
    """Bytes as random as an archive's, the same every time."""
    return hashlib.shake_128(seed.encode()).digest(size)


def put(place: Place, content: bytes, name: str = NAME, *, keep_until: datetime | None = None) -> Receipt:
    """Put `content` under `name`, as delivery does; a store that locks keeps it for some seconds."""
    if place.kind == "s3" and keep_until is None:
        keep_until = now() + timedelta(seconds=3)
    return place.put(
        name, io.BytesIO(content), size=len(content), sha256=hashlib.sha256(content).hexdigest(), keep_until=keep_until
    )


def now() -> datetime:
    return datetime.now(UTC)


def later() -> datetime:
    """A moment at which every lock of these tests has ended."""
    return now() + timedelta(hours=1)


@dataclass
class Peer(ABC):
    """What the contract is tested against."""

    kind: str
    settings: dict[str, str]
    credentials: dict[str, str]
    passage: ClassVar[Passage | None] = None

    def place(self, *, limits: Limits | None = None, guard: Guard = LOOPBACK, **changes: str) -> Place:
        """A place that points here, with other settings where the test says so."""
        settings = {**self.settings, **changes}
        guard = guard.within(self.passage) if self.passage is not None else guard
        return PLACES[self.kind](settings, self.credentials, country="US", guard=guard, limits=limits or PATIENT)

    def as_json(self) -> str:
        """For another process."""
        return json.dumps({"kind": self.kind, "settings": self.settings, "credentials": self.credentials})

    @abstractmethod
    def stored(self, name: str = NAME) -> bytes | None:
        """What really lies there."""

    @abstractmethod
    def tamper(self, name: str, content: bytes) -> None:
        """Put other bytes in its place, behind everybody's back."""

    @abstractmethod
    def lose(self, name: str = NAME) -> None:
        """Lose it, behind everybody's back."""

    @abstractmethod
    def everything(self) -> list[str]:
        """The names of all that lies there, drafts included."""


def limits_for(trouble: type) -> Limits:
    """Little patience where the test waits for its end."""
    return HASTY if trouble is PeerSlow else PATIENT


class FolderPeer(Peer):
    """A peer that keeps files in a folder."""

    folder: Path

    def stored(self, name: str = NAME) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def tamper(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(content)

    def lose(self, name: str = NAME) -> None:
        (self.folder / name).unlink()

    def everything(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


class LocalPeer(FolderPeer):
    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(mode=0o700)
        super().__init__("local", {"folder": str(folder)}, {})


class HttpsPeer(FolderPeer):
    def __init__(self, folder: Path, receiver: Receiver):
        self.folder, self.server = folder, receiver
        receiver.folder, receiver.manner, receiver.signs_with = folder, "", receiver.key
        receiver.asked.clear()
        receiver.bodies.clear()
        super().__init__(
            "https",
            {
                "url": f"https://127.0.0.1:{receiver.port}/inbox",
                "receiver_key": receiver.public_key,
                "authority": receiver.identity.authority,
            },
            {"token": TOKEN},
        )


class SshPeer(FolderPeer):
    def __init__(self, server: SshServer, *, by_password: bool = False):
        self.server, self.folder = server, server.folder / INBOX.strip("/")
        key = server.client_key.export_private_key("openssh").decode()
        super().__init__(
            "sftp",
            {"url": f"sftp://127.0.0.1:{server.port}{INBOX}", "user": USER, "host_key": known_host(server.host_key)},
            {"password": PASSWORD} if by_password else {"private_key": key},
        )


class OpenSshPeer(FolderPeer):
    def __init__(self, server: OpenSsh, folder: Path):
        self.server, self.folder = server, folder
        folder.mkdir(mode=0o700)
        super().__init__(
            "sftp",
            {"url": f"sftp://127.0.0.1:{server.port}{folder}", "user": server.user, "host_key": known_host(server.host_key)},
            {"private_key": server.client_key.export_private_key("openssh").decode()},
        )


class S3Peer(Peer):
    """A bucket of SeaweedFS; every test has a prefix of its own there."""

    def __init__(self, seaweed: Seaweed, proxy: S3Proxy, prefix: str, *, bucket: str = "locked"):
        self.server, self.seaweed, self.bucket, self.prefix = proxy, seaweed, bucket, prefix
        proxy.manner = ""
        proxy.asked.clear()
        proxy.headers.clear()
        super().__init__(
            "s3",
            {
                "url": proxy.url,
                "region": "us-east-1",
                "bucket": bucket,
                "prefix": prefix,
                "authority": seaweed.identity.authority,
            },
            {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY},
        )

    def stored(self, name: str = NAME) -> bytes | None:
        try:
            return self.seaweed.client.get_object(Bucket=self.bucket, Key=f"{self.prefix}/{name}")["Body"].read()
        except self.seaweed.client.exceptions.NoSuchKey:
            return None

    def tamper(self, name: str, content: bytes) -> None:
        """A newer version, the most that anybody can do to a locked object."""
        self.seaweed.client.put_object(Bucket=self.bucket, Key=f"{self.prefix}/{name}", Body=content)

    def lose(self, name: str = NAME) -> None:
        for version in self.versions(name):
            self.seaweed.client.delete_object(
                Bucket=self.bucket, Key=f"{self.prefix}/{name}", VersionId=version, BypassGovernanceRetention=True
            )

    def end_locks(self) -> None:
        """What the years would do: the locks of all that lies there end, by the store's own clock."""
        until = datetime.now(UTC) + timedelta(seconds=2)
        listed = self.seaweed.client.list_object_versions(Bucket=self.bucket, Prefix=f"{self.prefix}/")
        for one in listed.get("Versions", ()):
            self.seaweed.client.put_object_retention(
                Bucket=self.bucket, Key=one["Key"], VersionId=one["VersionId"], BypassGovernanceRetention=True,
                Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until},
            )  # fmt: skip
        time.sleep((until - datetime.now(UTC)).total_seconds() + 1)

    def versions(self, name: str = NAME) -> list[str]:
        listed = self.seaweed.client.list_object_versions(Bucket=self.bucket, Prefix=f"{self.prefix}/{name}")
        return [one["VersionId"] for one in [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]]

    def everything(self) -> list[str]:
        listed = self.seaweed.client.list_object_versions(Bucket=self.bucket, Prefix=f"{self.prefix}/")
        found: list[Mapping] = [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]
        return sorted({one["Key"].removeprefix(f"{self.prefix}/") for one in found})


def known_host(key) -> str:
    """A host key as `known_hosts` has it."""
    return key.export_public_key("openssh").decode().strip()
