"""SSH servers as clients run them: asyncssh in a thread, which misbehaves on order, and Debian's own where it is installed.

And one that is no SSH server at all: a socket that says what the test tells it to.
"""

import asyncio
import getpass
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import asyncssh
from asyncssh.sftp import SFTPVFSAttrs

from tests.retention.places.ports import die_with_us, free_ports

USER, PASSWORD = "covenant", "ssh-password-4711-must-never-be-seen"
INBOX = "/inbox"


class SshServer:
    """asyncssh on a port that the system chose, each client locked into `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder
        (folder / INBOX.strip("/")).mkdir(parents=True)
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.other_host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.client_key = asyncssh.generate_private_key("ssh-ed25519")
        self.manner = ""
        self.passwords: list[str] = []
        self.asked: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self.thread.start()
        if not self._ready.wait(20):
            raise TimeoutError("the SSH server did not start")

    @property
    def port(self) -> int:
        return self._acceptor.get_port()

    def present(self, *keys: asyncssh.SSHKey) -> None:
        """Show these host keys from now on."""
        asyncio.run_coroutine_threadsafe(self._listen(list(keys)), self._loop).result(20)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.thread.join(20)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen([self.host_key]))
        self._ready.set()
        self._loop.run_forever()

    async def _listen(self, keys: list[asyncssh.SSHKey]) -> None:
        if self._acceptor:
            self._acceptor.close()
        strange = self.manner.startswith("packet")
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=keys,
            server_factory=lambda: Door(self),
            sftp_factory=None if strange else lambda channel: Misbehaving(channel, self),
            encoding=None,
            login_timeout=20,
        )

    async def _stop(self) -> None:
        self._acceptor.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Strange(asyncssh.SSHServerSession):
    """Takes the request for SFTP, and speaks it no better than the manner says."""

    SAYS = {
        "packet of a gigabyte": b"\x3f\xff\xff\xff\x02" + bytes(1000),
        "packet of nothing": bytes(4),
        "packet of another kind": b"\x00\x00\x00\x05\x65" + bytes(4),
        "packet with a broken text": b"\x00\x00\x00\x0c\x02\x00\x00\x00\x03\xff\xff\xff\xffabc",
        "packet that nobody asked for": b"\x00\x00\x00\x05\x02\x00\x00\x00\x03\x00\x00\x00\x11\x65\x00\x00\xff\xff" + bytes(12),
    }  # fmt: skip

    def __init__(self, manner: str):
        self.manner = manner

    def connection_made(self, channel: asyncssh.SSHServerChannel) -> None:
        self.channel = channel

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp"

    def session_started(self) -> None:
        self.channel.set_encoding(None)
        self.channel.write(self.SAYS[self.manner])


class Door(asyncssh.SSHServer):
    """Who gets in."""

    def __init__(self, server: SshServer):
        self.server = server

    def session_requested(self) -> asyncssh.SSHServerSession:
        return Strange(self.server.manner)

    async def begin_auth(self, username: str) -> bool:
        if self.server.manner == "slow login":
            await asyncio.sleep(20)
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self.server.passwords.append(password)
        return (username, password) == (USER, PASSWORD) and self.server.manner != "refusing"

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        ours = self.server.client_key.convert_to_public()
        return username == USER and key == ours and self.server.manner != "refusing"


class Misbehaving(asyncssh.SFTPServer):
    """Files, except as the manner says."""

    def __init__(self, channel: asyncssh.SSHServerChannel, server: SshServer):
        super().__init__(channel, chroot=str(server.folder))
        self.server = server
        self.pretended = 0  # how much it says that it stored

    async def open(self, path, pflags, attrs):
        self.server.asked.append("open")
        if self.server.manner == "slow":
            await asyncio.sleep(20)
        if self.server.manner == "forbidding" and pflags & asyncssh.FXF_WRITE:
            raise asyncssh.SFTPPermissionDenied("not here")
        return super().open(path, pflags, attrs)

    async def write(self, file_obj, offset, data):
        manner = self.server.manner
        if manner == "stalling":
            await asyncio.sleep(20)
        if manner == "dawdling":
            await asyncio.sleep(0.3)
        if manner in ("full", "full, without saying so"):
            raise asyncssh.SFTPFailure("no space left, said only here")
        if manner == "full once" and offset == 0:  # one write fails, what follows succeeds
            raise asyncssh.SFTPFailure("no space left, said only here")
        if manner == "corrupting":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if manner == "truncating":
            data = data[:-1]
        if manner == "lying":
            self.pretended = max(self.pretended, offset + len(data))
            return len(data)
        return super().write(file_obj, offset, data)

    async def read(self, file_obj, offset, size):
        manner = self.server.manner
        if manner == "stalling":
            await asyncio.sleep(20)
        if manner == "giving without end":
            return b"x" * size
        if manner == "giving too much":
            return b"x" * (size + 1)
        if manner == "giving little":
            return super().read(file_obj, offset, min(size, 1000))
        if manner == "giving a byte now and then":
            await asyncio.sleep(0.1)
            return super().read(file_obj, offset, 1)
        return super().read(file_obj, offset, size)

    def lstat(self, path):
        self.server.asked.append("lstat")
        status = super().lstat(path)
        if self.server.manner == "lying" and b".part" in path:
            return asyncssh.SFTPAttrs(size=self.pretended, permissions=0o100600)
        if self.server.manner == "without sizes":
            return asyncssh.SFTPAttrs(permissions=0o100600)
        return status

    def fsync(self, file_obj):
        self.server.asked.append("fsync")
        if self.server.manner == "unable to sync":
            raise asyncssh.SFTPFailure("the disk is broken, said only here")
        return super().fsync(file_obj)

    def rename(self, oldpath, newpath):
        self.server.asked.append("rename")
        if self.server.manner == "lying":
            return super().remove(oldpath)
        return super().rename(oldpath, newpath)

    def remove(self, path):
        if self.server.manner == "keeping" and b".part" not in path:
            return None
        return super().remove(path)

    def statvfs(self, path):
        space = super().statvfs(path)
        if self.server.manner in ("full", "full once"):
            return SFTPVFSAttrs(bsize=4096, frsize=4096, blocks=100, bfree=0, bavail=0)
        return space

    async def scandir(self, path):
        if self.server.manner == "listing without end":
            while True:
                yield asyncssh.SFTPName(b"x" * 100, attrs=asyncssh.SFTPAttrs())
        async for entry in super().scandir(path):
            yield entry


class OpenSsh:
    """Debian's sshd for one user, on a port of its own, with a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True)
        (folder / "inbox").mkdir(mode=0o700)
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.client_key = asyncssh.generate_private_key("ssh-ed25519")
        for name, content in {
            "host_key": self.host_key.export_private_key("openssh"),
            "authorized_keys": self.client_key.export_public_key("openssh"),
        }.items():
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o600)
        (self.port,) = free_ports(1)
        (folder / "config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {folder}/host_key\nAuthorizedKeysFile {folder}/authorized_keys\n"
            f"PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
            f"Subsystem sftp internal-sftp\n"
        )
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it locks away what is not logged in yet
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [self.binary(), "-D", "-e", "-f", str(folder / "config")],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=die_with_us,
        )  # fmt: skip
        ends = time.monotonic() + 20
        while not _listens(self.port):
            if time.monotonic() > ends or self.process.poll() is not None:
                self.close()
                raise RuntimeError((folder / "log").read_text(errors="replace"))
            time.sleep(0.05)

    @staticmethod
    def binary() -> str | None:
        return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

    @property
    def user(self) -> str:
        return getpass.getuser()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.log.close()


class Socket:
    """Takes connections and gives each to a function: what it does with the socket is what the peer sees."""

    def __init__(self, treat: Callable[[socket.socket, threading.Event], None]):
        self.treat, self.stop = treat, threading.Event()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.connections = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        return self.listening.getsockname()[1]

    def close(self) -> None:
        self.stop.set()
        self.listening.close()
        self.thread.join(20)

    def _run(self) -> None:
        self.listening.settimeout(0.1)
        while not self.stop.is_set():
            try:
                connection, _address = self.listening.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._treat, args=(connection,), daemon=True).start()

    def _treat(self, connection: socket.socket) -> None:
        with connection:
            try:
                self.treat(connection, self.stop)
            except OSError:
                return


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
