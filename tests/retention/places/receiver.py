"""An HTTPS receiver as a client would run it: real TLS, files on disk, signed receipts. And one that misbehaves on order.

`manner` names how: every manner is something that a real receiver was seen, or must be expected, to do.
"""

import base64
import hashlib
import json
import socket
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apps.foundation.digests import canonical
from tests.retention.places.tls import Identity

BLOCK = 1 << 18
TOKEN = "receiver-token-4711-must-never-be-seen"
PREFIX = b"covenant-receipt/1\n"

#: of two who put the same name at once, one finds it there
PLACING = threading.Lock()


class Receiver(ThreadingHTTPServer):
    """Listens on a port that the system chose."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, folder: Path, identity: Identity):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.identity = folder, identity
        self.key = Ed25519PrivateKey.generate()
        self.signs_with = self.key
        self.manner = ""
        self.stop = threading.Event()
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[int] = []
        self.socket = identity.server_context().wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        return self.server_address[1]

    @property
    def public_key(self) -> str:
        return self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()

    def close(self) -> None:
        self.stop.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address) -> None:
        """A client that leaves is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, *_later) -> None:
        """The test says what it wants to know."""

    def handle_one_request(self) -> None:
        if self.server.manner == "silent before TLS":
            self.server.stop.wait(20)
            return
        super().handle_one_request()

    # the honest receiver

    def do_PUT(self) -> None:
        name, size = self._name(), int(self.headers["Content-Length"])
        if self._misbehaves_at_put(name, size) or not self._let_in():
            return
        path, digest, kept = self.server.folder / name, hashlib.sha256(), 0
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{threading.get_ident()}.draft")
        with draft.open("wb") as file:
            while kept < size and (block := self.rfile.read(min(BLOCK, size - kept))):
                kept += len(block)
                digest.update(block)
                file.write(self._as_stored(block))
        self.server.bodies.append(kept)
        wanted = self.headers["Content-Digest"]
        if kept < size or wanted != f"sha-256=:{base64.b64encode(digest.digest()).decode()}:":
            draft.unlink()
            self._answer(400)
            return
        with PLACING:
            is_there = path.exists() and self.headers["If-None-Match"] == "*" and self.server.manner != "overwriting"
            if not is_there and self.server.manner != "lying":
                draft.rename(path)
        if is_there:
            same = hashlib.sha256(path.read_bytes()).digest() == digest.digest()
            draft.unlink()
            self._answer(200, self._receipt(name, size, digest.hexdigest())) if same else self._answer(412)
            return
        if self.server.manner == "lying":
            draft.unlink()
        self._answer(201, self._receipt(name, size, digest.hexdigest()))

    def do_GET(self) -> None:
        if self._misbehaves_at_get() or not self._let_in():
            return
        path = self.server.folder / self._name()
        if not path.is_file():
            self._answer(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        if self.command == "GET":
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    self.wfile.write(block)

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        if self._misbehaves() or not self._let_in():
            return
        path = self.server.folder / self._name()
        if not path.is_file():
            self._answer(404)
            return
        if self.server.manner != "keeping":
            path.unlink()
        self._answer(204)

    def _name(self) -> str:
        self.server.asked.append((self.command, self.path))
        return self.path.removeprefix("/inbox/")

    def _let_in(self) -> bool:
        if self.headers["Authorization"] == f"Bearer {TOKEN}" and self.server.manner != "refusing":
            return True
        self.close_connection = True
        self._answer(401)
        return False

    def _receipt(self, name: str, size: int, sha256: str) -> bytes:
        receipt = {
            "format": "covenant-receipt/1",
            "name": name,
            "size": size,
            "sha256": sha256,
            "nonce": self.headers["Covenant-Nonce"],
            "received_at": datetime.now(UTC).isoformat(),
        }
        manner = self.server.manner
        receipt |= {
            "replaying": {"nonce": "0" * 32},
            "receipt for another": {"name": "ORG-OTHER/part"},
            "receipt of another size": {"size": size + 1},
            "receipt with more": {"note": "x" * 100},
            "receipt without time": {"received_at": 7},
        }.get(manner, {})
        if manner == "receipt as a list":
            return b"[1, 2]"
        if manner == "receipt that nests":
            return b"[" * 60_000
        signature = "" if manner == "unsigned" else self.server.signs_with.sign(PREFIX + canonical(receipt)).hex()
        return json.dumps({"receipt": receipt, "signature": signature}).encode()

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    # the misbehaving one

    def _as_stored(self, block: bytes) -> bytes:
        if self.server.manner == "corrupting":
            return block[:-1] + bytes([block[-1] ^ 1])
        if self.server.manner == "truncating":
            return block[:-1]
        if self.server.manner == "adding":
            return block + b"+"
        return block

    def _misbehaves_at_put(self, name: str, size: int) -> bool:
        manner = self.server.manner
        if manner == "taking nothing":
            self.server.stop.wait(20)
            return True
        if manner == "breaking off":
            self.rfile.read(min(size, 1000))
            self._hang_up()
            return True
        if manner in ("full", "too large", "refusing", "redirecting", "busy"):
            self.rfile.read(size)
        if manner == "full at once":
            self.close_connection = True
            self._answer(507, Connection="close")
            return True
        if manner == "confirming early":
            digest = base64.b64decode(self.headers["Content-Digest"].removeprefix("sha-256=:").removesuffix(":"))
            self._answer(201, self._receipt(name, size, digest.hex()))
            self._hang_up()
            return True
        return self._misbehaves()

    def _misbehaves_at_get(self) -> bool:
        manner = self.server.manner
        if manner == "giving without end" and self.command == "GET":
            self.send_response(200)
            self.end_headers()
            self._pour(b"x" * BLOCK)
            return True
        if manner == "giving a byte now and then" and self.command == "GET":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self._pour(b"x", pause=0.1)
            return True
        if manner.startswith("giving half") and self.command == "GET":
            self.send_response(200)
            if manner != "giving half of something":
                self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"x" * 100)
            if manner == "giving half and saying goodbye":
                self.close_connection = True
                self.connection.unwrap()
            else:
                self._hang_up()
            return True
        if manner == "huge" and self.command == "HEAD":
            self._answer(200, Content_Length=str(1 << 60))
            return True
        if manner == "of unknown size" and self.command == "HEAD":
            self.send_response(200)
            self.end_headers()
            return True
        return self._misbehaves()

    def _misbehaves(self) -> bool:
        manner = self.server.manner
        if manner == "slow":
            self.server.stop.wait(20)
        elif manner == "full":
            self._answer(507)
        elif manner == "too large":
            self._answer(413)
        elif manner == "busy":
            self._answer(503, Retry_After="1000000")
        elif manner == "making no sense":
            self._answer(418)
        elif manner == "redirecting":
            self._answer(307, Location=f"https://localhost:{self.server.port}/elsewhere")
        elif manner == "replying without end":
            self.send_response(200)
            self.end_headers()
            self._pour(b"{" * BLOCK)
        elif manner == "heads without end":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            self._pour(b"X-Y: " + b"z" * 1000 + b"\r\n")
        elif manner == "continuing without end":
            self._pour(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
        elif manner == "a line without end":
            self._pour(b"H" * 1000)
        elif manner == "trickling":
            self._pour(b"H", pause=0.1)
        elif manner == "no HTTP":
            self.wfile.write(b"220 mail.example.com ESMTP\r\n")
            self._hang_up()
        elif manner == "hanging up":
            self._hang_up()
        else:
            return False
        self.close_connection = True
        return True

    def _pour(self, content: bytes, *, pause: float = 0) -> None:
        try:
            while not self.server.stop.is_set():
                self.wfile.write(content)
                self.wfile.flush()
                time.sleep(pause)
        except OSError:
            self.close_connection = True

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
