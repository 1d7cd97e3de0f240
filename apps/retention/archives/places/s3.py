"""S3 with Object Lock: what lies there can't be changed or removed before its day, by nobody without a special right.

boto3 writes, signs and reads the requests; they travel over our own connections (wire), by its `before-send` event, so that
the address is pinned, nothing is redirected and every exchange ends. After each write the version it made is looked at: its
size, its lock and, where the store computes them, its checksum. Everything later names that version.

It must never use a bucket without versions and Object Lock, and never ask to bypass a lock.
"""

import base64
import hashlib
import hmac
import io
import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, ClassVar
from urllib.parse import urlsplit

import boto3.session
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import create_loader

from apps.gate.client.addresses import Guard, Pinned
from apps.gate.client.troubles import PeerDown, PeerFull, PeerMisbehaves, PeerRefuses, PeerSettingsUnfit, PeerTrouble, PeerUnsafe
from apps.gate.client.wire import BLOCK, Limits, ask, trust
from apps.retention.archives.places.base import Place, Receipt, Source, is_name, is_same, require_name
from apps.retention.archives.places.troubles import NameTaken, NotThere, PlaceCorrupts, PlaceForgets, PlaceKeeps, PlaceLies, StillLocked, TooLarge

logging.getLogger("botocore").setLevel(logging.INFO)  # below that it writes signed headers into the log

LOADER = create_loader()  # reads boto3's description of S3 once: 0.04 s a client instead of 0.3, and no memory for each
#: profiles and files of whoever runs us say nothing about a registered place
NOT_FROM_HERE = {name: (None, None, value, None) for name, value in
                 {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}.items()}  # fmt: skip

LARGEST = 5 * 1024**3  # of one request
MODES = ("GOVERNANCE", "COMPLIANCE")
PROOFS = ("read back", "checksum")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
REGION = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)
MOST_VERSIONS = 1000
TRIAL_LOCK = timedelta(seconds=5)
TRIAL_PATIENCE = 60  # for the store's clock to pass the end of the trial's lock
UNTIL_WHEN = "Give the bucket a default retention, or the archive a day to be kept until; see that the store keeps it."
LOCKABLE = "Make a bucket with Object Lock (which turns versions on), and register that one."

ABSENT = frozenset({"404", "NoSuchKey", "NoSuchVersion"})
CHANGED_ON_ITS_WAY = frozenset({"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"})
NO_ROOM = frozenset({"507", "InsufficientStorage", "XMinioStorageFull", "QuotaExceeded", "413", "EntityTooLarge"})
NO_LOCK = frozenset({"ObjectLockConfigurationNotFoundError"})
NO_BUCKET = frozenset({"NoSuchBucket"})


