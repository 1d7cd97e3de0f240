"""Mail that asks something is taken from a real IMAP server: each once whatever is killed, and no machine is ever answered."""

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from django.conf import settings as live_settings
from django.db import connection

from apps.audit.models import Event
from apps.communications.models import Inquiry, ReceivedMail
from apps.communications.receiving import mailbox as room
from apps.communications.receiving import reading
from apps.communications.services import mailboxes
from apps.data_requests.models import Arrival, DataRequest, RequestNote
from apps.data_requests.services import arriving, mail_in, taking
from apps.data_requests.states import ArrivalState, Channel, Kind, State
from apps.data_requests.words import open_note, open_words
from apps.mail.models import OutgoingMail
from tests import cast
from tests.cast import DAY, NOON
from tests.communications.inquiries import dovecot as server
from tests.communications.inquiries.given import mail
from tests.data_requests import asked

SOON = NOON + timedelta(minutes=5)
ADA, EVE = asked.ADA, asked.EVE
REAL = sorted((Path(live_settings.BASE_DIR) / "tests" / "data" / "mail").glob("*.eml"))


@pytest.fixture(scope="module")
def dovecot():
    if not server.binary():
        pytest.skip("No Dovecot on this machine, so no mailbox was read. Mend: apt-get install dovecot-imapd")
    running = server.Dovecot()
    yield running
    running.close()


@pytest.fixture
def mailbox(dovecot, settings, house):
    """The mailbox of requests, empty."""
    dovecot.empty()
    settings.REQUEST_MAILBOX_URL = dovecot.url
    return dovecot


def read(at=NOON) -> int:
    return mail_in.read_mailbox(at=at)


def take(at=NOON) -> int:
    """As the clock does it: out of the mailbox, then looked at."""
    return read(at) and taking.take_due(at=at)


def states() -> list[tuple[str, str]]:
    return list(Arrival.objects.order_by("pk").values_list("state", "code"))


def killed(*_arguments, **_more):
    raise KeyboardInterrupt


def test_a_mail_becomes_an_arrival_that_nobody_reads_in_the_database_and_leaves_the_mailbox(mailbox):
    mailbox.deliver(mail(subject="=?utf-8?q?L=C3=B6schen?=", text="Please delete my data."))
    assert read() == 1

    arrival = Arrival.objects.get()
    said = arriving.open_asked(arrival)
    assert (arrival.channel, arrival.state, arrival.received_at) == (Channel.EMAIL, ArrivalState.WAITING, NOON)
    assert (said.kind, said.email, said.text) == (Kind.DELETION, ADA, "Subject: Löschen\n\nPlease delete my data.")
    assert mailbox.lying() == []
    assert not any(word in bytes(arrival.words) for word in (b"delete", b"ada@"))
    assert (Inquiry.objects.count(), ReceivedMail.objects.count()) == (0, 0)


def test_who_is_known_gets_a_link_at_the_contact_on_file_and_nothing_proves_them_yet(mailbox):
    ada = cast.ada(cast.client())
    mailbox.deliver(mail(text="Please delete my data."))
    take()
    request = DataRequest.objects.get()
    assert (request.kind, request.channel, request.person, request.state) == (Kind.DELETION, Channel.EMAIL, ada, State.IDENTIFYING)
    assert (request.verified_at, [row.to_address for row in OutgoingMail.objects.all()]) == (None, [ADA])


def test_a_stranger_gets_the_neutral_receipt_once_a_day(mailbox):
    mailbox.deliver(mail(sender=EVE, text="Delete my data."), mail(sender=EVE, text="Send a copy of my data.", message_id="<two@x.example>"))
    take()
    assert [row.template for row in OutgoingMail.objects.all()] == ["data_requests/receipt"]
    assert DataRequest.objects.filter(person=None).count() == 2


