"""An installation for the tests of the house: the real `config.run` on a home and a port of its own.

Whatever it started is found by that home's path, so that a process left behind is seen even if nobody knows its number.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
FOREIGN = ("DATABASE_URL", "REDIS_URL", "CACHE_URL", "DJANGO_SETTINGS_MODULE", "PYTEST_CURRENT_TEST")


class Installation:
    def __init__(self, folder, **environment):
        self.home = folder / "var"
        self.output = folder / "output"
        self.port = free_port()
        self.process = None
        self.environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        self.environment |= {"COVENANT_HOME": str(self.home), "PORT": str(self.port), **environment}

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}/admin/"

    def start(self):
        """Start it as `make run` does, and wait for its word that it is ready."""
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.run"],
                cwd=CHECKOUT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        began = time.monotonic()
        while "Ready: " not in self.said():
            assert self.process.poll() is None, f"it ended:\n{self.said()}"
            assert time.monotonic() < began + 120, f"not ready:\n{self.said()}"
            time.sleep(0.1)
        return self

    def said(self):
        return self.output.read_text()

    def signal(self, number):
        self.process.send_signal(number)
        return self.process.wait(60)

    def module(self, name, *arguments, **environment):
        """Run a module of the checkout to its end, on this installation."""
        return self.command(sys.executable, "-m", name, *arguments, **environment)

    def command(self, *command, **environment):
        return subprocess.run(
            command,
            cwd=CHECKOUT,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def alone(self, *command, **environment):
        """Run a command on database and broker alone."""
        return self.module("config.run", "--services-only", "--", *command, **environment)

    def urls(self):
        lines = (self.home / "run" / "services.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def processes(self):
        """Name and number of every living process that works on this home."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                traces = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                traces += os.fsencode(os.readlink(entry / "cwd"))
                if os.fsencode(self.home) in traces and int(entry.name) != os.getpid():
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:200]
        return found

    def one(self, part):
        """The main process among those whose command line has this part: the one the supervisor started."""
        numbers = [number for number, command in self.processes().items() if part in command]
        return min(numbers, key=lambda number: Path(f"/proc/{number}").stat().st_ctime_ns)

    def left_after(self, seconds):
        """The processes still there when the time is over; returns as soon as there are none."""
        until = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < until:
            time.sleep(0.05)
        return left

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