class S3Place(Place):
    """A bucket of ours."""

    kind = "s3"
    needs: ClassVar[Mapping[str, str]] = {
        "url": "the store's address without the bucket, https://…",
        "region": "the region that requests are signed for",
        "bucket": "the bucket, made with Object Lock",
    }
    takes: ClassVar[Mapping[str, str]] = {
        "prefix": "what every name begins with",
        "lock_mode": "GOVERNANCE (unless set) or COMPLIANCE",
        "proof": "read back (unless set), or checksum: the store's own SHA-256 is compared instead",
        "authority": "the certificate authority that vouches for the store, in PEM, where it is not a public one",
    }
    secrets: ClassVar[Mapping[str, str]] = {"access_key": "the access key's id", "secret_key": "the access key's secret"}

    def __init__(
        self, settings: Mapping[str, str], credentials: Mapping[str, str], *, country: str, guard: Guard, limits: Limits | None = None
    ):
        super().__init__(settings, credentials, country=country, guard=guard, limits=limits)
        self._target = guard.read(self.settings["url"], scheme="https")
        self._bucket, self._prefix = self.settings["bucket"], self.settings.get("prefix", "").strip("/")
        self._mode, self._proof = self.settings.get("lock_mode") or MODES[0], self.settings.get("proof") or PROOFS[0]
        if not BUCKET.fullmatch(self._bucket) or not REGION.fullmatch(self.settings["region"]) or self._target.path:
            raise PeerSettingsUnfit("The bucket, the region or the address of the store is none; the address has no path.")
        if self._mode not in MODES or self._proof not in PROOFS:
            raise PeerSettingsUnfit(f"The lock is one of {', '.join(MODES)}, the proof one of {', '.join(PROOFS)}.")
        if self._prefix and not is_name(self._prefix):
            raise PeerSettingsUnfit("The prefix is none: folders of letters, digits, dots, hyphens and underscores.")
        self._context = trust(self.settings.get("authority", ""))
        self._pinned: Pinned | None = None
        self._coming = 0  # bytes of the object that is being read
        self._is_lockable = self._locks_by_itself = False
        self._client = self._new_client()

    def put(
        self, name: str, stream: BinaryIO, *, size: int, sha256: str, keep_until: datetime | None = None
    ) -> Receipt:
        key = self._key(name)
        if size > LARGEST:
            raise TooLarge()
        self._require_lockable()
        if not keep_until and not self._locks_by_itself:
            raise PeerUnsafe("Nothing says until when the object is to be locked.", mend=UNTIL_WHEN)
        source = Source(stream, size=size, sha256=sha256)
        lock = {"ObjectLockMode": self._mode, "ObjectLockRetainUntilDate": _whole(keep_until)} if keep_until else {}
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        try:
            stored = self._call(
                "put_object", Key=key, Body=source, ContentLength=size, ChecksumSHA256=checksum, IfNoneMatch="*", **lock
            )
            version = stored.get("VersionId", "")
        except NameTaken:
            version = self._same_already(name, size=size, sha256=sha256)
        if not _is_version(version):
            raise PeerUnsafe("The store gave the object no version.", mend=LOCKABLE)
        until = self._locked_until(key, version, size, wanted=_whole(keep_until) if keep_until else None)
        return Receipt(name=name, size=size, sha256=sha256, version=version, locked_until=until)

    def _size(self, name: str, version: str) -> int | None:
        try:
            return self._call("head_object", Key=self._key(name), **_pinned(version)).get("ContentLength")
        except NotThere:
            return None

    def prove(self, name: str, receipt: Receipt, *, again: bool = False) -> None:
        self._require_own(name, receipt)
        if not _is_version(receipt.version):
            raise ValueError("a receipt of a store with versions names one")
        try:
            head = self._head(self._key(name), receipt.version, receipt.size)
        except PlaceLies:
            raise (PlaceForgets if again else PlaceLies)() from None
        until = self._lock_of(head)
        if receipt.locked_until and (until is None or until < receipt.locked_until):
            raise PeerUnsafe("The lock of the object was taken off or shortened.", mend="Ask who may bypass locks at the store.")
        if self._proof == "checksum":
            _compare_checksum(head, receipt)
        else:
            super().prove(name, receipt, again=again)

    def _blocks(self, name: str, version: str, *, at_most: int) -> Iterator[bytes]:
        self._coming = at_most
        body = self._call("get_object", Key=self._key(name), **_pinned(version))["Body"]
        try:
            while block := _from_store(lambda: body.read(BLOCK)):
                yield block
        finally:
            body.close()

    def _remove(self, name: str, receipt: Receipt, *, at: datetime) -> None:
        """The version of the receipt, then whatever else lies under the same name: a second sending, a delete marker."""
        key = self._key(name)
        if receipt.version:
            self._remove_version(key, receipt.version, at=at)
        for version in self._versions(key):
            self._remove_version(key, version, at=at)
        if self._versions(key):
            raise PlaceKeeps()

    def _remove_version(self, key: str, version: str, *, at: datetime) -> None:
        try:
            self._call("delete_object", Key=key, VersionId=version)
        except NotThere:
            return
        except PeerRefuses:
            until = self._lock_of(self._call("head_object", Key=key, VersionId=version))
            if until and until > at:
                raise StillLocked(until) from None
            raise

    def _versions(self, key: str) -> list[str]:
        listed = self._call("list_object_versions", Prefix=key, MaxKeys=MOST_VERSIONS)
        found = [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]
        own = [one["VersionId"] for one in found if one.get("Key") == key]
        if listed.get("IsTruncated") and not own:
            raise PeerMisbehaves("The store lists more than lies under the name.")
        return own

    def _try_put(self, name: str, content: bytes, *, at: datetime) -> Receipt:
        digest = hashlib.sha256(content).hexdigest()
        return self.put(name, io.BytesIO(content), size=len(content), sha256=digest, keep_until=at + TRIAL_LOCK)

    def _try_further(self, name: str, receipt: Receipt, *, at: datetime) -> None:
        if self._proof == "checksum":
            self._try_checksum(name)
        self._try_lock(name, receipt, at=at)

    def _try_removal(self, name: str, receipt: Receipt, *, at: datetime) -> None:
        """The lock must end before: that takes some seconds."""
        begun = time.monotonic()
        while True:
            elapsed = time.monotonic() - begun
            try:
                return self.remove(name, receipt, at=at + timedelta(seconds=elapsed))
            except (StillLocked, PeerRefuses):  # the store's clock may be behind ours
                if elapsed > TRIAL_PATIENCE:
                    raise
            time.sleep(1)

    def _try_lock(self, name: str, receipt: Receipt, *, at: datetime) -> None:
        try:
            self._remove_version(self._key(name), receipt.version, at=at)
        except StillLocked:
            return
        raise PeerUnsafe("The store lets a locked object be removed.", mend="Use a store that keeps Object Lock.")

    def _try_checksum(self, name: str) -> None:
        other = base64.b64encode(secrets.token_bytes(32)).decode()
        try:
            self._call("put_object", Key=f"{self._key(name)}-wrong", Body=b"trial", ChecksumSHA256=other)
        except PlaceCorrupts:
            return
        raise PeerUnsafe("The store does not compute the checksums that it shows.", mend="Set the proof to read back.")

    def _require_lockable(self) -> None:
        """A bucket with versions and Object Lock, asked once for each job."""
        if self._is_lockable:
            return
        if self._call("get_bucket_versioning").get("Status") != "Enabled":
            raise PeerUnsafe("The bucket keeps no versions: what lies there could be overwritten.", mend=LOCKABLE)
        lock = self._call("get_object_lock_configuration").get("ObjectLockConfiguration", {})
        if lock.get("ObjectLockEnabled") != "Enabled":
            raise PeerUnsafe("The bucket has no Object Lock: what lies there could be removed before its time.", mend=LOCKABLE)
        self._is_lockable, self._locks_by_itself = True, "DefaultRetention" in lock.get("Rule", {})

    def _same_already(self, name: str, *, size: int, sha256: str) -> str:
        """The version that lies there, when it is the same object; read back, for a name or a tag proves nothing."""
        try:
            head = self._call("head_object", Key=self._key(name))
        except NotThere:
            raise PeerDown("The store was busy with this name.") from None
        version = head.get("VersionId", "")
        if head.get("ContentLength") != size or not is_same(
            self._blocks(name, version, at_most=size), size=size, sha256=sha256
        ):
            raise NameTaken()
        return version

    def _locked_until(self, key: str, version: str, size: int, *, wanted: datetime | None) -> datetime:
        """When the lock of this version ends, as the store says; made longer where it is too short. PeerUnsafe without one."""
        until = self._lock_of(self._head(key, version, size))
        if wanted and until and until < wanted:
            retention = {"Mode": self._mode, "RetainUntilDate": wanted}
            self._call("put_object_retention", Key=key, VersionId=version, Retention=retention)
            until = self._lock_of(self._head(key, version, size))
        if until is None or (wanted and until < wanted):
            raise PeerUnsafe("The store did not lock the object as long as it must.", mend=UNTIL_WHEN)
        return until

    def _head(self, key: str, version: str, size: int) -> dict[str, Any]:
        """What the store says of this very version. PlaceLies where it knows none, PlaceCorrupts where its size is another."""
        try:
            head = self._call("head_object", Key=key, VersionId=version, ChecksumMode="ENABLED")
        except NotThere:
            raise PlaceLies() from None
        if head.get("ContentLength") != size or head.get("VersionId", version) != version:
            raise PlaceCorrupts()
        return head

    def _lock_of(self, head: Mapping[str, Any]) -> datetime | None:
        """Until when the store locks this version, in a mode as strong as asked for."""
        until, strong = head.get("ObjectLockRetainUntilDate"), MODES[MODES.index(self._mode) :]
        return until.astimezone(UTC) if until and head.get("ObjectLockMode") in strong else None

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{require_name(name)}" if self._prefix else require_name(name)

    def _new_client(self) -> Any:
        credentials = (self._credential("access_key"), self._credential("secret_key"))
        session = botocore.session.Session(session_vars=NOT_FROM_HERE)
        session.register_component("data_loader", LOADER)
        client = boto3.session.Session(*credentials, region_name=self.settings["region"], botocore_session=session).client(
            "s3",
            endpoint_url=f"https://{self._target.authority}",
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path", "payload_signing_enabled": False},  # TLS and the signed checksum vouch for it
                retries={"total_max_attempts": 1, "mode": "standard"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                ignore_configured_endpoint_urls=True,
            ),
        )
        client.meta.events.register("before-send.s3.*", self._send)
        return client

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return _from_store(lambda: getattr(self._client, operation)(Bucket=self._bucket, **arguments))

    def _send(self, request: AWSPreparedRequest, **_later: Any) -> AWSResponse:
        """One request of boto3's over our own connection."""
        parts = urlsplit(request.url)
        if parts.scheme != "https" or parts.netloc != self._target.authority:
            raise PeerMisbehaves("The store points elsewhere, where nobody follows.")
        self._pinned = self._pinned or self.guard.pin(self._target)
        headers = {name: _text(value) for name, value in request.headers.items() if name.lower() not in ("expect", "host")}
        body = request.body or b""
        coming = self._coming if request.stream_output else 0
        answer = ask(
            self._pinned,
            request.method,
            parts.path + (f"?{parts.query}" if parts.query else ""),
            headers=headers,
            context=self._context,
            limits=self.limits,
            body=(body,) if isinstance(body, bytes) else body,
            size=max(int(headers.get("Content-Length", 0)), coming),
            at_most=coming + 2 * BLOCK,
        )
        if answer.status < 400:
            try:
                answer.require(200, 204)
            except PeerTrouble:
                answer.close()
                raise
        return AWSResponse(request.url, answer.status, answer.headers, answer)