def test_a_mail_is_taken_once_when_the_worker_was_killed_before_it_was_removed(mailbox, monkeypatch):
    mailbox.deliver(mail(text="Delete my data."))
    with monkeypatch.context() as patch:
        patch.setattr(room.Box, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            read()
    assert (Arrival.objects.count(), len(mailbox.lying())) == (1, 1)
    assert read(NOON + mailboxes.LEASE + timedelta(seconds=1)) == 1
    assert (Arrival.objects.count(), mailbox.lying()) == (1, [])


def test_a_mail_is_taken_once_when_the_worker_was_killed_before_its_commit(mailbox, monkeypatch):
    mailbox.deliver(mail(text="Delete my data."))
    with monkeypatch.context() as patch:
        patch.setattr(mail_in.doorbell, "ring", killed)
        with pytest.raises(KeyboardInterrupt):
            read()
    assert (Arrival.objects.count(), len(mailbox.lying())) == (0, 1)
    read(NOON + mailboxes.LEASE + timedelta(seconds=1))
    assert (Arrival.objects.count(), mailbox.lying()) == (1, [])


def test_the_same_mail_again_is_one_also_under_another_uidvalidity_and_after_it_was_taken(mailbox, settings):
    settings.REQUEST_MAILBOX_URL = mailbox.address(folder="Requests")
    for at in (NOON, SOON):
        mailbox.renew("Requests")
        mailbox.deliver(mail(text="Delete my data."), folder="Requests")
        take(at)
    assert (Arrival.objects.count(), DataRequest.objects.count(), mailbox.lying("Requests")) == (1, 1, [])


def test_a_message_id_that_a_stranger_repeats_takes_nothing_from_anybody(mailbox):
    mailbox.deliver(mail(sender=EVE, text="Delete my data."), mail(text="Delete my data."))
    take()
    assert DataRequest.objects.exclude(state=State.MERGED).count() == 2


def test_mails_without_a_message_id_are_told_apart_by_what_they_say(mailbox):
    mailbox.deliver(mail(message_id="", text="One"), mail(message_id="", text="One"), mail(message_id="", text="Two"))
    read()
    assert Arrival.objects.count() == 2


def test_the_same_asked_twice_is_one_work_whose_clock_goes_on(mailbox):
    cast.ada(cast.client())
    mailbox.deliver(mail(text="Delete my data."))
    take()
    first = DataRequest.objects.get()
    mailbox.deliver(mail(text="Delete my data, I said.", message_id="<two@client.example>"))
    take(NOON + 3 * DAY)
    assert DataRequest.objects.get(state=State.MERGED).merged_into == first
    assert DataRequest.objects.get(pk=first.pk).due_at == first.due_at


@pytest.mark.parametrize("names_it", ["subject", "our_mail"])
def test_a_reply_that_names_its_request_is_a_note_there(mailbox, names_it):
    request = asked.request(person=cast.ada(cast.client()), email=ADA)
    taking.proving.begin_due(at=NOON)
    ours = OutgoingMail.objects.get(about=request.reference)
    more = {
        "subject": {"subject": f"AW: [{request.reference.lower()}]"},
        "our_mail": {"References": f"<{ours.reference}@covenant.example>"},
    }[names_it]
    mailbox.deliver(mail(text="I have two addresses.", **more))
    take(SOON)

    note = RequestNote.objects.get()
    assert "I have two addresses." in open_note(note)
    assert (note.request, DataRequest.objects.count()) == (request, 1)
    assert states() == [(ArrivalState.TAKEN, "joined")]
    assert Event.objects.filter(object=request.reference, verb="request.noted").count() == 1


def test_a_stranger_who_names_a_request_begins_one_of_their_own(mailbox):
    request = asked.request(person=cast.ada(cast.client()), email=ADA)
    mailbox.deliver(mail(sender=EVE, subject=f"Re: [{request.reference}]", text="Delete my data."))
    take(SOON)
    assert RequestNote.objects.count() == 0
    assert DataRequest.objects.exclude(pk=request.pk).get().person is None


def test_who_writes_again_when_it_is_over_asks_anew(mailbox):
    request = asked.request(Kind.COMPLAINT, email=ADA)
    asked.brought(request, State.DENIED)
    mailbox.deliver(mail(subject=f"Re: [{request.reference}]", text="And now?"))
    take(SOON)
    assert (RequestNote.objects.count(), DataRequest.objects.count()) == (0, 2)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Auto_Submitted": "auto-replied"}, "automatic"),
        ({"Return_Path": "<>"}, "bounce"),
        ({"Content_Type": "multipart/report; boundary=b"}, "bounce"),
        ({"sender": "Mail Delivery <MAILER-DAEMON@x.example>"}, "automatic"),
        ({"sender": "Privacy <privacy@covenant.example>"}, "from_ourselves"),
    ],
)
def test_a_machine_opens_nothing_and_gets_no_answer(mailbox, headers, code):
    mailbox.deliver(mail(text="Delete my data.", **headers))
    take()
    assert states() == [(ArrivalState.DROPPED, code)]
    assert (DataRequest.objects.count(), OutgoingMail.objects.count(), mailbox.lying()) == (0, 0, [])


