"""A cancelled registration, and a minor whom nobody represents, become requests that erase: once each, from the day on which it was said."""

from datetime import date, timedelta

import pytest

from apps.accounts.models import MinorCase
from apps.accounts.services import closing, minors
from apps.audit.models import Event
from apps.data_requests.models import DataRequest
from apps.data_requests.services import from_below, moving
from apps.data_requests.states import Channel, DenialReason, Kind, Regime, State
from apps.data_requests.words import open_words
from apps.foundation.actors import SYSTEM
from config.wakeups import WAKEUPS
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked

LATER = NOON + 2 * DAY
pytestmark = pytest.mark.usefixtures("house")


def closed(person, at=NOON):
    return closing.close_person(person=person, how="person", by=SYSTEM, at=at)


def to_remove():
    person = cast.ada(cast.client())
    case = minors.report(person=person, how="report", by=SYSTEM, at=NOON)
    minors.ask_removal(case=case, by=cast.cleo(), at=NOON + DAY)
    return person


def test_a_cancelled_registration_becomes_a_proven_request_whose_clock_counts_from_that_day():
    person = closed(cast.ada(cast.client()))
    assert from_below.take_due(at=LATER) == 1

    request = DataRequest.objects.get()
    assert (request.kind, request.channel, request.state) == (Kind.CLOSING, Channel.OWN, State.IN_WORK)
    assert (request.person, request.person_reference, request.received_at, request.verified_at) == (person, person.reference, NOON, LATER)
    assert request.clocks.get(regime=Regime.POLICY_DELETION).due_at.date() == (NOON + timedelta(days=60)).date()
    assert open_words(request).text == "The registration was cancelled."


def test_a_minor_whose_removal_was_asked_for_becomes_a_request_that_names_the_case():
    person = to_remove()
    assert from_below.take_due(at=LATER) == 1

    request = DataRequest.objects.get()
    assert (request.kind, request.channel, request.state, request.person) == (Kind.MINOR, Channel.OWN, State.IN_WORK, person)
    assert request.received_at == NOON + DAY
    assert open_words(request).text.startswith(MinorCase.objects.get().reference)
    assert Event.objects.filter(verb="request.received", object=request.reference).count() == 1


@pytest.mark.parametrize("begin", [lambda: closed(cast.ada(cast.client())), to_remove], ids=["closing", "minor"])
def test_each_row_begins_one_request_however_often_it_is_looked_at(begin):
    begin()
    assert [from_below.take_due(at=LATER + number * DAY) for number in range(3)] == [1, 0, 0]
    assert DataRequest.objects.count() == 1


def test_who_is_active_begins_nothing():
    cast.ada(cast.client())
    assert from_below.take_due(at=LATER) == 0


def test_while_another_request_erases_the_person_that_one_does_it_and_where_it_is_denied_this_begins():
    person = cast.ada(cast.client())
    deletion = asked.request(person=person)
    closed(person, at=NOON + DAY)
    assert from_below.take_due(at=LATER) == 0

    row = moving.locked(deletion.reference)
    row.denial_reason, row.denial_basis = DenialReason.UNVERIFIED, "11 CCR 7021(b)"
    moving.move(row, State.DENIED, by=SYSTEM, at=LATER)
    assert from_below.take_due(at=LATER) == 1
    assert DataRequest.objects.get(kind=Kind.CLOSING).received_at == NOON + DAY


def test_a_case_that_was_closed_meanwhile_removes_nobody():
    person = to_remove()
    minors.find_mistaken(case=MinorCase.objects.get(), by=cast.cleo(), at=LATER)
    person.refresh_from_db()
    assert (from_below.take_due(at=LATER), person.standing) == (0, "active")


def test_a_closed_request_that_was_denied_is_not_begun_again():
    closed(cast.ada(cast.client()))
    from_below.take_due(at=LATER)
    row = moving.locked(DataRequest.objects.get().reference)
    row.denial_reason, row.denial_basis = DenialReason.LAW, "a contract in force"
    moving.move(row, State.DENIED, by=SYSTEM, at=LATER)
    assert from_below.take_due(at=LATER + DAY) == 0


def test_what_is_rung_below_wakes_this():
    assert {WAKEUPS["people.closed"], WAKEUPS["minors.removal"]} == {"data_requests.take_from_below"}


def test_the_moment_of_the_case_stays_what_it_was():
    to_remove()
    from_below.take_due(at=LATER)
    case = MinorCase.objects.get()
    assert (case.state, case.opened_at.date(), case.removal_asked_at) == ("open", date(2026, 3, 8), NOON + DAY)
