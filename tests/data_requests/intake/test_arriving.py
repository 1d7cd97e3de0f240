"""What comes in is kept at once and sealed under its day; what is settled is emptied, and a day's secret goes when nothing of it waits."""

import threading
from datetime import timedelta

import pytest
from django.db import connections, transaction

from apps.data_requests.models import Arrival
from apps.data_requests.services import arriving
from apps.data_requests.states import ArrivalState, Channel
from apps.data_requests.words import Asked
from apps.foundation.keys import KeyDestroyed, keystore
from apps.foundation.moves import NotAMove
from tests.cast import DAY, NOON
from tests.data_requests.intake import given


def drop(arrival, *, at=NOON):
    with transaction.atomic():
        arriving.settle(Arrival.objects.select_for_update().get(pk=arrival.pk), ArrivalState.DROPPED, at=at)


def test_what_came_in_is_one_row_whose_words_nobody_reads_without_the_keystore(house):
    came = given.arrival(given.EVE, name="Eve Nobody", document=b"%PDF-1.7 proof")

    row = Arrival.objects.get()
    assert (row.reference, row.channel, row.state, row.received_at) == (came.reference, Channel.FORM, ArrivalState.WAITING, NOON)
    stored = bytes(row.words) + bytes(row.from_digest)
    assert [text for text in (given.EVE, "Eve", given.TEXT, "proof") if text.encode() in stored] == []
    asked = arriving.open_asked(row)
    assert (asked.email, asked.name, asked.text, asked.document) == (given.EVE, "Eve Nobody", given.TEXT, b"%PDF-1.7 proof")


def test_the_same_again_by_its_key_is_the_row_that_is_there(house):
    asked = Asked(kind="access", email=given.ADA)
    one = arriving.arrive(channel=Channel.EMAIL, asked=asked, external_key="digest-1", at=NOON)
    again = arriving.arrive(channel=Channel.EMAIL, asked=Asked(kind="deletion", email=given.EVE), external_key="digest-1", at=NOON + DAY)
    elsewhere = arriving.arrive(channel=Channel.API, asked=asked, external_key="digest-1", at=NOON)

    assert (again.pk, arriving.open_asked(again)) == (one.pk, asked)
    assert elsewhere.pk != one.pk
    assert Arrival.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_same_twice_at_the_same_moment_is_one_row(house):
    start, found = threading.Barrier(4), []

    def post():
        try:
            start.wait(timeout=20)
            found.append(arriving.arrive(channel=Channel.EMAIL, asked=Asked(kind="access", email=given.ADA), external_key="k", at=NOON).pk)
        finally:
            connections.close_all()

    posting = [threading.Thread(target=post) for _ in range(4)]
    [thread.start() for thread in posting]
    [thread.join(timeout=30) for thread in posting]
    assert len(found) == 4
    assert set(found) == {Arrival.objects.get().pk}


def test_what_is_settled_keeps_no_words_and_does_not_settle_twice(house):
    came = given.arrival()
    drop(came)
    came.refresh_from_db()
    assert (came.state, came.words, came.settled_at) == (ArrivalState.DROPPED, None, NOON)
    with pytest.raises(NotAMove):
        drop(came)


def test_the_secret_of_a_day_goes_when_everything_of_it_is_settled_and_not_before(house):
    first, second = given.arrival(), given.arrival(given.EVE)
    name = f"arrival/{NOON.date()}"
    drop(first)
    assert arriving.destroy_days(at=NOON + 3 * DAY) == 0
    assert arriving.open_asked(second).email == given.EVE
    drop(second)
    assert arriving.destroy_days(at=NOON + DAY) == 0, "a post of that day may still come in"
    assert arriving.destroy_days(at=NOON + 3 * DAY) == 1
    assert keystore().was_destroyed(name)
    assert arriving.destroy_days(at=NOON + 3 * DAY) == 0


def test_words_that_a_backup_still_has_die_with_their_day(house):
    came = given.arrival()
    backup = bytes(came.words)
    drop(came)
    arriving.destroy_days(at=NOON + 3 * DAY)
    came.words = backup
    with pytest.raises(KeyDestroyed):
        arriving.open_asked(came)


def test_a_clock_that_went_back_past_a_destroyed_day_loses_no_request(house):
    drop(given.arrival())
    arriving.destroy_days(at=NOON + 3 * DAY)
    late = given.arrival(given.EVE)
    assert arriving.open_asked(late).email == given.EVE
    assert arriving.destroy_days(at=NOON + 30 * DAY) == 0
    drop(late)
    assert arriving.destroy_days(at=NOON + 30 * DAY) == 1
    assert not keystore().exists(f"arrival/{late.reference}")


def test_a_flood_rings_once_a_second_and_the_sweep_takes_the_rest(house, monkeypatch):
    rung = []
    monkeypatch.setattr(arriving.doorbell, "ring", rung.append)
    monkeypatch.setattr(arriving.Ringing, "last", float("-inf"))
    for number in range(20):
        given.arrival(f"somebody{number}@elsewhere.example", at=NOON + timedelta(seconds=number))
    assert 1 <= len(rung) <= 3
    assert set(rung) == {"arrivals.due"}


def test_by_whom_it_was_given_is_forgotten_when_no_cap_counts_it_any_more(house):
    settled, waiting = given.arrival(prefix="203.0.113.0/24"), given.arrival(given.EVE, prefix="203.0.113.0/24")
    drop(settled)
    assert arriving.forget_old(at=NOON + DAY) == 0
    assert arriving.forget_old(at=NOON + 3 * DAY) == 1
    assert arriving.forget_old(at=NOON + 3 * DAY) == 0
    settled.refresh_from_db()
    waiting.refresh_from_db()
    assert (settled.from_digest, settled.prefix_digest) == (None, None)
    assert waiting.from_digest is not None
    assert arriving.forget_old(at=NOON + 100 * DAY) == 1
    assert list(Arrival.objects.all()) == [waiting]
