"""A client's SSH server: one host key, known beforehand; a draft, then its name; read back.

The host key is compared before anything of ours is sent. The draft is brought to the server's disk where the server knows how
(fsync@openssh.com), its size looked at, and renamed; version 3 of SFTP refuses to rename onto a name that is taken. Nothing
else is done at the server: no shell, no forwarding.
"""

import base64
import binascii
import hmac
import io
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from socket import socket
from typing import BinaryIO, ClassVar

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from apps.gate.client.addresses import Guard, Pinned
from apps.gate.client.troubles import PeerDown, PeerFull, PeerMisbehaves, PeerRefuses, PeerSettingsUnfit, PeerSlow, PeerTrouble, PeerUnsafe
from apps.gate.client.wire import Deadline, Limits, dial, troubles
from apps.retention.archives.places.base import Place, Receipt, Source, draft_of, is_draft_of, is_same, require_name
from apps.retention.archives.places.sftp_wire import LARGEST_PACKET, Entry, Failed, Files
from apps.retention.archives.places.troubles import NameTaken, NotThere

logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it writes what the peer says into the log

MOST_BEFORE_LOGIN = 512 * 1024
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}", re.ASCII)
AS_OPENSSH = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
SIGNED_BY = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}  # how a key of this kind signs; the others by their own name


class SftpPlace(Place):
    """A folder behind SSH."""

    kind = "sftp"
    for_clients = True
    needs: ClassVar[Mapping[str, str]] = {
        "url": "the server's address and folder, sftp://…",
        "user": "who we are there",
        "host_key": "the server's public key as in known_hosts, without the host: ssh-ed25519 AAAA…",
    }
    secrets: ClassVar[Mapping[str, str]] = {"private_key": "our key, in OpenSSH's or PEM form, without a password", "password": "or a password"}

    def __init__(
        self, settings: Mapping[str, str], credentials: Mapping[str, str], *, country: str, guard: Guard, limits: Limits | None = None
    ):
        super().__init__(settings, credentials, country=country, guard=guard, limits=limits)
        self._target = guard.read(self.settings["url"], scheme="sftp")
        self._host_key = _host_key(self.settings["host_key"])
        if not self._target.path:
            raise PeerSettingsUnfit("The address names no folder at the server.")
        if not USER.fullmatch(self.settings["user"]):
            raise PeerSettingsUnfit("The user has letters that no user here may have.")
        self._private_key = _private_key(self._credentials["private_key"]) if self._credentials.get("private_key") else None
        if not self._private_key:
            self._credential("password")
        self._pinned: Pinned | None = None

    def put(
        self, name: str, stream: BinaryIO, *, size: int, sha256: str, keep_until: datetime | None = None
    ) -> Receipt:
        path, source = self._path(require_name(name)), Source(stream, size=size, sha256=sha256)
        try:
            with self._files(2 * size) as files:  # sent, or read where it lies there already
                made = not _look(files, path) and self._make(files, path, source, size)
                if not made and not is_same(_content(files, path, size + 1), size=size, sha256=sha256):
                    raise NameTaken()
                _sweep(files, path)
        except NotThere:
            raise PeerDown("The folder of the place is missing.", mend="Make the folder at the place.") from None
        return Receipt(name=name, size=size, sha256=sha256)

    def _size(self, name: str, version: str) -> int | None:
        with self._files() as files:
            entry = _look(files, self._path(name))
            return entry.size if entry else None

    def _blocks(self, name: str, version: str, *, at_most: int) -> Iterator[bytes]:
        with self._files(at_most) as files:
            yield from _content(files, self._path(name), at_most + 1)

    def _remove(self, name: str, receipt: Receipt, *, at: datetime) -> None:
        path = self._path(name)
        with self._files() as files:
            with suppress(NotThere):
                _sweep(files, path)
                files.remove(path)
            self._remove_empty_folders(files, name)

    def _make(self, files: Files, path: str, source: Source, size: int) -> bool:
        """Write the object and give it its name; False where somebody was quicker."""
        folder, _slash, last = path.rpartition("/")
        self._make_folders(files, folder)
        draft = f"{folder}/{draft_of(last)}"
        try:
            _write(files, draft, source, size)
            files.rename(draft, path)
        except (NotThere, Failed):
            with suppress(PeerTrouble):
                files.remove(draft)
            if files.look(path):
                return False
            room = files.room(folder)
            if room is not None and room < size:
                raise PeerFull() from None
            raise
        except PeerTrouble:
            with suppress(PeerTrouble):
                files.remove(draft)
            raise
        return True

    def _make_folders(self, files: Files, folder: str) -> None:
        """The folders of the object below the place's own, which must be there."""
        if files.look(folder):
            return
        path = self._target.path
        for step in folder.removeprefix(path).strip("/").split("/"):
            path = f"{path}/{step}"
            if not files.look(path):
                with suppress(Failed):  # somebody was quicker
                    files.make_folder(path)

    def _remove_empty_folders(self, files: Files, name: str) -> None:
        with suppress(PeerTrouble):  # the first that is not empty
            while name := name.rpartition("/")[0]:
                files.remove_folder(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._target.path}/{name}"

    @contextmanager
    def _files(self, size: int = 0) -> Iterator[Files]:
        """The files of the server, on a connection of their own, for as long as `size` bytes may take."""
        self._pinned = self._pinned or self.guard.pin(self._target)
        with troubles():
            opening = Deadline(self.limits.connect, self.limits.connect)
            wire = _Wire(dial(self._pinned, opening), opening)
            transport = paramiko.Transport(wire)
            try:
                with _ssh_troubles(wire):
                    self._log_in(transport)
                    channel = transport.open_session(timeout=self.limits.connect)
                    channel.invoke_subsystem("sftp")
                    wire.most, wire.deadline = None, Deadline(self.limits.seconds_for(size), self.limits.silence)
                    yield Files(channel, wire.deadline)
            finally:
                transport.close()

    def _log_in(self, transport: paramiko.Transport) -> None:
        # longer than the wire itself waits, which says why it gave up
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = 2 * self.limits.connect
        kind = self._host_key.get_name()
        transport.get_security_options().key_types = SIGNED_BY.get(kind, (kind,))
        try:
            transport.start_client(timeout=2 * self.limits.connect)
        except paramiko.ssh_exception.IncompatiblePeer:
            raise PeerUnsafe("The place has no host key of the kind that was registered, or speaks only weak ciphers.") from None
        if not hmac.compare_digest(transport.get_remote_server_key().asbytes(), self._host_key.asbytes()):
            raise PeerUnsafe("The place shows another host key than the one that was registered.")
        if self._private_key:
            left = transport.auth_publickey(self.settings["user"], self._private_key)
        else:
            left = transport.auth_password(self.settings["user"], self._credential("password"), fallback=False)
        if left:
            raise PeerRefuses("The place wants a second proof of who we are, which nobody can give unattended.")


