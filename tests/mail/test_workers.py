"""Several workers at once send each mail once; one that is killed leaves its mail to the next, after its lease."""

import signal
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction

from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.mail.services.outbox import LEASE
from apps.mail.states import State
from tests.cast import NOON

pytestmark = pytest.mark.django_db(transaction=True)

MOMENT = timedelta(microseconds=1)
PATIENCE = 30


class Worker(threading.Thread):
    """Sends what is due, on a database connection of its own."""

    def __init__(self, at=NOON, start_with=None):
        super().__init__(daemon=True)
        self.at, self.start_with, self.sent, self.error = at, start_with, None, None
        self.start()

    def run(self):
        try:
            if self.start_with:
                self.start_with.wait(PATIENCE)
            self.sent = outbox.send_due(at=self.at)
        except Exception as error:
            self.error = error
        finally:
            connections.close_all()

    def ended(self):
        self.join(PATIENCE)
        assert not self.is_alive()
        assert self.error is None
        return self.sent


def states():
    return list(OutgoingMail.objects.order_by("id").values_list("state", "attempts"))


def test_four_workers_at_once_send_each_of_forty_mails_once(queue, server):
    for number in range(40):
        queue(number)
    barrier = threading.Barrier(4)
    server.hold_next()  # one of them stands with its first mail until the others have sent all the rest
    workers = [Worker(start_with=barrier) for _number in range(4)]
    assert server.desk.holding.wait(PATIENCE)
    until = time.monotonic() + PATIENCE
    while len(server.taken) < 40 and time.monotonic() < until:
        time.sleep(0.05)
    server.desk.let_go.set()
    sent = [worker.ended() for worker in workers]
    assert sum(sent) == 40
    assert max(sent) < 40
    assert server.recipients == sorted(f"ada{number}@client.example" for number in range(40))
    assert states() == [(State.SENT, 1)] * 40


def test_while_one_worker_waits_for_the_server_another_sends_the_rest(queue, server):
    for number in range(5):
        queue(number)
    server.hold_next()
    slow = Worker()
    assert server.desk.holding.wait(PATIENCE)
    assert Worker(at=NOON + timedelta(seconds=1)).ended() == 4
    assert Worker(at=NOON + LEASE).ended() == 0  # the lease ends a moment later
    server.desk.let_go.set()
    assert slow.ended() == 1
    assert len(server.taken) == len(set(server.recipients)) == 5
    assert states() == [(State.SENT, 1)] * 5


def test_a_worker_waits_for_no_row_that_another_has_locked(queue, server):
    first, second = queue(1), queue(2)
    with transaction.atomic():
        OutgoingMail.objects.select_for_update().get(pk=first.pk)
        assert Worker().ended() == 1
    assert server.recipients == [second.to_address]
    assert Worker().ended() == 1
    assert states() == [(State.SENT, 1)] * 2


def test_a_worker_that_is_killed_before_the_servers_answer_leaves_its_mail_to_the_next(queue, server, another_sender):
    mail = queue()
    server.hold_next()
    killed = another_sender(NOON)
    assert server.desk.holding.wait(PATIENCE)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(PATIENCE) == -signal.SIGKILL
    mail.refresh_from_db()
    assert (mail.state, mail.attempts, mail.leased_until) == (State.QUEUED, 1, NOON + LEASE)

    assert outbox.send_due(at=NOON + LEASE) == 0
    assert len(server.taken) == 1
    after = NOON + LEASE + MOMENT
    next_one = another_sender(after)
    assert next_one.communicate(timeout=PATIENCE)[0].strip() == "1"
    mail.refresh_from_db()
    assert (mail.state, mail.attempts, mail.sent_at, mail.leased_until) == (State.SENT, 2, after, None)
    # the server had the first one whole and could say so to nobody: at least once, and known as the same
    assert len(server.taken) == 2
    assert {taken.message["Message-ID"] for taken in server.taken} == {f"<{mail.reference}@covenant.example>"}
    assert outbox.send_due(at=after + timedelta(days=1)) == 0


def test_a_mail_on_which_five_workers_died_is_parked_and_the_others_leave(queue, server, another_sender):
    deadly = queue(1)
    at = NOON
    for number in range(5):
        server.desk.holding.clear()
        server.hold_next()
        killed = another_sender(at)
        assert server.desk.holding.wait(PATIENCE)
        killed.send_signal(signal.SIGKILL)
        assert killed.wait(PATIENCE) == -signal.SIGKILL
        assert states() == [(State.QUEUED, number + 1)]
        at += LEASE + MOMENT
    queue(2)
    assert outbox.send_due(at=at) == 1
    deadly.refresh_from_db()
    assert (deadly.state, deadly.attempts, deadly.leased_until) == (State.PARKED, 5, None)
    assert deadly.last_error == "the worker ended before the server's answer"
    assert [taken.recipients[0] for taken in server.taken] == ["ada1@client.example"] * 5 + ["ada2@client.example"]
    assert outbox.retry(mail=deadly, at=at).attempts == 0
    assert outbox.send_due(at=at) == 1


def test_a_worker_that_overslept_its_lease_changes_nothing_of_what_the_next_one_did(queue, server, silent_server, settings):
    """The first waits for a silent server past its lease, the second holds the mail; the first's failure is none of its."""
    settings.EMAIL_TIMEOUT = 2
    mail = queue()
    slow = Worker()
    silent_server.settimeout(PATIENCE)
    connected = silent_server.accept()[0]
    settings.EMAIL_PORT = server.port
    server.hold_next()
    after = NOON + LEASE + MOMENT
    second = Worker(at=after)
    assert server.desk.holding.wait(PATIENCE)
    assert slow.ended() == 0
    connected.close()
    mail.refresh_from_db()
    assert (mail.attempts, mail.leased_until, mail.last_error) == (2, after + LEASE, "")
    assert outbox.send_due(at=after + timedelta(minutes=1)) == 0  # nobody takes it from the second
    server.desk.let_go.set()
    assert second.ended() == 1
    assert len(server.taken) == 1


def test_two_who_take_up_a_parked_mail_at_once_take_it_up_once(parked):
    waiting, refused = threading.Event(), []

    def retry():
        waiting.set()
        try:
            outbox.retry(mail=parked, at=NOON)
        except outbox.NotParked:
            refused.append(True)
        finally:
            connections.close_all()

    with transaction.atomic():
        outbox.retry(mail=parked, at=NOON)
        other = threading.Thread(target=retry, daemon=True)
        other.start()
        assert waiting.wait(PATIENCE)
        other.join(0.3)
        assert other.is_alive()  # it waits for the first to commit
    other.join(PATIENCE)
    assert refused == [True]
    assert connection.in_atomic_block is False
    assert states() == [(State.QUEUED, 0)]
