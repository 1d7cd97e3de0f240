"""A flood is never refused and never lost: it waits, mails are few, and who is on file is served meanwhile."""

import re
from datetime import timedelta

import pytest
from django.db import transaction

from apps.data_requests.models import Arrival, DataRequest, RequestLink
from apps.data_requests.services import flooding, proving, sifting
from apps.data_requests.states import ArrivalState, Kind, State
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests.intake import given

HOUR = timedelta(hours=1)
HERE, THERE = "203.0.113.0/24", "198.51.100.0/24"


@pytest.fixture
def caps(settings):
    settings.REQUEST_OPENED_PER_ADDRESS_A_DAY = 3
    settings.REQUEST_OPENED_PER_PREFIX_AN_HOUR = 4
    settings.REQUEST_OPENED_AN_HOUR = 6
    return settings


def states():
    return sorted(Arrival.objects.values_list("state", "code"))


def flood(number, *, prefix=HERE, at=NOON, first=0):
    for index in range(first, first + number):
        given.arrival(f"flood{index}@elsewhere.example", prefix=prefix, at=at)


def test_a_flood_from_one_network_is_parked_and_taken_bit_by_bit_until_nothing_is_left(house, caps):
    flood(10)
    given.work()
    assert states() == [("parked", "flood_prefix")] * 6 + [("taken", "")] * 4
    assert len(given.mails()) == 4
    given.work(at=NOON + HOUR / 2)
    assert Arrival.objects.filter(state=ArrivalState.PARKED).count() == 6
    given.work(at=NOON + 2 * HOUR)
    given.work(at=NOON + 4 * HOUR)
    assert states() == [("taken", "")] * 10
    assert {request.received_at for request in DataRequest.objects.all()} == {NOON}, "the clocks of what waited count from when it came"
    assert len(given.mails()) == 10


def test_a_flood_from_everywhere_is_held_by_the_cap_on_all(house, caps):
    for index in range(12):
        flood(1, prefix=f"203.0.{index}.0/24", first=index)
    given.work()
    assert states() == [("parked", "flood_total")] * 6 + [("taken", "")] * 6


def test_who_is_on_file_is_served_in_the_middle_of_a_flood_from_the_same_network(ada, caps):
    flood(20)
    given.arrival(given.ADA, prefix=HERE)
    given.work()
    assert [mail.template for mail in given.mails(to=given.ADA)] == ["data_requests/proof"]
    assert Arrival.objects.filter(state=ArrivalState.PARKED).count() == 16


def test_another_network_is_not_held_up_by_a_flood_that_stays_below_the_cap_on_all(house, caps):
    flood(20)
    given.arrival("quiet@elsewhere.example", prefix=THERE)
    given.work()
    assert len(given.mails(to="quiet@elsewhere.example")) == 1


def test_one_address_typed_over_and_over_costs_one_request_and_one_mail(house, caps):
    for _turn in range(30):
        given.arrival(given.EVE, prefix=HERE)
    given.work()
    assert states() == [("taken", "")] + [("taken", "joined")] * 29
    assert DataRequest.objects.exclude(state=State.MERGED).count() == 1
    assert len(given.mails()) == 1


def test_one_address_with_every_kind_is_held_after_some(house, caps):
    for kind in Kind:
        given.arrival(given.EVE, kind=kind)
    given.work()
    assert states() == [("parked", "flood_address")] * 7 + [("taken", "")] * 3
    for turn in range(1, 4):
        given.work(at=NOON + turn * (DAY + HOUR))
    assert states() == [("taken", "")] * 10


def test_a_mailbox_on_file_gets_so_many_links_a_day_and_the_rest_when_they_may_come(ada, settings):
    settings.REQUEST_OPENED_PER_ADDRESS_A_DAY = 100
    for kind in (Kind.DELETION, Kind.ACCESS, Kind.CATEGORIES, Kind.CORRECTION, Kind.CLOSING, Kind.WITHDRAWAL):
        given.arrival(kind=kind)
    given.work()
    assert len(given.mails(to=given.ADA)) == 3
    assert DataRequest.objects.filter(state=State.IDENTIFYING).count() == 6, "no request waits, only mails do"
    given.work(at=NOON + HOUR)
    assert len(given.mails(to=given.ADA)) == 3
    given.work(at=NOON + DAY + HOUR)
    assert len(given.mails(to=given.ADA)) == 6


