"""A mail server of its own for each test: real SMTP on a loopback port, which refuses or keeps silent where the test says so."""

import asyncio
import socket
import threading
from collections import Counter
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller


@dataclass(frozen=True)
class Taken:
    """A mail as it came over the wire."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)

    @property
    def text(self) -> str:
        return self.message.get_content().replace("\r\n", "\n")


class Desk:
    """What the server does with each command. `answers` replaces its yes to MAIL, RCPT or DATA."""

    def __init__(self):
        self.answers: dict[str, str] = {}
        self.strangers: set[str] = set()
        self.asked = Counter()
        self.taken: list[Taken] = []
        self.holds_next = False
        self.holding, self.let_go = threading.Event(), threading.Event()

    async def handle_MAIL(self, _server, _session, envelope, address, options):
        self.asked["MAIL"] += 1
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(self, _server, _session, envelope, address, options):
        self.asked["RCPT"] += 1
        if address in self.strangers:
            return "550 5.1.1 nobody of that name"
        if "RCPT" in self.answers:
            return self.answers["RCPT"].format(address=address)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server, _session, envelope):
        self.asked["DATA"] += 1
        if "DATA" in self.answers:
            return self.answers["DATA"].format(address=envelope.rcpt_tos[0])
        self.taken.append(Taken(envelope.mail_from, tuple(envelope.rcpt_tos), bytes(envelope.original_content)))
        if self.holds_next:
            self.holds_next = False
            self.holding.set()
            while not self.let_go.is_set():
                await asyncio.sleep(0.01)
        if self.answers.get("QUIT") == "hangs up":
            server.transport.write(b"250 OK\r\n")
            server.transport.close()
        return "250 OK"


class MailServer(Controller):
    """Listens on a port that the system chose, so that no two runs want the same."""

    def __init__(self):
        self.desk = Desk()
        self.listening = socket.create_server(("127.0.0.1", 0))
        super().__init__(self.desk, hostname="127.0.0.1", port=self.listening.getsockname()[1])

    def _create_server(self):
        return self.loop.create_server(self._factory_invoker, sock=self.listening)

    def hold_next(self) -> None:
        """Take the next mail, but keep the answer back until `let_go` is set."""
        self.desk.holds_next = True

    @property
    def taken(self) -> list[Taken]:
        return self.desk.taken

    @property
    def recipients(self) -> list[str]:
        return sorted(address for one in self.taken for address in one.recipients)
