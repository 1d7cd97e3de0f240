"""Mail is taken from a real IMAP server: each once whatever is killed, into the inquiry it belongs to and no other."""

from datetime import timedelta

import pytest

from apps.communications import texts
from apps.communications.models import Inquiry, InquiryMessage, Mailbox, ReceivedMail
from apps.communications.receiving import mailbox as room
from apps.communications.services import mailboxes
from apps.communications.services.inquiries import receiving, working
from apps.communications.states import InquiryState, MessageKind, Outcome
from apps.foundation.keys import KeyNotMade
from apps.mail.models import OutgoingMail
from tests import cast
from tests.cast import DAY, NOON
from tests.communications.inquiries import given

SOON = NOON + timedelta(minutes=5)


def take(at=NOON) -> int:
    return receiving.read_mailbox(at=at)


def outcomes() -> list[tuple[str, str]]:
    return list(ReceivedMail.objects.order_by("pk").values_list("outcome", "code"))


def test_a_mail_becomes_an_inquiry_and_leaves_the_mailbox(mailbox):
    mailbox.deliver(given.mail(subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?="))

    assert take() == 1

    inquiry = Inquiry.objects.get()
    words = texts.open_words(inquiry.messages.get())
    assert (inquiry.state, inquiry.channel, inquiry.topic) == (InquiryState.OPEN, "mail", "other")
    assert (words.subject, words.text, words.message_id) == ("Grüße", given.TEXT, "<one@client.example>")
    assert texts.open_sender(inquiry) == given.ADA
    assert mailbox.lying() == []
    told = OutgoingMail.objects.get()
    assert (told.to_address, told.in_reply_to, told.about) == (given.ADA, "<one@client.example>", inquiry.reference)
    assert inquiry.reference in told.subject
    assert given.TEXT not in told.body


def test_nothing_of_it_stands_in_clear_in_the_database(mailbox):
    mailbox.deliver(given.mail(subject="Secret subject", text="Secret text"))
    take()

    for row in (Inquiry.objects.values().get(), InquiryMessage.objects.values().get(), ReceivedMail.objects.values().get()):
        stored = b"".join(bytes(value) if isinstance(value, memoryview | bytes) else str(value).encode() for value in row.values())
        assert not any(word in stored for word in (b"Secret", b"ada@", b"one@client"))


def test_the_person_is_linked_whose_address_it_is(mailbox):
    ada = cast.ada(cast.client())
    mailbox.deliver(given.mail(sender="Ada Lovell <ADA@client.example>"))
    take()
    assert Inquiry.objects.get().person == ada


def test_nobody_is_linked_where_two_clients_know_the_address(mailbox):
    cast.ada(cast.client())
    cast.ada(cast.client("Mercy General"))
    mailbox.deliver(given.mail())
    take()
    assert Inquiry.objects.get().person is None


def test_a_mail_is_taken_once_when_the_worker_was_killed_before_it_was_removed(mailbox, monkeypatch):
    mailbox.deliver(given.mail())
    with monkeypatch.context() as patch:
        patch.setattr(room.Box, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            take()
    assert (Inquiry.objects.count(), len(mailbox.lying())) == (1, 1)

    assert take(NOON + mailboxes.LEASE + timedelta(seconds=1)) == 1

    assert (Inquiry.objects.count(), InquiryMessage.objects.count(), OutgoingMail.objects.count()) == (1, 1, 1)
    assert mailbox.lying() == []


def killed(*_arguments, **_more):
    raise KeyboardInterrupt


def test_a_mail_is_taken_once_when_the_worker_was_killed_before_its_commit(mailbox, monkeypatch):
    mailbox.deliver(given.mail())
    with monkeypatch.context() as patch:
        patch.setattr(receiving, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            take()
    assert (Inquiry.objects.count(), len(mailbox.lying())) == (0, 1)

    take(NOON + mailboxes.LEASE + timedelta(seconds=1))

    assert (Inquiry.objects.count(), mailbox.lying()) == (1, [])


def test_the_same_mail_again_is_a_double_also_under_another_uidvalidity(mailbox, settings):
    settings.INQUIRY_MAILBOX_URL = mailbox.address(folder="Privacy")
    for at in (NOON, SOON):
        mailbox.renew("Privacy")
        mailbox.deliver(given.mail(), folder="Privacy")
        take(at)
    assert outcomes() == [(Outcome.OPENED, ""), (Outcome.DOUBLE, "")]
    assert InquiryMessage.objects.count() == 1
    assert len(set(ReceivedMail.objects.values_list("uid_validity", flat=True))) == 2


def test_mails_without_a_message_id_are_told_apart_by_what_they_say(mailbox):
    mailbox.deliver(given.mail(message_id=""), given.mail(message_id=""), given.mail(message_id="", text="Another"))
    take()
    assert [outcome for outcome, _code in outcomes()] == [Outcome.OPENED, Outcome.DOUBLE, Outcome.OPENED]


def test_a_message_id_that_a_stranger_repeats_takes_nothing_from_anybody(mailbox):
    mailbox.deliver(given.mail(sender=given.EVE), given.mail())
    take()
    assert [outcome for outcome, _code in outcomes()] == [Outcome.OPENED, Outcome.OPENED]


def test_no_worker_reads_while_another_does(mailbox):
    mailbox.deliver(given.mail())
    mailboxes.claim(receiving.CODE, NOON)
    assert take() == 0
    assert ReceivedMail.objects.count() == 0


@pytest.mark.parametrize("names_it", ["subject", "in_reply_to", "own_mail", "our_confirmation"])
def test_a_reply_joins_its_inquiry(mailbox, names_it):
    mailbox.deliver(given.mail())
    take()
    inquiry = Inquiry.objects.get()
    working.answer(inquiry=inquiry, text="All of them.", by=given.dana(), at=SOON)
    told, answer = OutgoingMail.objects.order_by("pk")
    more = {
        "subject": {"subject": f"AW: [{inquiry.reference.lower()}]"},
        "in_reply_to": {"In_Reply_To": f"<{answer.reference}@covenant.example>"},
        "own_mail": {"References": "<zero@client.example> <one@client.example>"},
        "our_confirmation": {"References": f"<{told.reference}@covenant.example>"},
    }[names_it]
    mailbox.deliver(given.mail(message_id="<two@client.example>", text="Thank you", **more))

    take(SOON + DAY)

    inquiry.refresh_from_db()
    assert given.said(inquiry) == [given.TEXT, "All of them.", "Thank you"]
    assert (inquiry.state, inquiry.heard_at) == (InquiryState.OPEN, SOON + DAY)
    assert [outcome for outcome, _code in outcomes()] == [Outcome.OPENED, Outcome.JOINED]
    assert OutgoingMail.objects.count() == 2


def test_a_stranger_who_names_an_inquiry_begins_one_of_their_own(mailbox):
    inquiry = given.inquiry()
    mailbox.deliver(given.mail(sender=given.EVE, subject=f"Re: [{inquiry.reference}]"))
    take(SOON)
    assert given.said(inquiry) == [given.TEXT]
    assert Inquiry.objects.exclude(pk=inquiry.pk).get().messages.count() == 1


def test_a_reply_opens_a_closed_inquiry_again(mailbox):
    inquiry = given.closed()
    mailbox.deliver(given.mail(subject=inquiry.reference))
    take(SOON)
    inquiry.refresh_from_db()
    assert (inquiry.state, inquiry.closed_at, inquiry.ends_at, inquiry.closed_by) == (InquiryState.OPEN, None, None, "")


@pytest.mark.parametrize(
    ("headers", "code"),
    [({"Auto_Submitted": "auto-replied"}, "automatic"), ({"Return_Path": "<>"}, "bounce"), ({"Content_Type": "multipart/report; boundary=b"}, "bounce")],
)
def test_a_machine_opens_nothing_and_gets_no_answer(mailbox, headers, code):
    mailbox.deliver(given.mail(**headers))
    take()
    assert outcomes() == [(Outcome.AUTOMATIC, code)]
    assert (Inquiry.objects.count(), OutgoingMail.objects.count(), mailbox.lying()) == (0, 0, [])


def test_our_own_mail_opens_nothing(mailbox):
    mailbox.deliver(given.mail(sender="Privacy <privacy@covenant.example>"))
    take()
    assert outcomes() == [(Outcome.AUTOMATIC, "from_ourselves")]


@pytest.mark.parametrize("headers", [{"List_Id": "<x.example>"}, {"Precedence": "bulk"}, {"Auto_Submitted": "auto-generated"}])
def test_what_came_over_a_list_or_a_form_is_taken_and_not_answered(mailbox, headers):
    mailbox.deliver(given.mail(**headers))
    take()
    assert [outcome for outcome, _code in outcomes()] == [Outcome.OPENED]
    assert OutgoingMail.objects.count() == 0


def test_a_bounce_of_our_answer_opens_the_inquiry_again_and_says_so(mailbox):
    inquiry = given.inquiry()
    working.answer(inquiry=inquiry, text="All of them.", by=given.dana(), at=NOON)
    answer = OutgoingMail.objects.get(template="communications/inquiry_answer")
    sent_back = f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{answer.reference}@covenant.example>"
    body = f"--b\r\nContent-Type: text/plain\r\n\r\nNo such user\r\n--b\r\n{sent_back}\r\n--b--"
    mailbox.deliver(given.mail(sender="MAILER-DAEMON@client.example", text=body, Content_Type="multipart/report; boundary=b"))

    take(SOON)

    inquiry.refresh_from_db()
    note = inquiry.messages.latest("number")
    assert (inquiry.state, note.kind, note.written_by) == (InquiryState.OPEN, MessageKind.NOTE, "system:covenant")
    assert given.said(inquiry)[-1] == receiving.MAY_HAVE_BOUNCED


def test_who_writes_often_is_told_once_a_day(mailbox):
    for number, at in enumerate((NOON, SOON, NOON + DAY)):
        mailbox.deliver(given.mail(message_id=f"<{number}@x.example>", sender=given.ADA.upper() if number else given.ADA))
        take(at)
    assert Inquiry.objects.count() == 3
    assert [mail.created_at for mail in OutgoingMail.objects.order_by("pk")] == [NOON, NOON + DAY]


def test_what_cannot_be_read_is_an_item_for_staff_and_waits_in_a_folder_of_its_own(mailbox, settings):
    settings.INQUIRY_MAIL_BYTES = 2_000
    mailbox.deliver(given.mail(text="x" * 3_000), b"Subject: nobody\r\n\r\nhi", given.mail())

    take()

    assert outcomes() == [(Outcome.REFUSED, "too_large"), (Outcome.REFUSED, "no_sender"), (Outcome.OPENED, "")]
    assert (len(mailbox.lying()), len(mailbox.lying("Refused"))) == (0, 2)
    assert ReceivedMail.objects.unread_by_us().count() == 2
    row = working.settle(mail=ReceivedMail.objects.unread_by_us().first(), by=given.dana(), at=SOON)
    assert row.looked_by == str(given.dana().actor)
    with pytest.raises(working.NothingToLookAt):
        working.settle(mail=row, by=given.dana(), at=SOON)


def test_refused_mail_goes_from_its_folder_after_its_days(mailbox, settings):
    mailbox.deliver(b"Subject: nobody\r\n\r\nhi", at=NOON)
    mailbox.deliver(b"Subject: nobody again\r\n\r\nhi", at=NOON + 20 * DAY)
    take(NOON + 20 * DAY)
    assert len(mailbox.lying("Refused")) == 2
    take(NOON + (settings.INQUIRY_REFUSED_DAYS + 2) * DAY)
    assert mailbox.lying("Refused") == [b"Subject: nobody again\r\n\r\nhi"]


def test_a_mail_that_ends_its_reader_is_refused_after_three_times(mailbox, monkeypatch):
    mailbox.deliver(given.mail(), given.mail(message_id="<two@client.example>"))
    with monkeypatch.context() as patch:
        patch.setattr(receiving.reading, "read", killed)
        for number in range(mailboxes.MOST_ATTEMPTS):
            with pytest.raises(KeyboardInterrupt):
                take(NOON + number * (mailboxes.LEASE + timedelta(seconds=1)))
    assert ReceivedMail.objects.count() == 0
    take(NOON + DAY)
    assert outcomes() == [(Outcome.REFUSED, mailboxes.KILLS_ITS_READER), (Outcome.OPENED, "")]


@pytest.mark.parametrize("mail", [given.mail(), b"Subject: nobody\r\n\r\nhi"], ids=["read", "refused"])
@pytest.mark.django_db(transaction=True)
def test_a_mail_that_another_worker_takes_at_this_moment_is_taken_once(mailbox, monkeypatch, mail):
    mailbox.deliver(mail)
    read, begin = receiving.reading.read, mailboxes.begin

    def meanwhile(data):
        with monkeypatch.context() as patch:
            patch.setattr(receiving.reading, "read", read)
            box_row = Mailbox.objects.get()
            with room.opened(room.address(mailbox.url)) as box:
                receiving._one(box_row, box, room.Lying(*begun), NOON)
        return read(data)

    begun = []
    monkeypatch.setattr(mailboxes, "begin", lambda row, validity, uid: (begun or begun.extend((uid, len(mail)))) is None or begin(row, validity, uid))
    monkeypatch.setattr(receiving.reading, "read", meanwhile)

    take()

    assert ReceivedMail.objects.count() == 1
    assert Inquiry.objects.count() == (1 if mail == given.mail() else 0)
    assert mailbox.lying() == []


def test_trouble_in_our_own_house_is_no_fault_of_a_mail(mailbox, monkeypatch):
    mailbox.deliver(given.mail())
    with monkeypatch.context() as patch:
        patch.setattr(texts, "seal", out_of_reach)
        for number in range(5):
            assert take(NOON + number * DAY) == 0
    assert (Mailbox.objects.get().last_error, ReceivedMail.objects.count(), Inquiry.objects.count()) == ("key_not_made", 0, 0)
    assert take(NOON + 9 * DAY) == 1
    assert outcomes() == [(Outcome.OPENED, "")]


def out_of_reach(*_arguments, **_more):
    raise KeyNotMade


def test_a_mailbox_that_does_not_open_is_tried_again_later_and_later(mailbox, settings):
    settings.INQUIRY_MAILBOX_URL = mailbox.address(password="wrong")
    mailbox.deliver(given.mail())

    assert take() == 0
    row = Mailbox.objects.get()
    assert (row.failures, row.last_error, row.next_try_at) == (1, "mailbox_sign_in", NOON + timedelta(minutes=1))
    assert take(NOON + timedelta(seconds=30)) == 0
    assert Mailbox.objects.get().failures == 1
    take(NOON + timedelta(minutes=2))
    assert Mailbox.objects.get().next_try_at == NOON + timedelta(minutes=7)

    settings.INQUIRY_MAILBOX_URL = mailbox.url
    assert take(NOON + DAY) == 1
    row.refresh_from_db()
    assert (row.failures, row.last_error, row.next_try_at, row.read_at) == (0, "", None, NOON + DAY)


def test_a_server_whose_certificate_nobody_vouches_for_gets_no_password(mailbox, settings):
    settings.INQUIRY_MAILBOX_URL = mailbox.address(scheme="imap+ssl")
    assert take() == 0
    assert Mailbox.objects.get().last_error == "mailbox_tls"


@pytest.mark.parametrize("scheme", ["imap+ssl", "imap+tls"])
def test_a_mailbox_is_read_over_tls(mailbox, settings, monkeypatch, scheme):
    monkeypatch.setenv("SSL_CERT_FILE", str(mailbox.folder / "certificate.pem"))
    settings.INQUIRY_MAILBOX_URL = mailbox.address(scheme=scheme)
    mailbox.deliver(given.mail())
    assert take() == 1


def test_a_server_that_is_not_there_is_said_by_its_kind(mailbox, settings):
    settings.INQUIRY_MAILBOX_URL = "imap://a:b@127.0.0.1:1/INBOX"
    assert take() == 0
    assert Mailbox.objects.get().last_error == "mailbox_unreachable"


def test_without_a_mailbox_in_the_settings_nothing_is_done(house, settings):
    settings.INQUIRY_MAILBOX_URL = ""
    assert take() == 0
    assert Mailbox.objects.count() == 0


@pytest.mark.parametrize("url", ["", "imap://host/INBOX", "http://a:b@host/", "imap+ssl://a:b@host:port/", "imap+ssl://a@host/"])
def test_an_address_that_is_none_is_refused_and_not_repeated(url):
    with pytest.raises(room.AddressNotUsable) as refused:
        room.address(url)
    assert "host" not in str(refused.value)


def test_an_address_shows_no_password():
    where = room.address("imap+ssl://name%40x:p%40ss@mail.example/Inbox%2FPrivacy")
    assert (where.user, where.password, where.folder, where.port) == ("name@x", "p@ss", "Inbox/Privacy", 993)
    assert "p@ss" not in repr(where)


def test_more_mails_than_a_run_takes_up_are_taken_by_the_next(mailbox, monkeypatch):
    monkeypatch.setattr(room, "MAILS_A_RUN", 2)
    mailbox.deliver(*(given.mail(message_id=f"<{number}@x.example>") for number in range(3)))
    assert [take(), take(SOON), take(SOON + DAY)] == [2, 1, 0]
    assert Inquiry.objects.count() == 3
