"""Radicale as people run it, as a child of the test run: on loopback, its files in a folder of its own."""

import base64
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

from tests.contacts.reading.hostile import calendar, card, event
from tests.retention.places.ports import die_with_us, free_ports

USER, PASSWORD = "ada", "dav-password-4711-must-never-be-seen"
STARTS_IN = 30
CONFIG = """
[server]
hosts = 127.0.0.1:{port}
max_content_length = 100000000
[auth]
type = htpasswd
htpasswd_filename = {folder}/people
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {folder}/collections
[web]
type = none
[logging]
level = warning
"""
MAKING = """<?xml version="1.0"?><mkcol xmlns="DAV:" xmlns:C="{space}"><set><prop><resourcetype><collection/><C:{mark}/></resourcetype></prop></set></mkcol>"""
SPACES = {"contacts": ("urn:ietf:params:xml:ns:carddav", "addressbook"), "calendar": ("urn:ietf:params:xml:ns:caldav", "calendar")}


class Radicale:
    """Running until closed; `put` and `delete` are what its owner does with a program of theirs."""

    def __init__(self, folder: Path):
        [self.port] = free_ports(1)
        self.made: list[str] = []
        folder.mkdir(parents=True)
        (folder / "people").write_text(f"{USER}:{PASSWORD}\n")
        (folder / "config").write_text(CONFIG.format(port=self.port, folder=folder))
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "radicale", "--config", str(folder / "config")], stdout=self.log, stderr=self.log, preexec_fn=die_with_us, cwd=folder
        )
        until = time.monotonic() + STARTS_IN
        while True:
            try:
                self.ask("PROPFIND", "/")
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise TimeoutError((folder / "log").read_text()) from None
                time.sleep(0.05)
            else:
                return

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        connection.request(method, path, body, {"Authorization": f"Basic {login}", **headers})
        response = connection.getresponse()
        response.content = response.read()
        connection.close()
        return response

    def make(self, kind: str, name: str, data: bytes = b"") -> str:
        """A new address book or calendar with these entries; its path."""
        path = f"/{USER}/{name}/"
        if data:
            answer = self.ask("PUT", path, data, **{"Content-Type": "text/vcard" if kind == "contacts" else "text/calendar"})
        else:
            space, mark = SPACES[kind]
            answer = self.ask("MKCOL", path, MAKING.format(space=space, mark=mark).encode())
        assert answer.status == 201, answer.status
        self.made.append(path)
        return path

    def clear(self) -> None:
        """As if nobody had kept anything here."""
        while self.made:
            self.ask("DELETE", self.made.pop())

    def put(self, path: str, text: str | bytes) -> None:
        answer = self.ask("PUT", path, text if isinstance(text, bytes) else text.encode())
        assert answer.status in (200, 201, 204), answer.status

    def delete(self, path: str) -> None:
        assert self.ask("DELETE", path).status in (200, 204)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


def book(count: int) -> bytes:
    """An address book of so many people."""
    return "".join(card(number) for number in range(count)).encode()


def diary(count: int) -> bytes:
    """A calendar of so many events, each on a day of November 2026."""
    return calendar("".join(event("", number, f":202611{1 + number % 28:02}T100000Z") for number in range(count)))