@pytest.mark.parametrize("headers", [{"List_Id": "<x.example>"}, {"Precedence": "bulk"}, {"Auto_Submitted": "auto-generated"}])
def test_what_came_over_a_list_or_a_form_is_taken_and_nobody_is_answered(mailbox, headers):
    cast.ada(cast.client())
    mailbox.deliver(mail(text="Delete my data.", **headers))
    take()
    request = DataRequest.objects.get()
    assert (request.kind, request.person, OutgoingMail.objects.count()) == (Kind.DELETION, None, 0)
    assert ADA in open_words(request).text


def test_two_machines_that_answer_each_other_come_to_rest(mailbox):
    """Ours answers an out-of-office notice never, so that it has nothing to answer."""
    cast.ada(cast.client())
    mailbox.deliver(mail(text="Delete my data."))
    take()
    for number in range(5):
        ours = OutgoingMail.objects.latest("pk")
        answer = mail(message_id=f"<away{number}@client.example>", References=f"<{ours.reference}@covenant.example>", Auto_Submitted="auto-replied")
        mailbox.deliver(answer)
        take(SOON + number * DAY)
    assert (OutgoingMail.objects.count(), DataRequest.objects.count(), RequestNote.objects.count()) == (1, 1, 0)


def test_a_bounce_of_our_mail_is_noted_for_who_works_on_it(mailbox):
    request = asked.request(person=cast.ada(cast.client()), email=ADA)
    taking.proving.begin_due(at=NOON)
    ours = OutgoingMail.objects.get(about=request.reference)
    sent_back = f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{ours.reference}@covenant.example>"
    mailbox.deliver(mail(sender="MAILER-DAEMON@x.example", Return_Path="<>", text=sent_back))
    take(SOON)
    assert open_note(RequestNote.objects.get(request=request)) == mail_in.MAY_HAVE_BOUNCED


def test_a_mail_that_can_not_be_read_waits_for_staff_and_lies_apart(mailbox):
    mailbox.deliver(b"Subject: nobody\r\n\r\nhi", mail(text="Delete my data."))
    take()
    assert states()[0] == (ArrivalState.UNREADABLE, "no_sender")
    assert states()[1][0] == ArrivalState.TAKEN
    assert (mailbox.lying(), mailbox.lying("Refused")) == ([], [b"Subject: nobody\r\n\r\nhi"])


def test_a_mail_that_ends_its_reader_is_refused_after_three_times(mailbox, monkeypatch):
    mailbox.deliver(mail(), mail(message_id="<two@client.example>"))
    with monkeypatch.context() as patch:
        patch.setattr(mail_in.reading, "read", killed)
        for number in range(mailboxes.MOST_ATTEMPTS):
            with pytest.raises(KeyboardInterrupt):
                read(NOON + number * (mailboxes.LEASE + timedelta(seconds=1)))
    read(NOON + DAY)
    assert states() == [(ArrivalState.UNREADABLE, mailboxes.KILLS_ITS_READER), (ArrivalState.WAITING, "")]


