"""One person's DAV server, asked over connections of the gate's client, within one permit and a bounded time.

Its answers are read by the process that reads files. Redirects are followed within the host alone; name and password go nowhere else.
"""

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.contacts.dav import paths, troubles
from apps.contacts.reading import isolation
from apps.contacts.reading.bounds import Bounds
from apps.contacts.reading.refused import FileRefused
from apps.gate.client.addresses import AddressUnsafe, Guard, Pinned
from apps.gate.client.troubles import PeerDown, PeerSlow, PeerTrouble, PeerUnsafe
from apps.gate.client.wire import BLOCK, Answer, Limits, ask, trust

MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
BUSY = frozenset({408, 425, 429})


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Where people's servers may be, whom they may be vouched for by, and how much a server may take."""

    guard: Guard
    authority: str = ""  # in PEM, trusted besides the system's
    connect: float = 15
    silence: float = 30
    patience: float = 60
    seconds: float = 300  # for all that is asked at one time
    largest_answer: int = 16 << 20
    largest_entry: int = 2 << 20
    largest: int = 64 << 20  # of all answers together
    most_entries: int = 10_000
    at_once: int = 100  # entries per question

    @classmethod
    def from_settings(cls) -> "Reach":
        authority = settings.CONTACTS_DAV_AUTHORITY
        return cls(
            guard=Guard.of(ports=settings.CONTACTS_DAV_PORTS, allowed=settings.CONTACTS_DAV_ALLOWED_PRIVATE_ADDRESSES),
            authority=Path(authority).read_text() if authority else "",
        )


@dataclass(frozen=True)
class Reply:
    """What a server answered: the status, the path that answered in the end, and what a 207 or an error held."""

    status: int
    path: str
    found: dict[str, Any]

    @property
    def responses(self) -> list[dict[str, Any]]:
        return self.found.get("responses", [])


class AnswerTooLarge(troubles.SourceTooLarge):
    """One answer is larger than may be read; a smaller question may still be answered."""


@contextmanager
def told() -> Iterator[None]:
    """The gate's troubles in the words of people's sources."""
    try:
        yield
    except troubles.SourceTrouble:
        raise
    except AddressUnsafe as unsafe:
        raise troubles.SourceAddressUnsafe(unsafe.what) from None
    except PeerUnsafe:
        raise troubles.SourceUnsafe from None
    except PeerSlow:
        raise troubles.SourceSlow from None
    except PeerDown:
        raise troubles.SourceUnreachable from None
    except PeerTrouble:
        raise troubles.SourceMisbehaves from None


class Server:
    """To be asked until its time is over."""

    def __init__(self, pinned: Pinned, *, user: str, password: str, reach: Reach):
        if ":" in user or not (user + password).isprintable():
            raise troubles.PasswordRefused("A name can't hold a colon, and neither it nor a password what can't be printed.")
        self.reach, self.target = reach, pinned.target
        self._pinned = pinned
        self._login = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._context = trust()
        if reach.authority:
            self._context.load_verify_locations(cadata=reach.authority)
        self._until = time.monotonic() + reach.seconds
        self._left = reach.largest

    def __repr__(self) -> str:
        return "<a person's server>"

    def find(self, path: str, body: bytes, *, depth: int) -> Reply:
        """PROPFIND."""
        return self._exchange("PROPFIND", path, body, {"Depth": str(depth)})

    def report(self, path: str, body: bytes) -> Reply:
        return self._exchange("REPORT", path, body, {"Depth": "1" if b"multiget" in body else "0"})

    def fetch(self, path: str, accept: str) -> tuple[int, str, bytes]:
        """Status, etag and bytes of one entry."""
        with self._ask("GET", path, b"", {"Accept": accept}) as answer:
            return answer.status, _header(answer, "etag"), self._read(answer, self.reach.largest_entry) if answer.status == 200 else b""

    def path_of(self, href: str, base: str) -> str:
        return paths.on_server(href, self.target, base)

    def _exchange(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        headers = {"Content-Type": "application/xml; charset=utf-8", "Content-Length": str(len(body)), **headers}
        for _hop in range(MOST_REDIRECTS + 1):
            with self._ask(method, path, body, headers) as answer:
                if answer.status in REDIRECTS:
                    path = self.path_of(_header(answer, "location"), path)
                    continue
                is_xml = answer.status == 207 or "xml" in _header(answer, "content-type").lower()
                said = self._read(answer, self.reach.largest_answer) if is_xml else b""
                return Reply(answer.status, path, self._understood(said, answer.status) if is_xml else {})
        raise troubles.SourceMisbehaves("The server points from one place to the next without end.")

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        left = self._until - time.monotonic()
        if left <= 0:
            raise troubles.SourceSlow
        reach, at_most = self.reach, self.reach.largest_answer
        with told():
            answer = ask(
                self._pinned, method, path,
                headers={"Authorization": f"Basic {self._login}", "User-Agent": "Covenant", **headers},
                context=self._context,
                limits=Limits(connect=min(reach.connect, left), silence=reach.silence, patience=min(reach.patience, left)),
                body=(body,) if body else (), size=len(body), at_most=at_most + BLOCK,
            )  # fmt: skip
        try:
            _require_plausible(answer)
        except BaseException:
            answer.close()
            raise
        return answer

    def _read(self, answer: Answer, at_most: int) -> bytes:
        """The body; SourceTooLarge where it is longer than `at_most`, or all together is more than may be read."""
        blocks, length = [], 0
        with told():
            while block := answer.read(BLOCK):
                blocks.append(block)
                length += len(block)
                self._left -= len(block)
                if self._left < 0:
                    raise troubles.SourceTooLarge
                if length > at_most:
                    raise AnswerTooLarge
        return b"".join(blocks)

    def _understood(self, said: bytes, status: int) -> dict[str, Any]:
        bounds = Bounds(largest=self.reach.largest_answer, seconds=max(1, min(40, self._until - time.monotonic())))
        [found] = isolation.read("multistatus", [said], bounds=bounds)
        if not isinstance(found, FileRefused):
            return found
        if status != 207:
            return {}  # a page about an error
        raise (troubles.SourceTooLarge if found.code in ("too_large", "too_many") else troubles.SourceMisbehaves) from None


def _require_plausible(answer: Answer) -> None:
    """What stands in the way whatever was asked."""
    if answer.status == 401:
        raise troubles.PasswordRefused
    if answer.status in BUSY or (answer.status >= 500 and answer.status not in (501, 507)):
        raise troubles.SourceUnreachable("The server answers with an error of its own.")
    if _header(answer, "content-encoding").lower() not in ("", "identity"):
        raise troubles.SourceMisbehaves("The server packs what was asked for unpacked.")


def _header(answer: Answer, name: str) -> str:
    return next((value for header, value in answer.headers.items() if header.lower() == name), "")
