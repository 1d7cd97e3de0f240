"""The same words to many: each with its own address to unsubscribe at, after mail to one person, and taken back before it left."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.mail.services.outbox import Copy
from apps.mail.states import State
from tests.cast import NOON

pytestmark = pytest.mark.django_db

BREAKS = ("\r\nBcc: eve@evil.example", "\n", "\x00", "> , <mailto:eve@evil.example", " ", "\u2028", "ü", "\x7f")


@pytest.fixture
def write(write_template):
    write_template("circulars", "Subject: {{ title }}\n{{ words }}\n\nNo more of it: {{ unsubscribe_url }}\n")

    def to(*addresses, start=0, **given):
        copies = [Copy(to, f"c-{number}", f"https://covenant.example/unsubscribe/{number}") for number, to in enumerate(addresses, start)]
        usual = {"template": "circulars", "context": {"title": "Patch 7", "words": "It mends."}, "about": "ANN-1", "at": NOON, "copies": copies}
        return outbox.queue_copies(**usual | given)

    return to


def test_each_copy_has_its_own_address_in_its_words_and_in_the_headers_of_rfc_8058(write, server):
    queued = write("ada@client.example", "ben@client.example")
    assert outbox.send_due(at=NOON) == 2
    assert set(queued) == {"c-0", "c-1"}
    assert set(queued.values()) == set(OutgoingMail.objects.values_list("pk", flat=True))
    for number, arrived in enumerate(server.taken):
        url = f"https://covenant.example/unsubscribe/{number}"
        assert arrived.message["List-Unsubscribe"] == f"<{url}>"
        assert arrived.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert arrived.message["Precedence"] == "bulk"
        assert arrived.text == f"It mends.\n\nNo more of it: {url}\n"


def test_a_mail_to_one_person_says_nothing_of_unsubscribing(queue, server):
    queue()
    outbox.send_due(at=NOON)
    assert not {"List-Unsubscribe", "List-Unsubscribe-Post", "Precedence"} & set(server.taken[0].message.keys())


@pytest.mark.parametrize("ending", BREAKS, ids=[ascii(ending) for ending in BREAKS])
def test_an_address_to_unsubscribe_at_can_not_break_out_of_its_header(write, ending):
    with pytest.raises(ValueError, match="neither spaces"):
        write(copies=[Copy("ada@client.example", "c-1", f"https://covenant.example/u/{ending}")])
    assert OutgoingMail.objects.count() == 0
    write("ada@client.example")
    if "\x00" not in ending:  # which the database takes into no text at all
        with pytest.raises(IntegrityError, match="an_unsubscribe_address_stays_in_its_header"), transaction.atomic():
            OutgoingMail.objects.update(unsubscribe_url=f"https://covenant.example/u/{ending}")


def test_a_row_that_was_altered_despite_the_database_is_not_sent(write, server):
    write("ada@client.example")
    mail = OutgoingMail.objects.get()
    mail.unsubscribe_url += "\r\nBcc: eve@evil.example"
    assert outbox._send(mail, NOON) == 0
    assert server.taken == []


def test_an_address_that_is_none_is_left_out_and_said(write):
    queued = write("ada@client.example", "no address", "a@b.example\nBcc: eve@evil.example")
    assert [queued[f"c-{number}"] is not None for number in range(3)] == [True, False, False]
    assert OutgoingMail.objects.count() == 1


def test_the_same_copy_is_never_queued_twice(write):
    write("ada@client.example")
    with pytest.raises(IntegrityError), transaction.atomic():
        write("ada@client.example")
    assert OutgoingMail.objects.count() == 1


def test_mail_to_one_person_leaves_before_all_that_goes_to_many(write, queue, server):
    write("ada@client.example", "ben@client.example")
    queue(7, at=NOON + timedelta(minutes=1))
    outbox.send_due(at=NOON + timedelta(minutes=2))
    assert server.recipients == ["ada7@client.example", "ada@client.example", "ben@client.example"]


def test_a_run_that_ends_before_all_has_left_rings_for_the_next(write, server, monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(outbox, "MAILS_A_RUN", 2)
    rung = []
    monkeypatch.setattr(outbox.doorbell, "ring", rung.append)
    write("a@client.example", "b@client.example", "c@client.example")
    rung.clear()
    assert outbox.send_due(at=NOON) == 2
    assert rung == ["mail.queued"]
    assert outbox.send_due(at=NOON) == 1
    assert rung == ["mail.queued"]


def test_what_is_taken_back_is_empty_and_never_leaves(write, server):
    queued = write("ada@client.example", "ben@client.example")
    assert outbox.take_back(mails=[queued["c-0"]], at=NOON) == {queued["c-0"]}
    outbox.send_due(at=NOON)
    assert server.recipients == ["ben@client.example"]
    row = OutgoingMail.objects.get(pk=queued["c-0"])
    assert (row.state, row.to_address, row.subject, row.body, row.unsubscribe_url, row.emptied_at) == (State.TAKEN_BACK, "", "", "", "", NOON)
    assert outbox.take_back(mails=queued.values(), at=NOON) == set()  # the other one was sent


def test_a_parked_mail_can_be_taken_back_and_is_then_not_tried_again(parked):
    assert outbox.take_back(mails=[parked.pk], at=NOON) == {parked.pk}
    with pytest.raises(outbox.NotParked):
        outbox.retry(mail=parked, at=NOON)


def test_what_was_tried_once_is_left_alone_where_only_the_untried_is_wanted(write, no_server):
    queued = write("ada@client.example", "ben@client.example")
    outbox._claim(NOON)
    assert outbox.take_back(mails=queued.values(), at=NOON, untried_only=True) == {queued["c-1"]}


def test_a_mail_that_is_taken_back_while_it_is_sent_says_that_it_left(write, server):
    queued = write("ada@client.example")
    claimed = outbox._claim(NOON)
    outbox.take_back(mails=queued.values(), at=NOON)
    assert outbox._send(claimed, NOON) == 1
    row = OutgoingMail.objects.get()
    assert (row.state, row.sent_at, row.to_address) == (State.SENT, NOON, "")


def test_a_mail_that_was_taken_back_while_its_worker_died_is_not_tried_again(write, server):
    queued = write("ada@client.example")
    outbox._claim(NOON)
    outbox.take_back(mails=queued.values(), at=NOON)
    assert outbox.send_due(at=NOON + timedelta(days=1)) == 0
    assert server.taken == []


def test_the_address_to_unsubscribe_at_is_emptied_with_the_rest(write, server, settings):
    write("ada@client.example")
    outbox.send_due(at=NOON)
    outbox.empty_ended(at=NOON + timedelta(days=settings.MAIL_EMPTIED_AFTER_DAYS, seconds=1))
    assert OutgoingMail.objects.get().unsubscribe_url == ""
