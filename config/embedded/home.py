"""Where one installation keeps its files, and the lock that lets one supervisor at a time touch them.

Everything below the home is for its owner only. The lock is the kernel's (flock), so no killed process can leave it
behind; a file that merely exists never means that somebody runs.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import stat
import tempfile
from pathlib import Path

from config.embedded.trouble import Trouble

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_SOCKET = 107  # sockaddr_un.sun_path without its closing zero
SOCKET_NAMES = (".s.PGSQL.5432.lock", "valkey.sock")


class Home:
    """The folders of one installation, and who holds it."""

    def __init__(self, root):
        self.root = Path(root).resolve()
        self.run = self.root / "run"
        self.log = self.root / "log"
        self.postgres = self.root / "postgres"
        self.valkey = self.root / "valkey"
        self.passwords = self.root / "postgres-passwords.json"
        self.services_file = self.run / "services.env"
        self.login_file = self.run / "login.txt"
        self._lock = None

    @classmethod
    def of_this_checkout(cls):
        return cls(os.environ.get("COVENANT_HOME") or CHECKOUT / "var")

    def make(self):
        for folder in (self.root, self.run, self.log):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise Trouble(
                    f"The data folder {folder} can't be made: {error.strerror}.",
                    "Run as the owner of the checkout, or name a writable folder: COVENANT_HOME=/path make run",
                ) from error

    # -- one supervisor at a time -----------------------------------------------------------------------------------

    def take(self, **about):
        """Become the one supervisor of this home; returns False where another one lives."""
        self.make()
        descriptor = os.open(self.run / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), **about}).encode(), 0)
        self._lock = descriptor
        return True

    def holder(self):
        """What the living supervisor said about itself; may be empty in the moment in which it starts."""
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.run / "supervisor.lock").read_text())
        return {}

    def release(self):
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @contextlib.contextmanager
    def guest(self):
        """Hold the servers of another supervisor open: it waits for its guests before it stops them."""
        descriptor = os.open(self.run / "guests.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)

    def has_guests(self):
        descriptor = os.open(self.run / "guests.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    # -- the addresses, for a manage.py in another terminal ---------------------------------------------------------

    def publish(self, urls):
        write_private(self.services_file, "".join(f"{name}={value}\n" for name, value in urls.items()))

    def published(self):
        try:
            lines = self.services_file.read_text().splitlines()
        except FileNotFoundError:
            return {}
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def withdraw(self):
        self.services_file.unlink(missing_ok=True)

    # -- sockets ----------------------------------------------------------------------------------------------------

    @property
    def sockets(self):
        """A folder short enough for a socket's 107 bytes however deep the checkout lies."""
        name = "covenant-" + hashlib.sha256(f"{os.getuid()}:{self.root}".encode()).hexdigest()[:12]
        folders = [Path(tempfile.gettempdir()) / name, Path("/tmp") / name]
        for folder in folders:
            if max(len(os.fsencode(folder / socket)) for socket in SOCKET_NAMES) <= LONGEST_SOCKET:
                return folder
        raise Trouble(
            f"The temporary directory {tempfile.gettempdir()} is too long for a unix socket.",
            "Choose a shorter one: TMPDIR=/tmp make run",
        )

    def make_sockets(self):
        folder = self.sockets
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
        if not stat.S_ISDIR(about.st_mode) or (about.st_uid != os.geteuid() and os.geteuid() != 0):
            raise Trouble(
                f"{folder} belongs to somebody else.", f"Remove it, or choose another place: TMPDIR={self.run}"
            )
        folder.chmod(0o700)
        return folder

    def remove_sockets(self):
        with contextlib.suppress(OSError):
            for left in self.sockets.iterdir():
                left.unlink()
            self.sockets.rmdir()


def write_private(path, text):
    """Put a file in place at once and whole, readable by its owner only."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
