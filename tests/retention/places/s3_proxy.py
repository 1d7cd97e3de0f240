"""A real S3 store that misbehaves on order: TLS in front of SeaweedFS, passing everything on, except as `manner` says."""

import re
import socket
import threading
import time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.retention.places.tls import Identity

BLOCK = 1 << 18
NOT_PASSED_ON = frozenset({"connection", "transfer-encoding"})
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%b">' % (98 + level, b"&%c;" % (97 + level) * 10) for level in range(9))
    + b"]><Error><Code>&j;</Code></Error>"
)
ERROR = b"<Error><Code>%b</Code><Message>secret-of-the-store</Message></Error>"


class S3Proxy(ThreadingHTTPServer):
    """Listens on a port that the system chose."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, backend_port: int, identity: Identity):
        super().__init__(("127.0.0.1", 0), Handler)
        self.backend_port = backend_port
        self.manner = ""
        self.stop = threading.Event()
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.socket = identity.server_context().wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        self.stop.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address) -> None:
        """A client that leaves is no news."""


class Handler(BaseHTTPRequestHandler):
    server: S3Proxy
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, *_later) -> None:
        """The test says what it wants to know."""

    def _any(self) -> None:
        self.close_connection = True
        self.server.asked.append((self.command, self.path))
        self.server.headers.append(dict(self.headers))
        if not self._misbehaves():
            self._pass_on()

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = _any

    @property
    def _is_object(self) -> bool:
        """Whether the request is about an object and not about the bucket."""
        return self.path.count("/") > 2

    @property
    def _manner(self) -> str:
        """The manner, where it concerns this request: `put: slow` puts of objects, `put -x: slow` those whose name ends so."""
        which, colon, manner = self.server.manner.partition(": ")
        if not colon:
            return self.server.manner
        method, _space, ending = which.partition(" ")
        path = self.path.partition("?")[0]
        return manner if self._is_object and method == self.command.lower() and path.endswith(ending) else ""

    def _pass_on(self) -> None:
        backend = HTTPConnection("127.0.0.1", self.server.backend_port, timeout=60)
        backend.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            backend.putheader(name, value)
        backend.endheaders()
        left = int(self.headers.get("Content-Length", 0))
        while left and (block := self.rfile.read(min(BLOCK, left))):
            left -= len(block)
            backend.send(block)
        answer = backend.getresponse()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in NOT_PASSED_ON and not self._is_left_out(name.lower()):
                self.send_header(name, self._as_told(name.lower(), value))
        self.send_header("Connection", "close")
        self.end_headers()
        while block := answer.read(BLOCK):
            self.wfile.write(self._as_given(block))
        backend.close()

    def _is_left_out(self, header: str) -> bool:
        return (self._manner == "without version" and header == "x-amz-version-id") or (
            self._manner == "without lock" and header.startswith("x-amz-object-lock")
        ) or (self._manner == "without checksum" and header.startswith("x-amz-checksum"))

    def _as_told(self, header: str, value: str) -> str:
        if self._manner == "shorter lock" and header == "x-amz-object-lock-retain-until-date":
            return "2001-01-01T00:00:00Z"
        if self._manner == "weaker lock" and header == "x-amz-object-lock-mode":
            return "NONE"
        if self._manner == "another size" and header == "content-length":
            return str(int(value) + 1)
        if self._manner == "another checksum" and header == "x-amz-checksum-sha256":
            return "A" * 43 + "="
        if self._manner == "date that is none" and header == "x-amz-object-lock-retain-until-date":
            return "tomorrow"
        return value

    def _as_given(self, block: bytes) -> bytes:
        if self._manner == "corrupting":
            return block[:-1] + bytes([block[-1] ^ 1])
        return block

    def _misbehaves(self) -> bool:
        manner = self._manner
        size = int(self.headers.get("Content-Length", 0))
        if error := re.fullmatch(r"(\d{3}) (\w+)", manner):
            self._swallow(size)
            self._answer(int(error[1]), ERROR % error[2].encode())
        elif manner in ("slow", "taking nothing"):
            self.server.stop.wait(20)
        elif manner == "lying":
            self._swallow(size)
            self._answer(200, b"", **{"x-amz-version-id": "0123456789abcdef0123456789abcdef"})
        elif manner == "done":
            self._answer(204, b"")
        elif manner == "breaking off":
            self.rfile.read(min(size, 1000))
            self._hang_up()
        elif manner == "redirecting":
            self._swallow(size)
            self._answer(307, b"", Location="https://localhost:1/elsewhere")
        elif manner == "redirecting to a region":
            self._swallow(size)
            self._answer(301, ERROR % b"PermanentRedirect", **{"x-amz-bucket-region": "eu-north-1"})
        elif manner == "replying without end":
            self._swallow(size)
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            self._pour(b"<" * BLOCK)
        elif manner == "trickling":
            self._swallow(size)
            self._pour(b"H", pause=0.1)
        elif manner == "giving without end":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            self._pour(b"x" * BLOCK)
        elif manner == "giving a byte now and then":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            self._pour(b"x", pause=0.1)
        elif manner == "no XML":
            self._swallow(size)
            self._answer(200, b"{]")
        elif manner == "bomb":
            self._swallow(size)
            self._answer(400, BOMB)
        else:
            return False
        return True

    def _swallow(self, size: int) -> None:
        while size and (block := self.rfile.read(min(BLOCK, size))):
            size -= len(block)

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _pour(self, content: bytes, *, pause: float = 0) -> None:
        try:
            while not self.server.stop.is_set():
                self.wfile.write(content)
                self.wfile.flush()
                time.sleep(pause)
        except OSError:
            self.close_connection = True

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
