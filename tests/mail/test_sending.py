"""Sending to a real mail server: its yes, its noes, its silence, and the times between the attempts."""

import itertools
import logging
from datetime import timedelta

import pytest

from apps.foundation.moves import NotAMove, require_move
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.mail.services.outbox import NothingToSend, NotParked
from apps.mail.states import MOVES, State
from tests.cast import NOON

pytestmark = pytest.mark.django_db

MOMENT = timedelta(microseconds=1)
#: failed attempts so far → minutes until the next one. Written by hand, on purpose not read from outbox.py.
WAITS = {1: 1, 2: 5, 3: 30, 4: 120}


def the_mail():
    return OutgoingMail.objects.get()


def fail_until_parked(at=NOON):
    """Try whenever it is due; returns the moments of the attempts."""
    moments = []
    while the_mail().state == State.QUEUED:
        at = max(at, the_mail().next_try_at)
        outbox.send_due(at=at)
        moments.append(at)
    return moments


def test_a_mail_that_the_server_took_arrives_whole_and_is_marked_as_sent(queue, server, settings):
    settings.DEFAULT_FROM_EMAIL = "Covenant <privacy@covenant.example>"
    mail = queue()
    at = NOON + timedelta(seconds=40)
    assert outbox.send_due(at=at) == 1
    (arrived,) = server.taken
    assert (arrived.sender, arrived.recipients) == ("privacy@covenant.example", ("ada1@client.example",))
    headers = arrived.message
    assert (headers["To"], headers["From"]) == ("ada1@client.example", "Covenant <privacy@covenant.example>")
    assert headers["Subject"] == mail.subject
    assert arrived.text == mail.body
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Message-ID"] == f"<{mail.reference}@covenant.example>"
    sent = the_mail()
    assert (sent.state, sent.sent_at, sent.attempts, sent.leased_until, sent.last_error) == (State.SENT, at, 1, None, "")


def test_what_was_sent_is_never_sent_again(queue, server):
    queue()
    outbox.send_due(at=NOON)
    assert outbox.send_due(at=NOON + timedelta(days=400)) == 0
    assert len(server.taken) == 1


def test_mail_leaves_in_the_order_in_which_it_became_due(queue, server):
    for number, minutes in ((1, 2), (2, 1), (3, 3)):
        queue(number, at=NOON + timedelta(minutes=minutes))
    assert outbox.send_due(at=NOON + timedelta(minutes=2)) == 2
    assert [one.recipients[0] for one in server.taken] == ["ada2@client.example", "ada1@client.example"]


def test_one_that_is_refused_keeps_no_other_from_leaving(queue, server):
    for number in (1, 2, 3):
        queue(number)
    server.desk.strangers.add("ada1@client.example")
    assert outbox.send_due(at=NOON) == 2
    assert OutgoingMail.objects.get(about="CRT-1").last_error == "SMTPRecipientsRefused 550"
    assert server.recipients == ["ada2@client.example", "ada3@client.example"]


@pytest.mark.parametrize(
    ("command", "answer", "noted"),
    [
        ("MAIL", "451 4.3.0 try later", "SMTPSenderRefused 451"),
        ("MAIL", "550 5.7.1 not from you", "SMTPSenderRefused 550"),
        ("RCPT", "450 4.2.1 <{address}> has no room", "SMTPRecipientsRefused 450"),
        ("RCPT", "550 5.1.1 <{address}> is nobody here", "SMTPRecipientsRefused 550"),
        ("DATA", "421 4.3.2 {address} will have to wait", "SMTPDataError 421"),
        ("DATA", "452 4.3.1 disk full", "SMTPDataError 452"),
        ("DATA", "554 5.7.1 {address} does not want this", "SMTPDataError 554"),
    ],
)
def test_a_refusal_is_kept_as_its_kind_and_code_and_tried_again(queue, server, command, answer, noted):
    queue()
    server.desk.answers[command] = answer
    assert outbox.send_due(at=NOON) == 0
    mail = the_mail()
    assert (mail.state, mail.last_error, mail.leased_until, mail.sent_at) == (State.QUEUED, noted, None, None)
    assert server.taken == []
    server.desk.answers.clear()
    assert outbox.send_due(at=mail.next_try_at) == 1
    assert (the_mail().state, the_mail().last_error, the_mail().attempts) == (State.SENT, "", 2)
    assert len(server.taken) == 1


def test_a_server_that_is_down_is_tried_again(queue, no_server):
    queue()
    assert outbox.send_due(at=NOON) == 0
    assert (the_mail().state, the_mail().last_error) == (State.QUEUED, "ConnectionRefusedError")
    assert the_mail().next_try_at == NOON + timedelta(minutes=1)


