"""What came in becomes a request: of who is known, proven by a link to a contact on file; of nobody, with a neutral receipt. Nothing is lost."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from apps.accounts.services import amending
from apps.data_requests.models import Arrival, Clock, DataRequest, Receipt, RequestLink
from apps.data_requests.services import arriving, opening, receipts, taking
from apps.data_requests.states import ArrivalState, Asker, Channel, Kind, State
from apps.data_requests.words import Asked, open_words
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import forget_all
from tests import cast
from tests.accounts.minors import given as minors
from tests.cast import DAY, NOON
from tests.data_requests.intake import given

HOUR = timedelta(hours=1)


def test_a_known_address_becomes_a_request_that_waits_for_a_click_on_a_link(ada):
    request = given.taken()

    assert (request.person, request.state, request.channel, request.received_at) == (ada, State.IDENTIFYING, Channel.FORM, NOON)
    assert open_words(request).text == given.TEXT
    (mail,) = given.mails()
    assert (mail.to_address, mail.template, mail.about) == (given.ADA, "data_requests/proof", request.reference)
    assert given.link_in(mail)[0] == "prove"
    arrival = Arrival.objects.get()
    assert (arrival.state, arrival.words, arrival.request) == (ArrivalState.TAKEN, None, request)


def test_an_unknown_address_becomes_a_request_of_nobody_and_gets_the_receipt(ada):
    request = given.taken(given.EVE)

    assert (request.person, request.person_reference, request.state) == (None, "", State.IDENTIFYING)
    (mail,) = given.mails()
    assert (mail.to_address, mail.template) == (given.EVE, "data_requests/receipt")
    assert RequestLink.objects.count() == 0


def test_the_receipt_is_the_same_for_everybody_and_says_nothing_of_anybody(ada):
    given.taken(given.EVE)
    given.taken("somebody@elsewhere.example", kind=Kind.ACCESS, phone="+12025550123", name="Ada Lovell", organization="Hill Clinic")
    one, other = given.mails()
    assert (one.subject, one.body) == (other.subject, other.body)
    assert [word for word in ("Ada", "Hill", "REQ-", "ARR-", "ada@", "http") if word in one.subject + one.body] == []


def test_an_address_gets_one_receipt_a_day_however_often_it_is_typed(house):
    for number in range(8):
        given.taken(given.EVE, kind=list(Kind)[number % 4], at=NOON + number * timedelta(minutes=20))
    assert len(given.mails(to=given.EVE)) == 1
    given.taken(given.EVE.upper(), at=NOON + DAY)
    assert len(given.mails()) == 2
    assert receipts.forget_old(at=NOON + 10 * DAY) == 2
    assert Receipt.objects.count() == 0


def test_the_same_asked_again_joins_the_first_and_no_clock_restarts(ada):
    first = given.taken()
    due = list(Clock.objects.order_by("pk").values_list("regime", "due_at"))
    again = given.taken(at=NOON + 5 * DAY)

    assert again == first
    assert list(Clock.objects.order_by("pk").values_list("regime", "due_at")) == due
    assert DataRequest.objects.exclude(state=State.MERGED).count() == 1
    assert len(given.mails(to=given.ADA)) == 2, "who lost the first mail gets another link"


def test_clocks_count_from_when_it_came_and_not_from_when_it_was_looked_at(ada):
    given.arrival()
    given.work(at=NOON + 4 * DAY)
    request = DataRequest.objects.get()
    assert request.received_at == NOON
    assert set(request.clocks.values_list("started_at", flat=True)) == {NOON}


def test_a_phone_on_file_finds_who_typed_another_address_and_the_link_goes_to_the_file_alone(ada):
    amending.add_phone(person=ada, number="+12025550123", by=SYSTEM, at=NOON - 100 * DAY)
    request = given.taken(given.EVE, phone="(202) 555-0123")
    assert request.person == ada
    assert [mail.template for mail in given.mails(to=given.EVE)] == ["data_requests/receipt"]
    assert [mail.template for mail in given.mails(to=given.ADA)] == ["data_requests/proof"]


def test_an_address_that_several_clients_have_on_file_makes_a_request_of_each_person(ada):
    other = cast.ada(cast.client("Mercy General"), given.ADA)
    given.taken()
    assert set(DataRequest.objects.values_list("person", flat=True)) == {ada.pk, other.pk}
    assert len(given.mails(to=given.ADA)) == 2


def test_a_named_organization_narrows_it_and_a_wrong_one_loses_nobody(ada):
    other = cast.ada(cast.client("Mercy General"), given.ADA)
    assert given.taken(organization="mercy general").person == other
    assert {request.person for request in DataRequest.objects.all()} == {other}
    given.taken(kind=Kind.ACCESS, organization="Somewhere Else")
    assert set(DataRequest.objects.filter(kind=Kind.ACCESS).values_list("person", flat=True)) == {ada.pk, other.pk}


def test_a_report_of_a_minor_needs_no_proof_and_names_nobody_yet(ada):
    request = given.taken(kind=Kind.MINOR)
    assert (request.person, request.state) == (None, State.IN_WORK)
    assert [mail.template for mail in given.mails()] == ["data_requests/receipt"]


def test_a_complaint_goes_to_work_at_once(ada):
    assert given.taken(kind=Kind.COMPLAINT).state == State.IN_WORK


def test_a_representative_is_the_contact_of_a_child(clinic, add_address):
    child = minors.represented(clinic, at=NOON - 100 * DAY)
    add_address(child, "kim@client.example", before=90 * DAY)
    for email in ("kim@client.example", "paula@family.example"):
        assert given.taken(email, asker=Asker.REPRESENTATIVE).person == child
    assert {mail.to_address for mail in given.mails() if mail.template == "data_requests/proof"} == {"paula@family.example"}


def test_what_can_not_be_opened_is_tried_five_times_and_then_waits_for_staff(ada):
    broken, sound = given.arrival(), given.arrival(given.EVE)
    Arrival.objects.filter(pk=broken.pk).update(words=b"not sealed at all, and long enough")
    at = NOON
    for _turn in range(6):
        given.work(at=at)
        at += 2 * HOUR
    broken.refresh_from_db()
    sound.refresh_from_db()
    assert (broken.state, broken.code, broken.attempts, broken.words is None) == (ArrivalState.UNREADABLE, "seal_broken", 5, False)
    assert sound.state == ArrivalState.TAKEN, "the others do not wait for it"


def test_a_row_that_kills_its_worker_five_times_is_put_aside_with_its_words(ada, monkeypatch):
    came = given.arrival()

    def killed(*_arguments, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr(taking.arriving, "open_asked", killed)
    at = NOON
    for _turn in range(5):
        with pytest.raises(KeyboardInterrupt):
            taking.take_due(at=at)
        at += 2 * taking.LEASE
    monkeypatch.undo()
    assert taking.take_due(at=at) == 0
    came.refresh_from_db()
    assert (came.state, came.code) == (ArrivalState.UNREADABLE, "worker_ended")
    forget_all()
    assert arriving.open_asked(came).email == given.ADA


def test_a_lease_keeps_a_second_worker_off_until_it_ends(ada):
    given.arrival()
    assert taking._claim(NOON) is not None
    assert taking._claim(NOON + taking.LEASE / 2) is None
    assert taking._claim(NOON + taking.LEASE) is not None


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_open_each_request_once(clinic):
    people = [cast.ada(clinic, f"ada{number}@client.example") for number in range(12)]
    for number in range(12):
        given.arrival(f"ada{number}@client.example")
        given.arrival(f"ada{number}@client.example")
    start = threading.Barrier(2)

    def turn():
        try:
            start.wait(timeout=20)
            taking.take_due(at=NOON)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=turn) for _ in range(2)]
    [worker.start() for worker in workers]
    [worker.join(timeout=120) for worker in workers]
    given.work(at=NOON + HOUR)
    assert Arrival.objects.exclude(state=ArrivalState.TAKEN).count() == 0
    assert DataRequest.objects.exclude(state=State.MERGED).count() == len(people)


def test_what_was_opened_elsewhere_is_begun_by_the_sweep(ada):
    asked = Asked(kind=Kind.ACCESS, email=given.ADA)
    request, _is_new = opening.open_request(asked, channel=Channel.PHONE, person=ada, received_at=NOON, by=SYSTEM, at=NOON)
    given.work()
    request.refresh_from_db()
    assert (request.state, len(given.mails(to=given.ADA))) == (State.IDENTIFYING, 1)
    given.work()
    assert len(given.mails()) == 1, "once"
