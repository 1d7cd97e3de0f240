"""Keeps the processes of one installation together: starts them, passes on what they say, and ends all when one ends.

One thread, one loop; every child in a session of its own, so that Ctrl-C reaches only this process, which stops the
children in order. Must never leave one of them behind, also when it is killed itself (see processes.tied).
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

from config.embedded import processes
from config.embedded.trouble import Trouble

LONGEST_LINE = 65536


class Stopped(Exception):
    """Somebody asked for the end: Ctrl-C, SIGTERM, or the terminal went away."""


@dataclass
class Child:
    """A program under supervision; `sign` is the text by which it says that it is up, if it says so at all."""

    name: str
    command: list
    sign: bytes = b""
    patience: int = 15
    orphan_signal: int = signal.SIGTERM
    environment: dict = field(default_factory=dict)
    process: subprocess.Popen | None = None
    ready: bool = False
    rest: bytes = b""


class Supervisor:
    """Runs steps and children; watches foreign servers it was given as well."""

    def __init__(self, environment, folder, say=print):
        self.environment = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
        self.folder = folder
        self.say = say
        self.servers = []
        self.children = []
        self.asked = 0
        self.selector = selectors.DefaultSelector()

    # -- signals ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def listening(self):
        """Turn signals into bytes on a pipe: nothing happens inside a handler but counting."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._asked) for number in numbers}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        old = signal.set_wakeup_fd(writer)
        self.selector.register(reader, selectors.EVENT_READ, None)
        try:
            yield self
        finally:
            signal.set_wakeup_fd(old)
            for number, handler in before.items():
                signal.signal(number, handler)
            self.selector.unregister(reader)
            os.close(reader)
            os.close(writer)

    def _asked(self, *_):
        self.asked += 1

    def check(self):
        """Raise as soon as somebody asked for the end."""
        if self.asked:
            raise Stopped

    # -- starting ---------------------------------------------------------------------------------------------------

    def start(self, child):
        self.say(f"{child.name:<9} starting")
        child.process = processes.spawn(
            child.command,
            orphan_signal=child.orphan_signal,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env=self.environment | child.environment,
        )
        os.set_blocking(child.process.stdout.fileno(), False)
        self.selector.register(child.process.stdout, selectors.EVENT_READ, child)
        self.children.append(child)

    def step(self, child):
        """Run one program to its end; returns its exit status and all it said."""
        spoken = []
        self.start(child)
        try:
            while child.process.poll() is None or child.process.stdout in self._watched():
                self.pump(0.2, heard=lambda _, line: spoken.append(line))
                self.check()
        finally:
            processes.end(child.process, (signal.SIGTERM, child.patience))
            self.children.remove(child)
        return child.process.returncode, "\n".join(spoken)

    def wait_until(self, condition, what, patience):
        """Keep passing on output until the condition holds; a child's death or a request to stop ends the wait."""
        until = time.monotonic() + patience
        while not condition():
            if time.monotonic() > until:
                raise Trouble(f"{what} within {patience} s.", "Read the last lines above, mend it, and start again.")
            self.pump(0.1)
            self.check()
            self.check_alive()

    # -- watching ---------------------------------------------------------------------------------------------------

    def watch(self):
        """Until the end is asked for, or something ended by itself."""
        while True:
            self.pump(5)
            self.check()
            self.check_alive()

    def pump(self, seconds, heard=None):
        """Pass on what the children said, for at most so long; returns early when there was something."""
        for key, _ in self.selector.select(seconds):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(key.fd, 4096)
            else:
                self._hear(key.data, heard)

    def check_alive(self):
        for name, process in [(server.name, server.process) for server in self.servers] + [
            (child.name, child.process) for child in self.children
        ]:
            if process.poll() is not None:
                self._drain()
                raise Trouble(
                    f"{name} ended by itself ({_how(process.returncode)}); everything else is stopped with it.",
                    "Read what it said above, or for postgres and valkey in the log folder; then start again.",
                )

    def _hear(self, child, heard=None):
        try:
            data = os.read(child.process.stdout.fileno(), LONGEST_LINE)
        except BlockingIOError:
            return
        if not data:
            self.selector.unregister(child.process.stdout)
            data = b"\n" if child.rest else b""
        *lines, child.rest = (child.rest + data).split(b"\n")
        if len(child.rest) > LONGEST_LINE:
            lines, child.rest = [*lines, child.rest], b""
        for line in lines:
            if child.sign and child.sign in line:
                child.ready = True
            text = line.decode(errors="replace").rstrip()
            (heard or (lambda *_: None))(child, text)
            if text:
                self.say(f"{child.name:<9}| {text}")

    def _watched(self):
        return [key.fileobj for key in self.selector.get_map().values()]

    def _drain(self):
        """The last words of a child that has just ended are the ones that matter."""
        for child in self.children:
            for _ in range(16):
                if child.process.stdout in self._watched():
                    self._hear(child)

    # -- stopping ---------------------------------------------------------------------------------------------------

    def stop(self, order):
        """End the children in groups, each asked together and waited for; a second request stops the waiting."""
        for names in order:
            group = [child for child in self.children if child.name in names]
            for child in group:
                if child.process.poll() is None:
                    self.say(f"{child.name:<9} stopping")
                    child.process.send_signal(signal.SIGTERM)
            patience = max((child.patience for child in group), default=0)
            self._wait_for_end(group, patience)
            for child in group:
                processes.kill_group(child.process)  # also for what a child left behind in its own group
                child.process.wait()

    def _wait_for_end(self, group, patience):
        until, asked = time.monotonic() + patience, self.asked
        while any(child.process.poll() is None for child in group):
            if time.monotonic() > until or self.asked > max(asked, 1):
                return
            self.pump(0.1)
        self._drain()


def _how(status):
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"


def say(text):
    """One line to the terminal; a terminal that went away must not keep anything from being stopped."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
