"""Connections to whoever gets something: to the pinned address only, with an end to every wait and to everything that is read.

HTTP is spoken by the standard library over a socket that we connected ourselves, so that no name is looked up again, no
proxy of the environment steps in and no redirect is followed. Time runs for the exchange as a whole: a peer that sends a
byte now and then, or takes one, can't hold it up.
"""

import io
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead, RemoteDisconnected
from socket import AF_INET, AF_INET6, SOCK_STREAM, socket
from typing import Any

from apps.gate.client.addresses import Pinned
from apps.gate.client.troubles import PeerDown, PeerFull, PeerMisbehaves, PeerRefuses, PeerSettingsUnfit, PeerSlow, PeerTrouble, PeerUnsafe

BLOCK = 1 << 20
PIECE = 64 * 1024
HEADERS = 64 * 1024  # what the head of an answer may take
FULL = frozenset({413, 507})
NOT_LET_IN = frozenset({401, 403, 407})


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long the other end may take, and how much it may say. Seconds and bytes."""

    connect: float = 15
    silence: float = 60  # without a byte
    patience: float = 120  # for an exchange, besides the time that its bytes may take
    slowest: int = 256 * 1024  # bytes a second
    largest_reply: int = 64 * 1024
    largest_object: int = 16 * 1024**3  # when fetching something whose size only the other end knows

    def seconds_for(self, size: int) -> float:
        """The longest that an exchange of `size` bytes may take."""
        return self.patience + size / self.slowest


class Deadline:
    """When an exchange must be over, and how long it may be silent."""

    def __init__(self, seconds: float, silence: float):
        self._ends, self._silence = time.monotonic() + seconds, silence

    def wait(self) -> float:
        """How long the next byte may be waited for. PeerSlow when time is over."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise PeerSlow()
        return min(left, self._silence)


@contextmanager
def troubles() -> Iterator[None]:
    """What a connection can come to, in the words of places. The cause is dropped: it may quote what was sent."""
    try:
        yield
    except PeerTrouble:
        raise
    except ssl.SSLCertVerificationError:
        raise PeerUnsafe("The place's certificate is not valid for its name, or nobody trusted vouches for it.") from None
    except TimeoutError:
        raise PeerSlow() from None
    except (IncompleteRead, RemoteDisconnected, OSError):
        raise PeerDown() from None
    except HTTPException:
        raise PeerMisbehaves("The place's answer is no HTTP.") from None


def dial(pinned: Pinned, deadline: Deadline) -> socket:
    """A connection to one of the checked addresses, the first that answers. The only opener of connections there is.

    Each is recorded before it is opened. NoPassage where the passage is closed.
    """
    trouble: PeerTrouble = PeerDown("The place takes no connection.")
    for number, address in enumerate(pinned.addresses, 1):
        pinned.passage.cross(pinned.target.host, str(address), pinned.target.port)
        wait = deadline.wait() / (2 if number < len(pinned.addresses) else 1)  # so that the next one gets its turn
        connection = socket(AF_INET6 if address.version == 6 else AF_INET, SOCK_STREAM)
        try:
            connection.settimeout(wait)
            connection.connect((str(address), pinned.target.port))
        except OSError as error:
            connection.close()
            trouble = PeerSlow("The place took no connection in time.") if isinstance(error, TimeoutError) else trouble
        else:
            return connection
    raise trouble


def trust(authority: str = "") -> ssl.SSLContext:
    """TLS with the name checked; by the system's authorities, or by `authority` (PEM) alone where the place has its own."""
    context = ssl.create_default_context() if not authority else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)  # an answer that was cut is not one that ended
    if authority:
        try:
            context.load_verify_locations(cadata=authority)
        except (ssl.SSLError, ValueError):
            raise PeerSettingsUnfit("The place's own certificate authority is not in PEM.") from None
    return context


