"""What tests of the intake speak of: Ada, whose address is on file; Eve, whom nobody knows; posts, links in mails, and the worker's turn."""

import re
from datetime import datetime

from apps.data_requests.models import Arrival
from apps.data_requests.services import arriving, proving, taking
from apps.data_requests.states import Channel, Kind
from apps.data_requests.words import Asked
from apps.mail.models import OutgoingMail
from tests.cast import NOON

ADA, EVE, OLD = "ada@client.example", "eve@elsewhere.example", "ada.old@elsewhere.example"
TEXT = "Please remove everything that you hold about me."
LINK = re.compile(r"http://\S+/requests/([a-z-]+)/([A-Za-z0-9_-]{43})/")
#: what a browser sends of an untouched form
TYPED = {
    "kind": "deletion", "asker": "self", "email": ADA, "name": "", "phone": "", "organization": "", "state_of_residence": "", "text": TEXT,
    "agent_name": "", "agent_email": "", "website": "",
}  # fmt: skip


def arrival(email: str = ADA, *, kind: str = Kind.DELETION, at: datetime = NOON, prefix: str = "", writer: str = "", **more) -> Arrival:
    """Something that came in by the form."""
    asked = Asked(**{"kind": kind, "text": TEXT, "email": email} | more)
    return arriving.arrive(channel=Channel.FORM, asked=asked, from_address=writer or email, prefix=prefix, at=at)


def taken(email: str = ADA, *, at: datetime = NOON, **more):
    """The request that something became which came in and was looked at."""
    came = arrival(email, at=at, **more)
    work(at=at)
    came.refresh_from_db()
    return came.request


def work(*, at: datetime = NOON) -> None:
    """A turn of the worker."""
    taking.take_due(at=at)
    proving.begin_due(at=at)


def mails(*, to: str = "") -> list[OutgoingMail]:
    """What is queued, the oldest first."""
    rows = OutgoingMail.objects.order_by("pk")
    return list(rows.filter(to_address=to) if to else rows)


def link_in(mail: OutgoingMail) -> tuple[str, str]:
    """The page and the token that a mail's link names."""
    return LINK.search(mail.body).groups()


def token(to: str = ADA, *, page: str = "prove") -> str:
    """The token of the newest link of that page in the mails to somebody."""
    found = [link_in(mail) for mail in mails(to=to) if LINK.search(mail.body)]
    return [token for at_page, token in found if at_page == page][-1]
