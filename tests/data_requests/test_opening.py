"""A request begins sealed and with its clocks, or joins the open one of the same person and kind, whose clocks go on unchanged."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from apps.accounts.models import Person
from apps.audit.models import Event, EventDetail
from apps.data_requests import hashing, words
from apps.data_requests.models import DataRequest
from apps.data_requests.services import closing, merging, moving, opening
from apps.data_requests.services.opening import Asked
from apps.data_requests.states import OVER, Channel, Kind, Outcome, State
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import SealBroken, keystore
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked


@pytest.fixture
def ada(house):
    return cast.ada(cast.client())


def test_what_was_asked_lies_sealed_and_stands_nowhere_else(ada):
    given = asked.what(
        phone="+12025550123", agent_name="Agnes", agent_email="agnes@agents.example", document=b"%PDF-1.7 power", state_of_residence="CA",
        correction="Lovelace", about_consent="survey", organization="Hill",
    )  # fmt: skip
    request, is_new = opening.open_request(given, channel=Channel.FORM, person=ada, received_at=NOON, by=SYSTEM, at=NOON)
    assert is_new
    assert words.open_words(DataRequest.objects.get(pk=request.pk)) == given
    row = str(DataRequest.objects.values().get(pk=request.pk)) + str(list(Event.objects.values())) + str(list(EventDetail.objects.values()))
    hidden = (asked.TEXT, "Lovell", asked.ADA, "2025550123", "Agnes", "agnes@agents.example", "Lovelace")
    assert [word for word in hidden if word in row] == []
    assert bytes(request.address_digest) == hashing.of_email(" ADA@client.example ")
    assert "Lovell" not in repr(given)


def test_words_of_one_request_open_with_no_other(ada):
    one, other = asked.request(person=ada), asked.request(Kind.ACCESS, person=ada)
    one.words = other.words
    with pytest.raises(SealBroken):
        words.open_words(one)


def test_the_time_line_begins_with_what_came_and_how(ada):
    request = asked.request(person=ada, received_at=NOON - DAY)
    event = Event.objects.get(verb="request.received")
    assert event.object == request.reference
    assert event.facts == {
        "kind": "deletion", "channel": "form", "asker": "self", "received_at": (NOON - DAY).isoformat(), "person": ada.reference,
        "regimes": ["policy_deletion", "ccpa_acknowledge", "ccpa_answer"],
    }  # fmt: skip


@pytest.mark.parametrize("changed", [{"kind": "everything"}, {"asker": "neighbour"}])
def test_what_is_of_no_kind_is_refused(ada, changed):
    with pytest.raises(opening.KindUnknown):
        opening.open_request(asked.what(**changed), channel=Channel.FORM, person=ada, received_at=NOON, by=SYSTEM, at=NOON)


@pytest.mark.parametrize("kind", Kind.values)
def test_who_was_identified_by_another_part_of_this_system_is_proven(ada, kind):
    request = asked.request(kind, person=ada, channel=Channel.OWN)
    assert (request.state, request.verified_at) == (State.IN_WORK, NOON)


def test_nobody_is_proven_by_a_channel_of_ours_alone(house):
    assert asked.request(channel=Channel.OWN).state == State.RECEIVED


@pytest.mark.parametrize("kind", Kind.values)
def test_the_same_asked_again_joins_and_no_clock_starts_anew(ada, kind):
    first = asked.request(kind, person=ada)
    days = list(first.clocks.order_by("pk").values_list("regime", "due_at"))
    again, is_new = opening.open_request(
        asked.what(kind, email=asked.EVE), channel=Channel.EMAIL, person=ada, received_at=NOON + 5 * DAY, by=SYSTEM, at=NOON + 5 * DAY
    )
    assert (again.pk, is_new) == (first.pk, False)
    assert list(first.clocks.order_by("pk").values_list("regime", "due_at")) == days
    joined = DataRequest.objects.get(merged_into=first)
    assert (joined.state, joined.outcome, joined.channel, joined.clocks.count()) == (State.MERGED, Outcome.MERGED, "email", 0)
    assert joined.person_reference == ada.reference
    assert words.open_words(joined).email == asked.EVE
    assert Event.objects.get(verb="request.joined").facts == {"by": joined.reference, "channel": "email"}


def test_nobody_known_joins_by_the_same_address_and_kind_alone(house):
    first = asked.request()
    assert asked.request().pk == first.pk
    assert asked.request(email=asked.EVE).pk != first.pk
    assert asked.request(Kind.ACCESS).pk != first.pk
    assert asked.request(email="").pk != asked.request(email="").pk


def test_a_request_of_somebody_known_takes_in_nothing_of_an_unknown_one(ada):
    known = asked.request(person=ada)
    assert asked.request().pk != known.pk
    ben = cast.ada(Person.objects.get().organization, email="ben@client.example")
    assert asked.request(person=ben).pk != known.pk


def test_what_is_over_or_being_answered_takes_nothing_in(ada):
    over = asked.brought(asked.request(person=ada), State.DENIED)
    second = asked.request(person=ada)
    assert second.pk != over.pk
    answering = asked.brought(second, State.ANSWERING)
    assert asked.request(person=ada).pk != answering.pk


def test_the_person_takes_the_place_of_an_agent_and_what_comes_proven_proves(ada):
    by_agent = asked.request(Kind.CLOSING, person=ada, asker="agent", agent_name="Agnes", agent_email="agnes@agents.example")
    asked.request(Kind.CLOSING, person=ada, channel=Channel.OWN, at=NOON + DAY)
    by_agent.refresh_from_db()
    assert (by_agent.asker, by_agent.state, by_agent.verified_at) == ("self", State.IN_WORK, NOON + DAY)


def test_an_agent_takes_nobodys_place(ada):
    request = asked.request(person=ada)
    asked.request(person=ada, asker="agent", agent_email="agnes@agents.example")
    request.refresh_from_db()
    assert (request.asker, request.state) == ("self", State.RECEIVED)


def test_the_database_knows_one_open_request_of_a_person_and_kind(ada):
    asked.request(person=ada)
    stranger = asked.request(email=asked.EVE)
    with pytest.raises(IntegrityError), transaction.atomic():
        DataRequest.objects.filter(pk=stranger.pk).update(person_reference=ada.reference)


def test_whose_request_it_is_may_be_found_out_later(ada):
    request = asked.request(Kind.DELETION)
    with transaction.atomic():
        found = merging.known_as(moving.locked(request.pk), person=ada, by=asked.dana(), at=NOON + DAY)
    assert (found.pk, found.person_reference, found.organization) == (request.pk, ada.reference, ada.organization)
    with transaction.atomic():
        assert merging.known_as(moving.locked(request.pk), person=ada, by=asked.dana(), at=NOON + DAY).pk == request.pk
    assert Event.objects.filter(verb="request.known").count() == 1
    ben = cast.ada(ada.organization, email="ben@client.example")
    with pytest.raises(merging.KnownAlready), transaction.atomic():
        merging.known_as(moving.locked(request.pk), person=ben, by=asked.dana(), at=NOON + DAY)


def test_found_out_later_it_joins_the_one_that_is_open_and_brings_its_proof(ada):
    first, later = asked.request(person=ada), asked.request(email=asked.EVE)
    with transaction.atomic():
        row = moving.locked(later.pk)
        row.verified_at = NOON
        goes_on = merging.known_as(row, person=ada, by=SYSTEM, at=NOON + DAY)
    later.refresh_from_db()
    assert goes_on.pk == first.pk
    assert (later.state, later.merged_into_id, later.person_reference) == (State.MERGED, first.pk, ada.reference)
    assert {clock.stopped_by_event for clock in later.clocks.all()} == {"merged"}
    assert DataRequest.objects.get(pk=first.pk).state == State.IN_WORK


def test_what_joined_one_that_joined_goes_on_with_the_last(ada):
    stranger = asked.request(email=asked.EVE)
    third = DataRequest.objects.get(merged_into=asked.request(email=asked.EVE))
    first = asked.request(person=ada)
    with transaction.atomic():
        merging.known_as(moving.locked(stranger.pk), person=ada, by=SYSTEM, at=NOON)
    assert merging.goes_on(DataRequest.objects.get(pk=third.pk)).pk == first.pk
    closing.finish_when_answered(at=NOON + DAY)
    assert DataRequest.objects.filter(words=None).count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_are_one(home):
    cast.house()
    ada = cast.ada(cast.client())
    start, troubles = threading.Barrier(4), []

    def ask(number: int):
        try:
            start.wait()
            asked.request(person=ada if number % 2 else None)
        except Exception as error:  # told below
            troubles.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert troubles == []
    assert DataRequest.objects.exclude(state__in=OVER).count() == 2  # Ada's, and that of her address where nobody is known
    assert DataRequest.objects.filter(state=State.MERGED).count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_request_that_came_to_nothing_leaves_no_secret(home):
    cast.house()
    with pytest.raises(RuntimeError), transaction.atomic():
        _opened_and_broken()
    assert len([name for name in keystore().names("request") if name.startswith("request/REQ-")]) == 1
    kept = asked.request()
    assert closing.destroy_left_secrets(at=NOON) == 1
    assert [name for name in keystore().names("request") if name.startswith("request/REQ-")] == [words.secret_of(kept.reference)]
    assert hashing.SECRET in keystore().names("request")


def _opened_and_broken():
    opening.open_request(Asked(kind=Kind.DELETION, email=asked.ADA), channel=Channel.FORM, person=None, received_at=NOON, by=SYSTEM, at=NOON)
    raise RuntimeError