def _from_store(call: Callable[[], Any]) -> Any:
    """What the store answers, or what its error means. boto3's own errors quote requests, so they are dropped."""
    try:
        return call()
    except PeerTrouble:
        raise
    except ClientError as error:
        raise _trouble(error) from None
    except (BotoCoreError, ValueError, KeyError, TypeError):
        raise PeerMisbehaves("The store's answer can't be read.") from None


def _trouble(error: ClientError) -> PeerTrouble:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in NO_BUCKET:
        return PeerRefuses("The store has no such bucket.", mend="Make the bucket, with Object Lock, or correct its name.")
    if code in NO_LOCK:
        return PeerUnsafe("The bucket has no Object Lock: what lies there could be removed before its time.", mend=LOCKABLE)
    if code in ABSENT or status == 404:
        return NotThere()
    if status in (409, 412):
        return NameTaken()
    if code in NO_ROOM or status in (413, 507):
        return PeerFull()
    if code in CHANGED_ON_ITS_WAY:
        return PlaceCorrupts("The store got other bytes than were sent.")
    if status in (401, 403):
        return PeerRefuses()
    if status >= 500 or status == 429:
        return PeerDown(f"The store answers with an error of its own ({status}).")
    return PeerMisbehaves(f"The store answers {status}, which makes no sense here.")


def _compare_checksum(head: Mapping[str, Any], receipt: Receipt) -> None:
    """The store's own SHA-256 of the whole object."""
    shown = head.get("ChecksumSHA256", "")
    if not shown or head.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        raise PeerMisbehaves("The store shows no checksum of the object.", mend="Set the proof to read back.")
    if not hmac.compare_digest(shown.encode(), base64.b64encode(bytes.fromhex(receipt.sha256))):
        raise PlaceCorrupts()


def _whole(moment: datetime) -> datetime:
    """Locks end on whole seconds; rounded up, so that none ends too early."""
    return (moment.astimezone(UTC) + timedelta(microseconds=999_999)).replace(microsecond=0)


def _pinned(version: str) -> dict[str, str]:
    return {"VersionId": version} if version else {}


def _is_version(version: str) -> bool:
    return bool(version) and version != "null"


def _text(value: str | bytes) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value
