"""Two at once, with real connections: a withdrawal while an address is read, or a file; two sweeps; matching while somebody withdraws."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction

from apps.consents.models import Standing
from apps.contacts.models import ContactKey, Match, PersonKey, Rematch, Source
from apps.contacts.services import keys, lending, matching, people, refreshing, storing
from tests import cast
from tests.cast import NOON
from tests.contacts.conftest import cards, say_yes, take_back
from tests.contacts.dav.radicale import book

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 30


@pytest.fixture
def others():
    """A pool of threads with connections of their own, closed when their work is done."""
    with ThreadPoolExecutor(4) as pool:

        def start(work, *arguments, **given):
            def run():
                try:
                    return work(*arguments, **given)
                finally:
                    connections.close_all()

            return pool.submit(run)

        yield start


def waits_for_a_row():
    """Once another session of this database waits for a row."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')")
            if cursor.fetchone()[0]:
                return True
        time.sleep(0.02)
    return False


@pytest.fixture
def paused(monkeypatch):
    """Holds a function of a module at its door: `reached` tells that somebody is there, `go` lets them in."""

    def pause(module, name):
        reached, go = threading.Event(), threading.Event()
        real = getattr(module, name)

        def waiting(*arguments, **given):
            reached.set()
            assert go.wait(PATIENCE)
            return real(*arguments, **given)

        monkeypatch.setattr(module, name, waiting)
        return reached, go

    return pause


def nothing_of(person):
    return [model.objects.filter(person=person).count() for model in (Source, ContactKey, PersonKey)] == [0, 0, 0]


def test_a_reading_whose_consent_was_withdrawn_meanwhile_stores_nothing(ada, lend_address, radicale, paused, others):
    say_yes(ada)
    lend_address(ada, radicale.make("contacts", f"c{uuid4().hex}", book(30)))
    reached, go = paused(refreshing, "_store")

    reading = others(refreshing.refresh_due, at=NOON)
    assert reached.wait(PATIENCE)
    take_back(ada)
    go.set()

    assert reading.result(PATIENCE) == 0
    assert nothing_of(ada)
    assert not Standing.objects.get(person=ada).stands


def test_a_withdrawal_waits_for_a_reading_that_stores_and_then_erases_it(ada, lend_address, radicale, paused, others):
    say_yes(ada)
    lend_address(ada, radicale.make("contacts", f"c{uuid4().hex}", book(30)))
    reached, go = paused(storing, "store")

    reading = others(refreshing.refresh_due, at=NOON)
    assert reached.wait(PATIENCE)
    withdrawal = others(take_back, ada)
    assert waits_for_a_row(), "the withdrawal waits for who stores right now"
    assert not withdrawal.done()
    go.set()

    assert reading.result(PATIENCE) == 1
    assert withdrawal.result(PATIENCE) is not None
    assert nothing_of(ada)


def test_a_file_whose_consent_was_withdrawn_while_it_was_read_is_not_taken(ada, lend, paused, others):
    say_yes(ada)
    reached, go = paused(lending, "_take_in")

    upload = others(lend, ada, cards("x@y.example"))
    assert reached.wait(PATIENCE)
    take_back(ada)
    go.set()

    with pytest.raises(lending.NotAllowedYet):
        upload.result(PATIENCE)
    assert nothing_of(ada)


def test_two_sweeps_read_one_address_once(ada, lend_address, radicale, others, server):
    say_yes(ada)
    lend_address(ada, radicale.make("contacts", f"c{uuid4().hex}", book(30)))

    assert sorted(sweep.result(PATIENCE) for sweep in [others(refreshing.refresh_due, at=NOON) for _number in range(3)]) == [0, 0, 1]
    assert Source.objects.get().attempt == 1


def test_whoever_withdraws_while_they_are_matched_is_matched_with_nobody(ada, ben, lend, paused, others):
    say_yes(ada), say_yes(ben)
    lend(ada, cards("ben@client.example"))
    people.bring_up_all(at=NOON)
    began, may_end = threading.Event(), threading.Event()

    def slowly():
        with transaction.atomic():
            take_back(ben)
            began.set()
            assert may_end.wait(PATIENCE)

    withdrawal = others(slowly)
    assert began.wait(PATIENCE)
    matching.match_changed(at=NOON)  # does not wait for the withdrawal, and does not trust what it is about to take away
    assert not Match.objects.exists()
    assert Rematch.objects.filter(person=ada).exists(), "Ada is done again when it is known what became of Ben"
    may_end.set()
    withdrawal.result(PATIENCE)
    matching.match_changed(at=NOON.replace(hour=13))

    assert not Match.objects.exists()
    assert not Rematch.objects.exists()


def test_a_change_while_somebody_is_matched_is_not_lost(ada, ben, lend, others):
    say_yes(ada), say_yes(ben)
    lend(ada, cards("nobody@client.example"))
    people.bring_up_all(at=NOON)
    with transaction.atomic():
        matching.match(people=[ada.pk], at=NOON)
        upload = others(lend, ada, cards("ben@client.example"))
        assert waits_for_a_row()
    upload.result(PATIENCE)

    matching.match_changed(at=NOON)

    assert Match.objects.count() == 1


def test_no_key_is_destroyed_while_a_value_under_it_is_on_its_way(ada, lend, paused, others):
    say_yes(ada)
    lend(ada, cards("a@y.example"), name="first.vcf")
    writing, may_write = threading.Event(), threading.Event()

    def slowly():
        with transaction.atomic():
            lend(ada, cards("b@y.example"), name="second.vcf")
            writing.set()
            assert may_write.wait(PATIENCE)

    upload = others(slowly)
    assert writing.wait(PATIENCE)
    keys.announce(by=cast.cleo(), at=NOON)
    rotation = others(keys.rotate, at=NOON)
    assert waits_for_a_row(), "the rotation waits for who writes under the old key"
    may_write.set()
    upload.result(PATIENCE)
    rotation.result(PATIENCE)
    keys.rotate(at=NOON)

    assert set(ContactKey.objects.values_list("key_id", flat=True)) == {2}
    assert ContactKey.objects.count() == 2
