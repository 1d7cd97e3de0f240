"""What somebody put into a name or an address breaks out neither of its header nor of the text: looked at as it arrives."""

import pytest

from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.mail.states import State
from tests.cast import NOON

pytestmark = pytest.mark.django_db

HEADERS = {
    "Content-Type", "Content-Transfer-Encoding", "MIME-Version", "Subject", "From", "To", "Date", "Message-ID",
    "Auto-Submitted", "X-Auto-Response-Suppress",
}  # fmt: skip
BREAKS = ("\r\n", "\n", "\r", "\n ", "\r\n\t", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\x00", "\r\n\r\n")
NAMES = [f"Mercy{sign}Bcc: eve@evil.example" for sign in BREAKS] + [
    "=?utf-8?q?Mercy=0D=0ABcc=3A_eve=40evil=2Eexample?=",
    "Mercy\n.\nMAIL FROM:<eve@evil.example>\nRCPT TO:<eve@evil.example>\nDATA\nSubject: hello",
    "Mercy\r\n.\r\nQUIT",
    "Ümläut & Söhne 医院 🏥\nBcc: eve@evil.example",
    "x" * 300 + "\nBcc: eve@evil.example",
    "Ü" * 300 + "\nBcc: eve@evil.example",
    "From eve@evil.example\nFrom eve@evil.example",
]


def arrived_of(queue, server, **given):
    queue(**given)
    assert outbox.send_due(at=NOON) == 1
    (arrived,) = server.taken
    return arrived


@pytest.mark.parametrize("name", NAMES, ids=[ascii(name)[:40] for name in NAMES])
def test_a_name_adds_no_header_no_recipient_and_no_mail(queue, server, name):
    context = {"organization": name, "number": "CRT-1", "messages": 3, "day": NOON.date()}
    arrived = arrived_of(queue, server, context=context)
    assert arrived.recipients == ("ada1@client.example",)
    assert set(arrived.message.keys()) == HEADERS
    assert len(arrived.message.keys()) == len(HEADERS)
    head = arrived.content.partition(b"\r\n\r\n")[0].lower()
    assert not any(line.startswith((b"bcc", b"mail from", b"rcpt")) for line in head.splitlines())
    assert arrived.message["To"] == "ada1@client.example"
    assert arrived.message["Subject"].strip().startswith("Messages of ")
    assert "Nothing is asked of you." in arrived.text  # it is there to its end
    assert server.desk.asked == {"MAIL": 1, "RCPT": 1, "DATA": 1}


def test_a_name_with_signs_of_all_scripts_arrives_as_it_is_written(queue, server):
    name = "Ümläut & Söhne <医院> 🏥"
    arrived = arrived_of(queue, server, context={"organization": name, "number": "CRT-1", "messages": 1, "day": NOON.date()})
    assert arrived.message["Subject"].strip() == f"Messages of {name} were destroyed: certificate CRT-1"
    assert f"the life of 1 message of your organization ({name}) ended" in arrived.text


def test_a_line_with_a_single_dot_ends_no_mail(queue, server):
    arrived = arrived_of(queue, server, context={"organization": "a\n.\n..\nb", "number": "CRT-1", "messages": 1, "day": NOON.date()})
    assert "(a\n.\n..\nb)" in arrived.text


@pytest.mark.parametrize(
    "address", ['"eve@evil.example>,<x"@client.example', '"a,eve@evil.example"@client.example', '"Bcc:eve"@client.example']
)
def test_a_quoted_address_is_still_one_recipient_at_its_own_domain(queue, server, address):
    arrived = arrived_of(queue, server, to=address)
    assert arrived.recipients == (address,)
    assert [one.addr_spec for one in arrived.message["To"].addresses] == [address]
    assert set(arrived.message.keys()) == HEADERS


@pytest.mark.parametrize("column", ["to_address", "subject"])
def test_a_row_that_was_altered_in_the_database_is_refused_and_not_sent(queue, server, column):
    """The last door: whoever wrote the row, no line break of it reaches the server."""
    queue()
    OutgoingMail.objects.update(**{column: "ada1@client.example\nBcc: eve@evil.example"})
    assert outbox.send_due(at=NOON) == 0
    mail = OutgoingMail.objects.get()
    assert (mail.state, mail.attempts) == (State.QUEUED, 1)
    assert mail.last_error in ("BadHeaderError", "ValueError")
    assert server.desk.asked == {}
