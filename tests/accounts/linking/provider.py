"""A real OpenID Connect provider with two people's accounts, and a place that takes revocations as RFC 7009 says."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from oidc_provider_mock import User, run_server_in_thread

CLAIMS = {
    "name": "Ada Lovell", "given_name": "Ada", "family_name": "Lovell", "locale": "en-US",
    "email": "ada@elsewhere.example", "email_verified": True, "phone_number": "+12025550123",
    "employer": "Northgate", "blood_group": "AB",  # what no scope covers, and this provider tells all the same
}  # fmt: skip


@contextmanager
def running():
    """Its address, while it runs."""
    with run_server_in_thread(user_claims=[User(sub="ada-4711", claims=CLAIMS), User(sub="ben-4712", claims={"name": "Ben"})]) as server:
        yield f"http://localhost:{server.server_port}"


class Revocations(BaseHTTPRequestHandler):
    """Remembers the tokens it was told of; answers as `status` says."""

    def do_POST(self):
        body = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        self.server.told.append(body["token"][0])
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_args):
        pass


@contextmanager
def revocations(status: int = 200):
    """A revocation endpoint on loopback, while it runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Revocations)
    server.told, server.status, server.daemon_threads = [], status, True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def app(address: str, revocation: str = "") -> dict:
    """The provider as the settings name it."""
    overrides = {"openid_configuration_overrides": {"revocation_endpoint": revocation}} if revocation else {}
    return {
        "provider_id": "elsewhere", "name": "Elsewhere", "client_id": "covenant", "secret": "s", "scopes": ["profile", "email", "phone"],
        "settings": {"server_url": address} | overrides,
    }  # fmt: skip