def test_links_in_all_are_capped_and_sent_in_their_turn(clinic, settings):
    settings.REQUEST_LINKS_AN_HOUR = 5
    for index in range(12):
        cast.ada(clinic, f"person{index}@client.example")
        given.arrival(f"person{index}@client.example")
    for turn, sent in enumerate((5, 10, 12)):
        given.work(at=NOON + turn * (HOUR + timedelta(minutes=1)))
        assert RequestLink.objects.count() == sent


def test_a_second_ask_of_who_lost_the_mail_sends_a_link_under_the_same_caps(ada):
    for _turn in range(6):
        given.taken()
    assert len(given.mails(to=given.ADA)) == 3


def test_what_waits_is_looked_at_seldom_and_costs_no_attempt(house, caps):
    flood(10)
    given.work()
    parked = Arrival.objects.filter(state=ArrivalState.PARKED)
    assert set(parked.values_list("attempts", "next_try_at")) == {(0, NOON + flooding.REST)}
    for turn in range(1, 9):
        given.work(at=NOON + turn * timedelta(minutes=1))
    assert parked.count() == 6


def test_a_flood_of_posts_is_never_told_so(visitor, caps):
    answers = [visitor.post("/requests/", given.TYPED | {"email": f"flood{index}@elsewhere.example"}) for index in range(40)]
    assert {answer.status_code for answer in answers} == {303}
    assert Arrival.objects.count() == 40


def test_no_request_waits_without_a_link_for_ever(ada):
    request = given.taken()
    RequestLink.objects.all().delete()
    assert proving.begin_due(at=NOON + DAY) == 1
    assert RequestLink.objects.filter(request=request).count() == 1
    assert re.search(r"REQ-\w+", given.mails()[-1].subject)[0] == request.reference


def test_what_is_sifted_by_the_hundred_is_parked_as_it_would_be_one_by_one(ada, caps, monkeypatch):
    def came(prefix):
        for index in range(30):
            given.arrival(f"{prefix[:3]}{index}@elsewhere.example", prefix=prefix)
        given.arrival(given.ADA, prefix=prefix)
        given.arrival(f"{prefix[:3]}0@elsewhere.example", prefix=prefix)

    outcomes = []
    for worth_it in (10_000, 5):
        monkeypatch.setattr(sifting, "WORTH_IT", worth_it)
        with transaction.atomic():
            came(HERE)
            came(THERE)
            given.work()
            outcomes.append((sorted(Arrival.objects.values_list("state", flat=True)), sorted(mail.to_address for mail in given.mails())))
            transaction.set_rollback(True)
    assert outcomes[0][0].count("parked") > 40
    assert outcomes[0] == outcomes[1]


def test_the_sieve_leaves_what_is_on_file_what_joins_and_what_it_can_not_open(ada, caps, monkeypatch):
    monkeypatch.setattr(sifting, "WORTH_IT", 1)
    caps.REQUEST_OPENED_AN_HOUR = 0
    first, second, broken = given.arrival(given.ADA), given.arrival("x@elsewhere.example", phone="+12025550123"), given.arrival("y@elsewhere.example")
    stranger = given.arrival(given.EVE)
    Arrival.objects.filter(pk=broken.pk).update(words=b"not sealed at all, and long enough")
    assert sifting.park_what_waits(at=NOON) == 1
    assert list(Arrival.objects.filter(state=ArrivalState.PARKED)) == [stranger]
    assert {first.pk, second.pk, broken.pk} == set(Arrival.objects.filter(state=ArrivalState.WAITING).values_list("pk", flat=True))


def test_a_thousand_of_a_flood_are_sifted_in_a_few_queries(house, caps, django_assert_max_num_queries):
    flood(1_000)
    with django_assert_max_num_queries(20):
        assert sifting.park_what_waits(at=NOON) == 996