def test_a_server_that_says_nothing_is_given_up_after_the_timeout(queue, silent_server):
    queue()
    assert outbox.send_due(at=NOON) == 0
    assert (the_mail().state, the_mail().last_error) == (State.QUEUED, "SMTPServerDisconnected")


def test_a_server_whose_name_nobody_knows_is_said_in_words(queue, server, settings):
    settings.EMAIL_HOST = "no-such-host.invalid"
    queue()
    assert outbox.send_due(at=NOON) == 0
    assert the_mail().last_error == "the mail server's name is not known"


def test_a_server_that_hangs_up_after_its_yes_took_the_mail(queue, server):
    server.desk.answers["QUIT"] = "hangs up"
    queue()
    assert outbox.send_due(at=NOON) == 1
    assert the_mail().state == State.SENT
    assert len(server.taken) == 1


def test_the_times_between_attempts_are_those_of_the_table_and_the_fifth_is_the_last(queue, server):
    queue()
    server.desk.answers["DATA"] = "452 4.3.1 disk full"
    at = NOON
    for failed, minutes in WAITS.items():
        outbox.send_due(at=at)
        assert (the_mail().state, the_mail().attempts) == (State.QUEUED, failed)
        assert the_mail().next_try_at == at + timedelta(minutes=minutes)
        outbox.send_due(at=the_mail().next_try_at - MOMENT)
        assert server.desk.asked["DATA"] == failed  # not asked a moment too early
        at = the_mail().next_try_at
    outbox.send_due(at=at)
    assert server.desk.asked["DATA"] == 5
    mail = the_mail()
    assert (mail.state, mail.attempts, mail.last_error, mail.leased_until) == (State.PARKED, 5, "SMTPDataError 452", None)
    server.desk.answers.clear()
    assert outbox.send_due(at=at + timedelta(days=30)) == 0
    assert server.desk.asked["DATA"] == 5


def test_the_table_of_this_test_ends_where_mail_is_parked(queue, no_server):
    queue()
    moments = fail_until_parked()
    assert [(after - before).total_seconds() / 60 for before, after in itertools.pairwise(moments)] == list(WAITS.values())
    assert the_mail().state == State.PARKED


def test_a_parked_mail_is_taken_up_again_with_five_new_attempts(queue, server):
    queue()
    server.desk.answers["RCPT"] = "550 5.1.1 no"
    fail_until_parked()
    later = NOON + timedelta(days=1)
    mail = outbox.retry(mail=the_mail(), at=later)
    assert (mail.state, mail.attempts, mail.next_try_at, mail.last_error) == (
        State.QUEUED, 0, later, "SMTPRecipientsRefused 550",
    )  # fmt: skip
    assert len(fail_until_parked(later)) == 5
    outbox.retry(mail=the_mail(), at=later)
    server.desk.answers.clear()
    assert outbox.send_due(at=later) == 1
    assert the_mail().state == State.SENT
    assert len(server.taken) == 1


@pytest.mark.parametrize("state", [State.QUEUED, State.SENT])
def test_what_is_not_parked_is_not_taken_up_again(queue, state):
    mail = queue()
    OutgoingMail.objects.update(state=state, attempts=2, sent_at=NOON if state == State.SENT else None)
    before = OutgoingMail.objects.values().get()
    with pytest.raises(NotParked):
        outbox.retry(mail=mail, at=NOON)
    assert OutgoingMail.objects.values().get() == before


def test_a_parked_mail_is_taken_up_once(parked):
    outbox.retry(mail=parked, at=NOON)
    with pytest.raises(NotParked):
        outbox.retry(mail=parked, at=NOON)
    assert the_mail().state == State.QUEUED


@pytest.mark.parametrize(("here", "there"), list(itertools.product(State, State)))
def test_a_mail_moves_only_as_the_table_of_moves_says(here, there):
    back = {("queued", "taken_back"), ("parked", "taken_back"), ("taken_back", "sent")}
    if (here, there) in {("queued", "sent"), ("queued", "parked"), ("parked", "queued")} | back:
        assert require_move(MOVES, here, there) is None
    else:
        with pytest.raises(NotAMove):
            require_move(MOVES, here, there)


def test_a_slow_server_does_not_hold_a_worker_for_more_than_a_minute(queue, silent_server, settings, monkeypatch):
    monkeypatch.setattr(outbox, "SECONDS_A_RUN", 0.5)
    for number in range(10):
        queue(number)
    outbox.send_due(at=NOON)
    tried = OutgoingMail.objects.filter(attempts=1).count()
    assert 1 <= tried <= 2  # 0.3 s each, and none is begun after half a second
    outbox.send_due(at=NOON)
    assert tried < OutgoingMail.objects.filter(attempts=1).count() < 10  # the next run goes on with the others


