"""A mailbox that people write to, over IMAP (RFC 3501): what lies in it, one mail at a time, and out of it once it is taken.

A mail that was taken leaves the mailbox, or it would outlive its inquiry there. What could not be read is put into a folder of its own
for somebody to look, and goes from there after some days. It must never fetch more of a mail than may be read, never write what a
server says into an error (it quotes names and addresses), and never speak to a server over a network in clear.
"""

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

from apps.foundation.refusals import Refusal

SCHEMES = ("imap", "imap+tls", "imap+ssl")
SAME_HOST = frozenset({"localhost", "127.0.0.1", "::1"})
TIMEOUT_SECONDS = 30
REFUSED_FOLDER = "Refused"
MAILS_A_RUN = 100

UID = re.compile(rb"\bUID (\d+)\b")
SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)\b")


class MailboxTrouble(Refusal):
    """The mailbox can't be read."""

    code = "mailbox_unreachable"
    mend = "Look at the mailbox's address in the settings and at the mail server; it is tried again by itself."


class AddressNotUsable(Refusal):
    """The setting names no address of a mailbox."""

    code = "mailbox_address"
    mend = "Write it like imap+ssl://name:password@mail.example.com/INBOX; characters like @ in name and password as %40."


@dataclass(frozen=True)
class Address:
    """Where the mailbox is and how it is opened. Its repr says no password."""

    scheme: str
    host: str
    port: int
    user: str
    password: str
    folder: str

    def __repr__(self) -> str:
        return f"Address({self.scheme}://{self.host}:{self.port})"

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way can read along."""
        return self.scheme != "imap" or self.host in SAME_HOST


@dataclass(frozen=True)
class Lying:
    """A mail in the mailbox, not read yet."""

    uid: int
    size: int


def address(url: str) -> Address:
    """The parts of a mailbox's address in the settings. Raises AddressNotUsable, which does not repeat it."""
    try:
        parts = urlsplit(url)
        port = parts.port or (993 if parts.scheme == "imap+ssl" else 143)
    except ValueError:
        raise AddressNotUsable from None
    if parts.scheme not in SCHEMES or not parts.hostname or not parts.username or parts.password is None:
        raise AddressNotUsable
    return Address(
        parts.scheme, parts.hostname, port, unquote(parts.username), unquote(parts.password), unquote(parts.path.strip("/")) or "INBOX"
    )


class Box:
    """A mailbox that is open. Every verb raises MailboxTrouble, by kind and without the server's words."""

    def __init__(self, server: imaplib.IMAP4, folder: str):
        self._server = server
        self._can = b" ".join(self._ask("capability")).split()  # what a server says before somebody signed in may be less
        self._count = 0
        self.validity = self._select(folder)

    def _select(self, folder: str) -> int:
        said = self._ask("select", _quoted(folder))
        self._count = int(said[0] or 0)
        _kind, said = self._server.response("UIDVALIDITY")
        if not said or said[0] is None or not said[0].isdigit():
            raise MailboxTrouble("The mail server names no UIDVALIDITY, so mails can't be told apart.", code="no_uidvalidity")
        return int(said[0])

    def waiting(self) -> list[Lying]:
        """The mails that lie there longest, not more than a run takes up."""
        if not self._count:
            return []
        lines = self._ask("fetch", f"1:{min(self._count, MAILS_A_RUN)}", "(UID RFC822.SIZE FLAGS)")
        found = []
        for line in lines:
            text = line[0] if isinstance(line, tuple) else line
            uid, size = UID.search(text or b""), SIZE.search(text or b"")
            if uid and size and rb"\Deleted" not in text:
                found.append(Lying(int(uid[1]), int(size[1])))
        return found

    def fetch(self, uid: int, longest: int) -> bytes:
        """The first `longest` bytes of a mail; empty where it has gone meanwhile. It stays unread for whoever looks."""
        for answer in self._ask("uid", "FETCH", str(uid), f"(BODY.PEEK[]<0.{longest}>)"):
            if isinstance(answer, tuple):
                return answer[1]
        return b""

    def remove(self, uid: int) -> None:
        """The mail is gone from the mailbox; twice is once."""
        self._ask("uid", "STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)")
        if b"UIDPLUS" in self._can:
            self._ask("uid", "EXPUNGE", str(uid))
        else:
            self._ask("expunge")

    def set_aside(self, uid: int) -> None:
        """The mail lies in the folder for refused mail, and no more where it came in."""
        self._make_folder()
        self._ask("uid", "COPY", str(uid), _quoted(REFUSED_FOLDER))
        self.remove(uid)

    def forget_refused(self, *, before: datetime) -> int:
        """Remove what was set aside before that day; returns how many mails."""
        with suppress(MailboxTrouble):  # there is no such folder until the first mail was refused
            self._select(REFUSED_FOLDER)
            found = self._ask("uid", "SEARCH", "BEFORE", _day(before))
            uids = (found[0] or b"").split()[:MAILS_A_RUN]
            for uid in uids:
                self.remove(int(uid))
            return len(uids)
        return 0

    def _make_folder(self) -> None:
        with suppress(MailboxTrouble):  # it is there already
            self._ask("create", _quoted(REFUSED_FOLDER))

    def _ask(self, verb: str, *arguments: str) -> list:
        with _plainly():
            answer, said = getattr(self._server, verb)(*arguments)
        if answer != "OK":
            raise MailboxTrouble("The mail server says no.", code="mailbox_says_no")
        return said


@contextmanager
def opened(where: Address) -> Iterator[Box]:
    """The mailbox, signed in and selected; closed whatever happens."""
    with _plainly():
        server = _connected(where)
    try:
        with _plainly(code="mailbox_sign_in"):
            server.login(where.user, where.password)
        yield Box(server, where.folder)
    finally:
        with suppress(OSError, imaplib.IMAP4.error):
            server.logout()


def _connected(where: Address) -> imaplib.IMAP4:
    context = ssl.create_default_context()
    if where.scheme == "imap+ssl":
        return imaplib.IMAP4_SSL(where.host, where.port, ssl_context=context, timeout=TIMEOUT_SECONDS)
    server = imaplib.IMAP4(where.host, where.port, timeout=TIMEOUT_SECONDS)
    if where.scheme == "imap+tls":
        server.starttls(ssl_context=context)
    return server


@contextmanager
def _plainly(code: str = "mailbox_unreachable") -> Iterator[None]:
    """What goes wrong, by its kind: texts of servers may name people."""
    try:
        yield
    except ssl.SSLError:
        raise MailboxTrouble("The mail server's certificate can't be trusted, or it speaks no TLS.", code="mailbox_tls") from None
    except OSError as error:
        raise MailboxTrouble(f"The mail server can't be reached ({type(error).__name__}).") from None
    except imaplib.IMAP4.error:
        raise MailboxTrouble("The mail server says no.", code="mailbox_says_no" if code == "mailbox_unreachable" else code) from None


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _day(moment: datetime) -> str:
    """As IMAP writes a day, whatever language the machine speaks; a day later, because BEFORE leaves its own day out."""
    day = moment + timedelta(days=1)
    return f"{day.day:02}-{MONTHS[day.month - 1]}-{day.year}"
