"""Two at once, with real connections: a withdrawal and a use, two withdrawals, a yes and a withdrawal; and a withdrawal that is killed."""

import os
import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from django.db import IntegrityError, connection, connections, transaction

from apps.audit.models import Event, JournalEntry
from apps.consents.models import ConsentErasure, ConsentEvent, Standing
from apps.consents.services import asking
from apps.consents.services.asking import ConsentMissing
from apps.consents.states import ConsentAct
from tests.cast import DAY, NOON
from tests.consents import borrowing

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 20


@pytest.fixture
def lending(house, settings):
    borrowing.run(borrowing.MAKE)
    settings.CONSENT_ERASERS = {"contacts": borrowing.ERASER}
    yield
    borrowing.run("DROP TABLE borrowed")


@pytest.fixture
def others():
    """A pool of threads with connections of their own, closed when their work is done."""
    with ThreadPoolExecutor(4) as pool:

        def start(work, *arguments, **given) -> Future:
            def run():
                try:
                    return work(*arguments, **given)
                finally:
                    connections.close_all()

            return pool.submit(run)

        yield start


def wait_for_a_waiter(number=1):
    """Until so many sessions of this database wait for a row."""
    until = time.monotonic() + PATIENCE
    while borrowing.run("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')")[0][0] < number:
        if time.monotonic() > until:
            pytest.fail(f"waited {PATIENCE} s for a session to wait", pytrace=False)
        time.sleep(0.02)


@contextmanager
def slowly(others, work, *arguments, **given):
    """`work` in the transaction of another session, which commits on leaving."""
    done, may_commit = threading.Event(), threading.Event()

    def run():
        with transaction.atomic():
            result = work(*arguments, **given)
            done.set()
            assert may_commit.wait(PATIENCE)
            return result

    at_work = others(run)
    assert done.wait(PATIENCE)
    try:
        yield at_work
    finally:
        may_commit.set()
        at_work.result(PATIENCE)


def use(person):
    asking.lock(person_id=person.pk, purpose="contacts", at=NOON)
    borrowing.borrow(person)


def test_a_withdrawal_waits_for_who_uses_the_consent_and_then_erases_that_too(ada, lending, give, withdraw, others):
    give(ada)
    with slowly(others, use, ada):
        taking_back = others(withdraw, ada)
        wait_for_a_waiter()
        assert asking.may(person_id=ada.pk, purpose="contacts", at=NOON)

    assert taking_back.result(PATIENCE).act == ConsentAct.WITHDRAWN
    assert borrowing.borrowed() == 0
    assert ConsentErasure.objects.get().erased == 1


def test_who_wants_to_use_a_consent_while_it_is_withdrawn_waits_and_is_then_refused(ada, lending, give, withdraw, others):
    def try_it():
        with transaction.atomic():
            use(ada)

    give(ada)
    with slowly(others, withdraw, ada):
        using = others(try_it)
        wait_for_a_waiter()

    with pytest.raises(ConsentMissing):
        using.result(PATIENCE)
    assert borrowing.borrowed() == 0


def test_who_stores_without_asking_while_it_is_withdrawn_is_refused_by_the_database(ada, lending, give, withdraw, others):
    give(ada)
    with slowly(others, withdraw, ada):
        storing = others(borrowing.borrow, ada)
        wait_for_a_waiter()

    with pytest.raises(IntegrityError):
        storing.result(PATIENCE)
    assert borrowing.borrowed() == 0


def test_two_uses_at_once_do_not_wait_for_each_other(ada, lending, give, others):
    def use_it():
        with transaction.atomic():
            use(ada)

    give(ada)
    with slowly(others, use, ada):
        others(use_it).result(PATIENCE)

    assert borrowing.borrowed() == 2


def test_two_withdrawals_at_once_are_one(ada, lending, give, withdraw, others):
    give(ada)
    borrowing.borrow(ada, rows=2)
    with slowly(others, withdraw, ada) as first:
        second = others(withdraw, ada)
        wait_for_a_waiter()

    assert first.result(PATIENCE) is not None
    assert second.result(PATIENCE) is None
    assert ConsentEvent.objects.filter(act=ConsentAct.WITHDRAWN).count() == 1
    assert JournalEntry.objects.filter(kind="consent.withdrawn").count() == 1
    assert ConsentErasure.objects.get().erased == 2


def test_a_yes_while_the_old_one_is_withdrawn_comes_after_it(ada, lending, give, withdraw, others):
    give(ada)
    with slowly(others, withdraw, ada, at=NOON + DAY):
        giving_anew = others(give, ada, at=NOON + DAY)
        wait_for_a_waiter()

    assert giving_anew.result(PATIENCE).act == ConsentAct.GIVEN
    assert [event.act for event in ConsentEvent.objects.of(person_id=ada.pk, purpose="contacts")] == ["given", "withdrawn", "given"]
    assert Standing.objects.get().stands


def test_a_withdrawal_while_a_yes_is_being_said_comes_after_it(ada, lending, give, withdraw, others):
    with slowly(others, give, ada):
        taking_back = others(withdraw, ada)
        wait_for_a_waiter()

    assert taking_back.result(PATIENCE) is not None
    assert not Standing.objects.get().stands


def test_two_first_answers_at_once_are_one_standing(ada, give, others):
    with slowly(others, give, ada) as first:
        second = others(give, ada)
        wait_for_a_waiter()

    assert first.result(PATIENCE) == second.result(PATIENCE)
    assert (ConsentEvent.objects.count(), Standing.objects.count()) == (1, 1)


def test_a_withdrawal_whose_process_is_killed_before_its_commit_was_never_there_and_succeeds_anew(ada, lending, give, withdraw):
    """The server ends the session of a killed client, so what it had done in its transaction is undone as a whole."""
    give(ada)
    borrowing.borrow(ada, rows=3)
    connection.close()
    child = os.fork()
    if child == 0:
        with transaction.atomic():
            withdraw(ada)
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL

    assert borrowing.borrowed() == 3
    assert Standing.objects.get().stands
    assert not Event.objects.filter(verb="consent.withdrawn").exists()
    assert withdraw(ada) is not None
    assert borrowing.borrowed() == 0


def test_whoever_asks_right_after_the_commit_hears_no_on_every_connection(ada, give, withdraw):
    """Nothing is cached: a second connection that had asked before hears of the withdrawal at once."""
    give(ada)
    with psycopg.connect(**{k: v for k, v in connection.get_connection_params().items() if k in ("host", "port", "dbname", "user", "password")}) as other:
        question = asking.MAY, (ada.pk, "contacts", NOON)
        assert other.execute(*question).fetchone() == (1,)
        withdraw(ada)
        assert other.execute(*question).fetchone() is None
