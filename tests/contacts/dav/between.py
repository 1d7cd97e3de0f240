"""Stands between us and Radicale with real TLS, passes everything on, and on order does what servers do wrong. `manner` names it."""

import gzip
import re
import socket
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.retention.places.tls import Identity

PASSED_ON = ("Authorization", "Content-Type", "Depth", "Accept")
ENTITIES = b'<!DOCTYPE m [<!ENTITY a "' + b"x" * 1000 + b'"><!ENTITY b "' + b"&a;" * 1000 + b'">]>'
BOMB = b'<?xml version="1.0"?>' + ENTITIES + b'<multistatus xmlns="DAV:">&b;&b;</multistatus>'


class Between(ThreadingHTTPServer):
    """Listens on a port that the system chose."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, identity: Identity, behind: int):
        super().__init__(("127.0.0.1", 0), Handler)
        self.identity, self.behind = identity, behind
        self.manner = ""
        self.elsewhere = ""
        self.asked: list[tuple[str, str]] = []
        self.logins: list[str] = []
        self.stop = threading.Event()
        self.socket = identity.server_context().wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def port(self) -> int:
        return self.server_address[1]

    def address(self, path: str) -> str:
        return f"https://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        self.stop.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address) -> None:
        """A client that leaves is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Between
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, *_later) -> None:
        """The test says what it wants to know."""

    def do_PROPFIND(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path))
        self.server.logins.append(self.headers.get("Authorization", ""))
        misdeed = getattr(self, f"be_{self.server.manner.replace(' ', '_')}", None) if self.server.manner else None
        if misdeed is None or not misdeed():
            self._say(*self._behind())

    do_REPORT = do_GET = do_PROPFIND

    def _behind(self, body: bytes | None = None) -> tuple[int, bytes, dict[str, str]]:
        connection = HTTPConnection("127.0.0.1", self.server.behind, timeout=60)
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        connection.request(self.command, self.path, self.body if body is None else body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content, {name: answer.headers[name] for name in ("Content-Type", "ETag", "Location") if name in answer.headers}

    def _say(self, status: int, content: bytes = b"", headers: dict[str, str] | None = None, length: int | None = None) -> bool:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True
        return True

    def _is_about_changes(self) -> bool:
        return b"sync-collection" in self.body

    # misdeeds: True where the answer was given

    def be_without_tokens(self) -> bool:
        """As servers that do not know RFC 6578."""
        if self._is_about_changes():
            return self._say(501)
        status, content, headers = self._behind()
        content = re.sub(rb"<sync-token>[^<]*</sync-token>", b"", content)
        return self._say(status, content.replace(b"sync-collection", b"other-report"), headers)

    def be_forgetting(self) -> bool:
        """Tokens are for those who came yesterday."""
        if self._is_about_changes() and b"<sync-token></sync-token>" not in self.body:
            error = b'<?xml version="1.0"?><error xmlns="DAV:"><valid-sync-token/></error>'
            return self._say(403, error, {"Content-Type": "application/xml"})
        return False

    def be_cutting(self) -> bool:
        """Of changes ten at a time; a token of our own says how far."""
        if not self._is_about_changes():
            return False
        token = re.search(rb"<sync-token>([^<]*)</sync-token>", self.body)[1]
        real, _bar, shown = token.partition(b"|")
        status, content, headers = self._behind(self.body.replace(b">" + token + b"<", b">" + real + b"<"))
        if b"<response>" not in content:
            return self._say(status, content, headers)
        start, end = content[: content.index(b"<response>")], content[content.rindex(b"</response>") + 11 :]
        responses = re.findall(rb"<response>.*?</response>", content, re.DOTALL)
        said = int(shown or 0)
        part = responses[said : said + 10]
        if said + 10 < len(responses):
            part.append(b"<response><href>" + self.path.encode() + b"</href><status>HTTP/1.1 507 Insufficient Storage</status></response>")
            so_far = rb"\g<1>" + real + b"|" + str(said + 10).encode()
            start, end = (re.sub(rb"(<sync-token>)[^<]*", so_far, side) for side in (start, end))
        return self._say(status, start + b"".join(part) + end, headers)

    def be_cutting_without_end(self) -> bool:
        if not self._is_about_changes():
            return False
        cut = "<response><href>{}</href><status>HTTP/1.1 507 Insufficient Storage</status></response><sync-token>t{}</sync-token>"
        answer = '<?xml version="1.0"?><multistatus xmlns="DAV:">' + cut.format(self.path, len(self.server.asked)) + "</multistatus>"
        return self._say(207, answer.encode(), {"Content-Type": "application/xml"})

    def be_leaving_in_the_middle(self) -> bool:
        if b"multiget" in self.body and sum(method == "REPORT" for method, _path in self.server.asked) > 3:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return True
        return False

    def be_breaking_off(self) -> bool:
        if b"multiget" not in self.body:
            return False
        status, content, headers = self._behind()
        return self._say(status, content[: len(content) // 2], headers, length=len(content))

    def be_without_multiget(self) -> bool:
        return self._say(405) if b"multiget" in self.body else False

    def be_answering_too_much(self) -> bool:
        if b"multiget" not in self.body:
            return False
        self.send_response(207)
        self.send_header("Content-Type", "application/xml")
        self.end_headers()
        block = b"<x/>" * 65536
        for _block in range(400):
            self.wfile.write(block)
        self.close_connection = True
        return True

    def be_slow(self) -> bool:
        self.server.stop.wait(20)
        return True

    def be_pointing_elsewhere(self) -> bool:
        return self._say(301, headers={"Location": self.server.elsewhere})

    def be_pointing_in_circles(self) -> bool:
        return self._say(302, headers={"Location": f"{self.path}x"})

    def be_pointing_on(self) -> bool:
        if self.path.startswith("/old/"):
            return self._say(308, headers={"Location": self.path.removeprefix("/old")})
        return False

    def be_naming_entries_elsewhere(self) -> bool:
        status, content, headers = self._behind()
        if self._is_about_changes():
            content = content.replace(b"</href>", b"/../../etc</href>")
        return self._say(status, content, headers)

    def be_naming_other_peoples_entries(self) -> bool:
        status, content, headers = self._behind()
        if self._is_about_changes():
            content = content.replace(b"<href>/ada/", b"<href>/ben/")
        return self._say(status, content, headers)

    def be_a_bomb(self) -> bool:
        return self._say(207, BOMB, {"Content-Type": "application/xml"})

    def be_no_XML(self) -> bool:
        return self._say(207, b"{}", {"Content-Type": "application/xml"})

    def be_packing(self) -> bool:
        return self._say(207, gzip.compress(self._behind()[1]), {"Content-Type": "application/xml", "Content-Encoding": "gzip"})

    def be_a_web_site(self) -> bool:
        return self._say(200, b"<!doctype html><title>Hello</title>", {"Content-Type": "text/html"})

    def be_busy(self) -> bool:
        return self._say(503)

    def be_forbidding(self) -> bool:
        return self._say(403)
