"""Two at once, each on its own connection: a withdrawal against the sender, a pause against a withdrawal, two senders."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from apps.communications import promises
from apps.communications.models import Circular, Delivery
from apps.communications.services import notices
from apps.communications.services.announcements import unsubscribing
from apps.communications.services.circulars import controlling, reporting, sending
from apps.communications.states import DeliveryState
from apps.consents.models import Standing
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from tests import cast
from tests.cast import NOON
from tests.communications.announcements import circulars
from tests.communications.announcements.published import second

pytestmark = pytest.mark.django_db(transaction=True)

SOON = NOON + timedelta(seconds=30)


@pytest.fixture
def is_waiting():
    """Whether somebody waits for a lock. Not from pg_stat_activity, which stands still within a transaction."""

    def ask() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return cursor.fetchone()[0] > 0

    return ask


def test_a_withdrawal_in_the_middle_of_a_chunk_waits_for_it_and_takes_the_mail_back(house, server, others, wait_until, is_waiting, monkeypatch):
    (ada,) = circulars.readers(1)
    announcement = circulars.approved()
    locked, go_on = threading.Event(), threading.Event()
    queue = sending._queue

    def slow(*arguments):
        locked.set()
        assert go_on.wait(20)
        return queue(*arguments)

    monkeypatch.setattr(sending, "_queue", slow)
    sender = others(sending.sweep, at=NOON)
    assert locked.wait(20)
    withdrawing = others(circulars.withdraw, ada, at=SOON)
    wait_until(is_waiting, "the withdrawal waits for the sender")
    go_on.set()
    assert sender.result(20) == 1
    assert withdrawing.result(20) is not None
    outbox.send_due(at=SOON)
    assert server.recipients == []
    assert Delivery.objects.get().state == DeliveryState.WITHDRAWN
    assert reporting.report(announcement).withdrawn == 1
    assert promises.nobody_got_news_without_a_consent(SOON).violations == ()


def test_a_sender_waits_for_a_withdrawal_that_came_first_and_leaves_its_person_out(house, server, others, wait_until, is_waiting, settings):
    settings.CIRCULAR_IN_OUTBOX = 0
    ada, ben = circulars.readers(2)
    circulars.approved()
    sending.sweep(at=NOON)
    settings.CIRCULAR_IN_OUTBOX = 100
    with transaction.atomic():
        circulars.withdraw(ada, at=SOON)
        sender = others(sending.sweep, at=SOON)
        wait_until(is_waiting, "the sender waits for the withdrawal")
    sender.result(20)
    outbox.send_due(at=SOON + timedelta(seconds=30))
    assert server.recipients == ["reader2@client.example"]
    assert Delivery.objects.get(person=ada).state == DeliveryState.WITHDRAWN
    assert Delivery.objects.get(person=ben).state == DeliveryState.HANDED


def test_a_withdrawal_while_the_audience_is_fixed_leaves_its_person_out(house, others, wait_until, is_waiting):
    ada, ben = circulars.readers(2)
    circulars.approved()
    with transaction.atomic():
        circulars.withdraw(ada, at=NOON)
        sender = others(sending.sweep, at=SOON)
        wait_until(is_waiting, "the fixing waits for the withdrawal")
    sender.result(20)
    assert list(Delivery.objects.values_list("person_id", flat=True)) == [ben.pk]
    assert not Standing.objects.get(person=ada).stands


def test_two_senders_hand_over_each_delivery_once(house, server, others, monkeypatch):
    monkeypatch.setattr(sending, "CHUNK", 2)
    monkeypatch.setattr(sending, "LEASE", timedelta(seconds=-1))  # both take it up
    circulars.readers(9)
    announcement = circulars.approved()
    for one in [others(sending.sweep, at=NOON) for _two in range(2)]:
        one.result(60)
    while OutgoingMail.objects.filter(state="queued").exists():
        outbox.send_due(at=SOON)
    assert sorted(server.recipients) == sorted(f"reader{number}@client.example" for number in range(1, 10))
    assert reporting.report(announcement).sent == 9


def test_a_pause_in_the_middle_of_a_chunk_comes_after_it(house, others, wait_until, is_waiting, monkeypatch):
    circulars.readers(2)
    announcement = circulars.approved()
    locked, go_on = threading.Event(), threading.Event()
    queue = sending._queue

    def slow(*arguments):
        locked.set()
        assert go_on.wait(20)
        return queue(*arguments)

    monkeypatch.setattr(sending, "_queue", slow)
    by = cast.cleo()
    sender = others(sending.sweep, at=NOON)
    assert locked.wait(20)
    pausing = others(controlling.pause, circular=announcement, by=by, at=SOON)
    wait_until(is_waiting, "the pause waits for the chunk")
    go_on.set()
    sender.result(20)
    pausing.result(20)
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.WAITING}
    assert not OutgoingMail.objects.filter(is_bulk=True, state="queued").exists()


def test_many_clicks_at_once_are_one_withdrawal(house, others):
    circulars.readers(1)
    circulars.approved()
    sending.sweep(at=NOON)
    token = OutgoingMail.objects.get().unsubscribe_url.rstrip("/").rpartition("/")[2]
    for one in [others(unsubscribing.unsubscribe, token=token, at=SOON) for _four in range(4)]:
        assert one.result(20) is not None
    assert Standing.objects.get().event.act == "withdrawn"
    assert Standing.objects.get().event.person.consent_events.filter(act="withdrawn").count() == 1


def test_two_workers_make_one_notice(house, others):
    circulars.person(1)
    second()
    made = [one.result(20) for one in [others(notices.tell_of_policy, at=NOON) for _two in range(2)]]
    assert sum(notice is not None for notice in made) == 1
    assert Circular.objects.count() == 1