class _Wire:
    """The socket as paramiko sees it: it ends with the deadline, takes no giant packets, and not much before the login."""

    def __init__(self, connection: socket, deadline: Deadline):
        self._connection, self.deadline = connection, deadline
        self.most: int | None = MOST_BEFORE_LOGIN
        self.trouble: PeerTrouble | None = None
        self._closed = False

    def recv(self, size: int) -> bytes:
        if size > 2 * LARGEST_PACKET:
            self._give_up(PeerMisbehaves("The place says more than it may."))
        self._still_in_time()
        received = self._connection.recv(size)
        if self.most is not None:
            self.most -= len(received)
            if self.most < 0:
                self._give_up(PeerMisbehaves("The place says more than it may."))
        return received

    def send(self, data: bytes) -> int:
        self._still_in_time()
        return self._connection.send(data)

    def settimeout(self, seconds: float) -> None:
        self._connection.settimeout(seconds)

    def close(self) -> None:
        self._closed = True  # paramiko looks at this when it ends its thread
        self._connection.close()

    def _still_in_time(self) -> None:
        try:
            self.deadline.wait()
        except PeerSlow as trouble:
            self._give_up(trouble)

    def _give_up(self, trouble: PeerTrouble) -> None:
        """End paramiko's thread, which asks again after a time-out but not after this."""
        self.trouble = trouble
        raise ConnectionAbortedError


@contextmanager
def _ssh_troubles(wire: _Wire) -> Iterator[None]:
    """What SSH can come to, in the words of places; why our side of the wire gave up goes before what came of it."""
    try:
        yield
    except (paramiko.SSHException, EOFError, OSError, PeerDown) as error:
        if wire.trouble:
            raise wire.trouble from None
        if isinstance(error, PeerTrouble):
            raise
        if isinstance(error, TimeoutError) or "timeout" in str(error).lower():
            raise PeerSlow() from None
        if isinstance(error, paramiko.AuthenticationException):
            raise PeerRefuses() from None
        raise PeerDown("The place broke off, or does not speak SSH.") from None


def _look(files: Files, path: str) -> Entry | None:
    entry = files.look(path)
    if entry and not entry.is_file:
        raise PeerUnsafe("What lies there is no file but a link or a folder.", mend="Look who put it there, and take it away.")
    return entry


def _content(files: Files, path: str, at_most: int) -> Iterator[bytes]:
    if not _look(files, path):
        raise NotThere()
    yield from files.read(files.open(path), at_most)


def _write(files: Files, draft: str, source: Source, size: int) -> None:
    handle = files.create(draft)
    files.write(handle, source)
    files.sync(handle)
    files.close(handle)
    written = files.look(draft)
    if written is None or written.size != size:
        raise PeerDown("The place took every byte, and has fewer or more.")


def _sweep(files: Files, path: str) -> None:
    """Remove drafts of this object that a killed process left; a living one finds the object there, whole."""
    folder, _slash, last = path.rpartition("/")
    for name in files.names(folder):
        if is_draft_of(name, last):
            with suppress(PeerTrouble):
                files.remove(f"{folder}/{name}")


def _host_key(text: str) -> paramiko.PKey:
    try:
        kind, encoded, *_comment = text.split()
        return paramiko.PKey.from_type_string(kind, base64.b64decode(encoded, validate=True))
    except (ValueError, binascii.Error, paramiko.SSHException, KeyError, IndexError):
        raise PeerSettingsUnfit("The host key is none, like ssh-ed25519 AAAA…") from None


def _private_key(text: str) -> paramiko.PKey:
    """Our key, read by cryptography: paramiko 5 knows no PKCS #8, and takes every other ECDSA key of OpenSSH's for none."""
    load = serialization.load_ssh_private_key if "OPENSSH" in text else serialization.load_pem_private_key
    try:
        key = load(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise PeerSettingsUnfit("Our private key can't be read, or has a password.") from None
    if isinstance(key, rsa.RSAPrivateKey):
        return paramiko.RSAKey(key=key)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return paramiko.ECDSAKey(vals=(key, key.public_key()))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return paramiko.Ed25519Key(file_obj=io.StringIO(key.private_bytes(*AS_OPENSSH).decode()))
    raise PeerSettingsUnfit("Our private key is of a kind that is not used here.", mend="Take an Ed25519 key.")