def test_a_server_that_is_gone_loses_nothing_and_is_tried_again(mailbox, settings):
    settings.REQUEST_MAILBOX_URL = mailbox.address(password="wrong")
    mailbox.deliver(mail(text="Delete my data."))
    assert read() == 0
    settings.REQUEST_MAILBOX_URL = mailbox.url
    assert (read(NOON), read(NOON + timedelta(minutes=2))) == (0, 1)


def nested(depth: int) -> bytes:
    inner = b"Content-Type: text/plain\r\n\r\nhi"
    for number in range(depth):
        mark = b"b%d" % number
        inner = b"Content-Type: multipart/mixed; boundary=" + mark + b"\r\n\r\n--" + mark + b"\r\n" + inner + b"\r\n--" + mark + b"--"
    return inner


WHO = b"From: ada@client.example\r\nMessage-ID: <bad@client.example>\r\n"
HOSTILE = {
    "nested 2,000 deep": WHO + nested(2_000),
    "60,000 encoded words": WHO + b"Subject: " + b" ".join([b"=?utf-8?q?delete?="] * 60_000) + b"\r\n\r\nDelete my data.",
    "400,000 headers": WHO + b"X-A: 1\r\n" * 400_000 + b"\r\nDelete my data.",
    "a header that breaks out": WHO + b"Subject: =?utf-8?q?x=0D=0ABcc:_eve@elsewhere.example?=\r\n\r\nDelete my data.",
    "a reference that breaks out": WHO + b"Subject: [REQ-0000000]\r\nReferences: <a>\x00\r\n b>\r\nIn-Reply-To: <MAIL-0000000@covenant.example\r\n\r\nhi",
    "a million lines": WHO + b"\r\n" + b"\n" * 1_000_000,
    "one line of four megabytes": WHO + b"\r\n" + b"x" * 4_000_000,
    "a bomb in base64": WHO + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"\r\n".join([base64.b64encode(b"\x00" * 57)] * 50_000),
    "no character set there is": WHO + b"Content-Type: text/plain; charset=klingon-8\r\n\r\n\xff\xfe\x00Delete my data.",
    "surrogates and zeros": WHO + b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA- Delete my data.\x00",
    "markup only": WHO + b"Content-Type: text/html\r\n\r\n<script>x</script>" + b"<b" * 20_000,
    "two senders": b"From: a@b.example, c@d.example\r\n\r\nDelete my data.",
    "nothing": b"\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_is_taken_or_refused_and_keeps_nobody_waiting(mailbox, name):
    cast.ada(cast.client())
    mailbox.deliver(HOSTILE[name], mail(message_id="<good@client.example>", text="Send me a copy of my data."))
    take()
    assert mailbox.lying() == []
    assert DataRequest.objects.filter(kind=Kind.ACCESS, state=State.IDENTIFYING).count() == 1
    bad = Arrival.objects.order_by("pk").first()
    assert bad.state in (ArrivalState.TAKEN, ArrivalState.UNREADABLE)
    assert {row.to_address for row in OutgoingMail.objects.all()} == {ADA}
    assert not any("\n" in row.subject or "eve@" in row.body for row in OutgoingMail.objects.all())


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name[:5])
def test_real_mails_are_taken_in_without_an_error(mailbox, path):
    mailbox.deliver(path.read_bytes())
    assert take() >= 0
    arrival = Arrival.objects.get()
    assert (arrival.state, mailbox.lying(), mailbox.lying("Refused")) == (ArrivalState.TAKEN, [], []) or arrival.state == ArrivalState.DROPPED


def test_ten_real_mails_lie_there():
    assert len(REAL) == 10


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_two_workers_take_at_the_same_moment_is_one(house):
    """Both have read it, and neither has found the other's row."""
    letter, both = reading.read(mail(text="Delete my data.")), Barrier(2, timeout=20)

    def work() -> str:
        try:
            both.wait()
            return mail_in.take(letter, content="one", at=NOON).reference
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as workers:
        taken = [one.result() for one in [workers.submit(work) for _worker in range(2)]]
    assert len(set(taken)) == 1
    assert Arrival.objects.get().reference == taken[0]