def test_a_run_ends_after_a_hundred_mails_and_the_next_goes_on(queue, server, monkeypatch):
    monkeypatch.setattr(outbox, "MAILS_A_RUN", 3)
    for number in range(4):
        queue(number)
    assert [outbox.send_due(at=NOON) for _run in range(3)] == [3, 1, 0]
    assert len(server.taken) == 4


def test_a_lease_outlasts_a_run_and_the_slowest_sending_that_is_not_given_up(settings):
    """Two addresses to connect to, greeting, EHLO twice, STARTTLS and its handshake, AUTH in three, MAIL, RCPT, DATA, its end."""
    answers = 2 + 1 + 2 + 2 + 3 + 1 + 1 + 2
    assert outbox.LEASE.total_seconds() > outbox.SECONDS_A_RUN + answers * settings.EMAIL_TIMEOUT
    assert settings.EMAIL_TIMEOUT == 30


# --- emptying -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def emptied_after_ten_days(settings):
    settings.MAIL_EMPTIED_AFTER_DAYS = 10


def words():
    mail = the_mail()
    return (mail.to_address, mail.subject, mail.body)


def test_a_sent_mail_is_emptied_when_its_days_are_over_and_not_a_moment_before(queue, server, emptied_after_ten_days):
    queue()
    outbox.send_due(at=NOON)
    assert "ada1@client.example" in words()
    end = NOON + timedelta(days=10)
    assert outbox.empty_ended(at=end) == 0
    assert "ada1@client.example" in words()
    assert outbox.empty_ended(at=end + MOMENT) == 1
    mail = the_mail()
    assert words() == ("", "", "")
    assert (mail.emptied_at, mail.state, mail.sent_at, mail.about) == (end + MOMENT, State.SENT, NOON, "CRT-1")
    assert outbox.empty_ended(at=end + timedelta(days=1)) == 0
    assert the_mail().emptied_at == end + MOMENT


def test_a_mail_that_was_given_up_is_emptied_too_and_then_can_not_be_taken_up(queue, no_server, emptied_after_ten_days):
    queue()
    last_try = fail_until_parked()[-1]
    end = last_try + timedelta(days=10)
    assert outbox.empty_ended(at=end) == 0
    assert "ada1@client.example" in words()
    assert outbox.empty_ended(at=end + MOMENT) == 1
    assert words() == ("", "", "")
    with pytest.raises(NothingToSend):
        outbox.retry(mail=the_mail(), at=end + MOMENT)
    assert (the_mail().state, the_mail().emptied_at) == (State.PARKED, end + MOMENT)


def test_a_mail_that_waits_is_not_emptied_however_old_it_is(queue, emptied_after_ten_days):
    queue()
    assert outbox.empty_ended(at=NOON + timedelta(days=4000)) == 0
    assert "ada1@client.example" in words()


def test_a_mail_of_thirty_days_is_the_one_that_is_emptied(settings):
    assert settings.MAIL_EMPTIED_AFTER_DAYS == 30


# --- what must not be written anywhere ----------------------------------------------------------------------------------


class Uncleaned(logging.Handler):
    """Keeps what was handed to the log, before the filter of the settings takes personal data out of it."""

    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        if record.name.partition(".")[0] not in ("mail", "asyncio"):  # those of the test's own mail server
            self.texts.append(f"{record.name} {record.msg!r} {record.args!r} {record.exc_info!r}")


@pytest.fixture
def uncleaned_log():
    root, handler = logging.getLogger(), Uncleaned()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.handlers.insert(0, handler)
    yield handler.texts
    root.handlers.remove(handler)
    root.setLevel(level)


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"RCPT": "550 5.1.1 <{address}> of Ada Lovelace is nobody here"},
        {"DATA": "554 5.7.1 {address} does not want: zebra-quartz"},
        {"MAIL": "553 5.1.8 zebra-quartz for ada1@client.example"},
    ],
    ids=lambda answers: next(iter(answers), "taken"),
)
def test_neither_address_nor_words_are_in_logs_or_in_the_error_that_is_kept(queue, server, uncleaned_log, capfd, answers):
    mail = queue(context={"organization": "zebra-quartz", "number": "CRT-1", "messages": 3, "day": NOON.date()})
    assert "zebra-quartz" in mail.subject  # there is something that could leak
    assert "zebra-quartz" in mail.body
    server.desk.answers |= answers
    assert outbox.send_due(at=NOON) == (0 if answers else 1)
    if answers:
        fail_until_parked()
        assert any(code in the_mail().last_error for code in ("550", "554", "553"))
        outbox.retry(mail=the_mail(), at=NOON)
    logging.getLogger("apps.mail").debug("heard")
    assert "apps.mail 'heard' () None" in uncleaned_log
    said = "\n".join([*uncleaned_log, *capfd.readouterr(), the_mail().last_error, str(the_mail())])
    assert [mark for mark in ("ada1", "client.example", "zebra", "Lovelace", "destroyed beyond") if mark in said] == []
