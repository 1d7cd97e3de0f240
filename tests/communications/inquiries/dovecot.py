"""Debian's Dovecot for one mailbox: an IMAP server of its own on loopback, with and without TLS. Started once for a run."""

import contextlib
import getpass
import grp
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "privacy@covenant.example", "a/secret+with@signs"

CONFIG = """
base_dir = {folder}/base
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%u
mail_max_userip_connections = 100
auth_failure_delay = 0
{users}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home/%u
}}
"""


def binary() -> str | None:
    return shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")


def _as(user: str, group: str) -> str:
    """Every part of the server as whoever runs the tests: nobody but root can give a socket to somebody else."""
    return f"default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Dovecot:
    """The server. As root it gives the mail to nobody, else to whoever runs the tests."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="covenant-dovecot-"))
        self.folder.chmod(0o755)
        self.port, self.tls_port = free_port(), free_port()
        owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        for name in ("base", "state", "mail", "home"):
            (self.folder / name).mkdir(mode=0o755)
            if os.getuid() == 0 and name in ("mail", "home"):
                shutil.chown(self.folder / name, owner.pw_uid, owner.pw_gid)
        own = "" if os.getuid() == 0 else _as(getpass.getuser(), grp.getgrgid(os.getgid()).gr_name)
        ids = "first_valid_uid = 1\nlast_valid_uid = 0\nfirst_valid_gid = 1"
        _certificate(self.folder)
        (self.folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        (self.folder / "dovecot.conf").write_text(
            CONFIG.format(
                folder=self.folder, users=f"{own}\n{ids}", port=self.port, tls_port=self.tls_port, uid=owner.pw_uid, gid=owner.pw_gid
            )
        )
        self.process = subprocess.Popen(
            [binary(), "-F", "-c", str(self.folder / "dovecot.conf")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait()

    @property
    def password(self) -> str:
        return PASSWORD

    @property
    def url(self) -> str:
        return self.address()

    def address(self, *, scheme: str = "imap", password: str = "", folder: str = "INBOX") -> str:
        quoted = "".join(f"%{byte:02X}" for byte in (password or self.password).encode())
        port = self.tls_port if scheme == "imap+ssl" else self.port
        return f"{scheme}://privacy%40covenant.example:{quoted}@127.0.0.1:{port}/{folder}"

    def _wait(self) -> None:
        until = time.monotonic() + 15
        while time.monotonic() < until:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                self.client().logout()
                return
            time.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text() if (self.folder / "log").exists() else "dovecot did not start")

    def client(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        client.login(USER, self.password)
        return client

    def deliver(self, *mails: bytes, folder: str = "INBOX", at: datetime | None = None) -> None:
        client = self.client()
        for mail in mails:
            when = imaplib.Time2Internaldate(at) if at else None
            assert client.append(folder, None, when, mail)[0] == "OK"
        client.logout()

    def lying(self, folder: str = "INBOX") -> list[bytes]:
        """What lies in a folder, the oldest first."""
        client = self.client()
        if client.select(folder)[0] != "OK":
            return []
        found = client.uid("SEARCH", "ALL")[1][0] or b""
        mails = [client.uid("FETCH", uid.decode(), "(BODY.PEEK[])")[1][0][1] for uid in found.split()]
        client.logout()
        return mails

    def renew(self, folder: str) -> None:
        """The folder is made anew, with another UIDVALIDITY, as after a server was set up again."""
        client = self.client()
        client.delete(folder)
        assert client.create(folder)[0] == "OK"
        client.logout()

    def empty(self) -> None:
        client = self.client()
        for folder in ("INBOX", "Refused"):
            answer, count = client.select(folder)
            if answer == "OK" and int(count[0]):
                client.store("1:*", "+FLAGS", r"(\Deleted)")
                client.expunge()
        client.logout()

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "key.pem").chmod(0o600)