class TimedSocket:
    """A connected socket whose every wait is the deadline's, and of which no more than `at_most` bytes are read."""

    def __init__(self, connection: socket, deadline: Deadline, at_most: int):
        self._connection, self._deadline, self._left = connection, deadline, at_most

    def sendall(self, data: Any) -> None:
        view = memoryview(data).cast("B")
        while view:
            self._connection.settimeout(self._deadline.wait())
            view = view[self._connection.send(view) :]

    def recv_into(self, buffer: Any) -> int:
        self._connection.settimeout(self._deadline.wait())
        received = self._connection.recv_into(buffer)
        self._left -= received
        if self._left < 0:
            raise PeerMisbehaves("The place says more than it may.")
        return received

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self), PIECE)

    def close(self) -> None:
        """Nothing: the answer is still being read; whoever opened the connection closes it."""


class _Incoming(io.RawIOBase):
    """The reading side of a TimedSocket."""

    def __init__(self, connection: TimedSocket):
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._connection.recv_into(buffer)


class Answer:
    """An HTTP answer whose body is read while it comes in. To be closed."""

    def __init__(self, response: HTTPResponse, connection: socket, *, asked_whole: bool):
        self._response, self._connection, self._asked_whole = response, connection, asked_whole
        self.status = response.status
        self.headers = dict(response.getheaders())

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *_later: Any) -> None:
        self.close()

    def read(self, size: int | None = None) -> bytes:
        """Up to `size` bytes of the body; all of it, which the exchange's own limit ends, where no size is named."""
        with troubles():
            read = self._response.read() if size is None else self._response.read(size)
        if not read and size and self._response.length:
            raise PeerDown("The place broke off in the middle of its answer.")
        return read

    @property
    def length(self) -> int:
        """How long the body is, as the head says."""
        length = self._response.getheader("Content-Length", "")
        if not length.isascii() or not length.isdecimal():
            raise PeerMisbehaves("The place does not say how large the object is.")
        return int(length)

    def stream(self) -> Iterator[bytes]:
        """The body, block by block; at its end the connection is closed."""
        try:
            while block := self.read(BLOCK):
                yield block
        finally:
            self.close()

    def close(self) -> None:
        with suppress(OSError):
            self._connection.close()

    def require(self, *fine: int) -> None:
        """Nothing where the status is one of these; else the trouble that it stands for."""
        if self.status in fine:
            if not self._asked_whole:
                raise PeerDown("The place broke off before it had everything.")
            return
        if 300 <= self.status < 400:
            raise PeerMisbehaves("The place points elsewhere, where nobody follows.")
        if self.status in NOT_LET_IN:
            raise PeerRefuses()
        if self.status in FULL:
            raise PeerFull()
        if self.status >= 500 or self.status in (408, 425, 429):
            raise PeerDown(f"The place answers with an error of its own ({self.status}).")
        raise PeerMisbehaves(f"The place answers {self.status}, which makes no sense here.")


def ask(
    pinned: Pinned,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str],
    context: ssl.SSLContext,
    limits: Limits,
    body: Iterable[bytes] = (),
    size: int = 0,
    at_most: int,
) -> Answer:
    """One HTTP exchange on a connection of its own. `size` bytes go or come, `at_most` may be answered."""
    with troubles():
        connection = dial(pinned, Deadline(limits.connect, limits.connect))
        try:
            connection.settimeout(limits.connect)
            connection = context.wrap_socket(connection, server_hostname=pinned.target.host, suppress_ragged_eofs=False)
            deadline = Deadline(limits.seconds_for(size), limits.silence)
            http = HTTPConnection(pinned.target.host, pinned.target.port)
            http.sock = TimedSocket(connection, deadline, at_most + HEADERS)
            http.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in {"Host": pinned.target.authority, **headers, "Connection": "close"}.items():
                http.putheader(name, value)
            asked_whole = _send(http, body)
            return Answer(http.getresponse(), connection, asked_whole=asked_whole)
        except BaseException:
            connection.close()
            raise


def _send(http: HTTPConnection, body: Iterable[bytes]) -> bool:
    """Send head and body; whether all of it. A peer that stops taking may say why: its answer is read like any other."""
    http.endheaders()
    for block in body:
        for start in range(0, len(block), PIECE):
            try:
                http.send(block[start : start + PIECE])
            except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                return False
    return True
