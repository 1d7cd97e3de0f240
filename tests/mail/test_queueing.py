"""Mail is queued with the act that causes it, once, and rings the bell after the commit."""

import base64
import json
import threading

import pytest
import redis
from celery import current_app
from django.conf import settings as live_settings
from django.db import IntegrityError, connections, transaction

from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.mail.services.rendering import AddressUnusable
from apps.mail.states import State
from tests.cast import NOON
from tests.mail.conftest import usual


class Undone(Exception):
    pass


@pytest.fixture
def rings():
    """What lies in the broker's queue, as (task, its arguments); empty at first."""
    current_app.control.purge()
    broker = redis.Redis(unix_socket_path=_socket(), db=int(live_settings.REDIS_URL.rpartition("=")[2]))

    def waiting():
        messages = [json.loads(one) for one in broker.lrange("celery", 0, -1)]
        return [(one["headers"]["task"], json.loads(base64.b64decode(one["body"]))[:2]) for one in messages]

    yield waiting
    broker.close()
    current_app.control.purge()


def _socket():
    return live_settings.REDIS_URL.removeprefix("redis+socket://").partition("?")[0]


def test_a_queued_mail_is_a_row_with_all_that_is_needed_to_send_it(queue):
    mail = queue()
    mail.refresh_from_db()
    assert mail.reference.startswith("MAIL-")
    assert str(mail) == mail.reference
    assert (mail.to_address, mail.about, mail.template) == ("ada1@client.example", "CRT-1", "retention/certificate_issued")
    assert mail.subject == "Messages of ORG-LIGHTHOUSE were destroyed: certificate CRT-1"
    assert "3 messages of your organization (ORG-LIGHTHOUSE) ended on 2026-03-08 (UTC)" in mail.body
    assert (mail.state, mail.attempts, mail.last_error) == (State.QUEUED, 0, "")
    assert (mail.created_at, mail.next_try_at) == (NOON, NOON)
    assert (mail.leased_until, mail.sent_at, mail.emptied_at) == (None, None, None)


@pytest.mark.django_db(transaction=True)
def test_an_act_that_is_undone_leaves_no_mail_and_rings_no_bell(queue, rings, server):
    def act():
        with transaction.atomic():
            queue()
            assert OutgoingMail.objects.count() == 1
            raise Undone

    with pytest.raises(Undone):
        act()
    assert OutgoingMail.objects.count() == 0
    assert rings() == []
    assert outbox.send_due(at=NOON) == 0
    assert server.taken == []


@pytest.mark.django_db(transaction=True)
def test_nobody_else_sees_or_sends_a_mail_before_the_act_has_committed(queue, rings, server):
    sent = []

    def another_worker():
        sent.append(outbox.send_due(at=NOON))
        connections.close_all()

    with transaction.atomic():
        queue()
        thread = threading.Thread(target=another_worker)
        thread.start()
        thread.join(30)
        assert (sent, rings()) == ([0], [])
    assert outbox.send_due(at=NOON) == 1
    assert len(server.taken) == 1


@pytest.mark.django_db(transaction=True)
def test_the_commit_rings_the_task_that_sends_and_the_ring_carries_nothing(queue, rings):
    queue()
    assert rings() == [("mail.send_due", [[], {}])]
    queue()  # the same again
    assert len(rings()) == 1


@pytest.mark.django_db(transaction=True)
def test_taking_up_a_parked_mail_rings_too(parked, rings):
    current_app.control.purge()
    outbox.retry(mail=parked, at=NOON)
    assert rings() == [("mail.send_due", [[], {}])]


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_takes_no_mail_away(queue, server, monkeypatch):
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis+socket:///nowhere/at-all?virtual_host=0")
    current_app.pool.force_close_all()
    queue()
    assert outbox.send_due(at=NOON) == 1
    assert server.recipients == ["ada1@client.example"]
    monkeypatch.undo()
    current_app.pool.force_close_all()


def test_an_act_that_is_repeated_queues_its_mail_once(queue):
    first = queue()
    assert queue() is None
    assert queue(to="ben@client.example", context={}, at=NOON.replace(hour=15)) is None
    assert OutgoingMail.objects.get() == first
    assert OutgoingMail.objects.get().to_address == "ada1@client.example"


def test_a_mail_that_was_sent_and_emptied_is_not_queued_again(queue):
    queue()
    OutgoingMail.objects.update(state=State.SENT, sent_at=NOON, to_address="", subject="", body="", emptied_at=NOON)
    assert queue() is None
    assert OutgoingMail.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_queue_the_same_mail_at_once_queue_it_once():
    written, may_commit, answers = threading.Event(), threading.Event(), {}

    def act(name, wait):
        try:
            with transaction.atomic():
                answers[name] = outbox.queue(**usual())
                if wait:
                    written.set()
                    assert may_commit.wait(30)
        finally:
            connections.close_all()

    first = threading.Thread(target=act, args=("first", True))
    first.start()
    assert written.wait(30)
    second = threading.Thread(target=act, args=("second", False))
    second.start()
    second.join(0.5)
    assert second.is_alive()  # it can't know yet whether the first will commit
    may_commit.set()
    first.join(30)
    second.join(30)
    assert answers == {"first": OutgoingMail.objects.get(), "second": None}


def test_an_address_that_is_not_one_is_refused_and_nothing_is_queued(queue):
    with pytest.raises(AddressUnusable):
        queue(to="ada1@client.example, eve@evil.example")
    assert OutgoingMail.objects.count() == 0


@pytest.mark.parametrize(
    "row",
    [
        {"state": State.SENT, "sent_at": None},
        {"state": State.QUEUED, "sent_at": NOON},
        {"state": State.PARKED, "sent_at": NOON},
    ],
)
def test_the_database_refuses_a_mail_that_is_sent_without_a_time_or_has_one_without_being_sent(queue, row):
    queue()
    with pytest.raises(IntegrityError, match="sent_mail_says_when"), transaction.atomic():
        OutgoingMail.objects.update(**row)
    assert OutgoingMail.objects.get().state == State.QUEUED
    assert OutgoingMail.objects.update(state=State.SENT, sent_at=NOON) == 1


def test_the_database_refuses_a_second_row_for_the_same_act(queue):
    mail = queue()
    mail.pk, mail.reference = None, "MAIL-OTHER"
    with pytest.raises(IntegrityError, match="once_key"), transaction.atomic():
        mail.save(force_insert=True)
    assert OutgoingMail.objects.count() == 1
