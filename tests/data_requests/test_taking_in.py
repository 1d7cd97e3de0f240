"""What comes by phone or post is typed in by staff: with the day it came, and with the same proof as any other; and what is put right later."""

from datetime import date, timedelta

import pytest

from apps.audit.models import Event
from apps.data_requests import words
from apps.data_requests.models import DataRequest, RequestLink
from apps.data_requests.services import correcting, proving, taking_in
from apps.data_requests.states import Channel, Kind, State
from apps.mail.models import OutgoingMail
from apps.staff.roles import Role
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked

TODAY = NOON.date()


@pytest.fixture
def ada(house):
    return cast.ada(cast.client())


def take_in(kind=Kind.ACCESS, *, on: date = TODAY, channel=Channel.PHONE, person: str = "", by=None, **more):
    what = asked.what(kind, **more)
    return taking_in.take_in(asked=what, channel=channel, received_on=on, person_reference=person, by=by or asked.dana(), at=NOON)


def test_a_call_becomes_a_request_and_a_link_goes_to_the_contact_on_file(ada):
    request, is_new = take_in()
    assert (is_new, request.state, request.channel, request.person, request.received_at) == (True, State.IDENTIFYING, "phone", ada, NOON)
    assert words.open_words(request).text == asked.TEXT
    assert [mail.to_address for mail in OutgoingMail.objects.all()] == [asked.ADA]
    assert Event.objects.get(verb="request.received").actor == str(asked.dana().actor)


def test_the_day_it_came_counts_and_not_the_day_it_was_typed(ada):
    request, _is_new = take_in(Kind.DELETION, channel=Channel.POST, on=TODAY - timedelta(days=3))
    came = NOON.replace(hour=0) - 3 * DAY
    assert request.received_at == came
    assert request.clocks.get(regime="policy_deletion").due_at == came + 60 * DAY


def test_whom_staff_name_is_who_it_is_about_and_knowing_them_proves_nothing(ada):
    request, _is_new = take_in(person=ada.reference.lower(), email=asked.EVE, phone="")
    assert (request.person, request.verified_at) == (ada, None)
    assert {mail.to_address for mail in OutgoingMail.objects.all()} == {asked.ADA}


def test_it_joins_what_the_same_person_asked_before(ada):
    first = asked.request(Kind.ACCESS, person=ada)
    request, is_new = take_in()
    assert (request.pk, is_new) == (first.pk, False)


def test_nobody_known_waits_and_gets_no_mail(house):
    request, _is_new = take_in(email=asked.EVE)
    assert (request.person, request.state, OutgoingMail.objects.count()) == (None, State.IDENTIFYING, 0)


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"channel": Channel.EMAIL}, taking_in.ChannelNotStaffs),
        ({"on": TODAY + timedelta(days=1)}, taking_in.DayNotUsable),
        ({"on": TODAY - timedelta(days=61)}, taking_in.DayNotUsable),
        ({"text": " "}, taking_in.NothingAsked),
        ({"text": "x" * 10_001}, taking_in.NothingAsked),
        ({"name": "", "email": ""}, taking_in.NothingAsked),
        ({"person": "PER-0000000"}, correcting.NoSuchPerson),
    ],
)
def test_what_can_not_be_taken_in_is_refused_with_its_mend(ada, given, refusal):
    with pytest.raises(refusal):
        take_in(**given)
    assert DataRequest.objects.count() == 0


def test_an_address_of_several_people_needs_a_reference(ada):
    cast.ada(cast.client("Other Clinic"))
    with pytest.raises(taking_in.SeveralPeople):
        take_in()
    assert take_in(organization="Other Clinic")[0].organization.name == "Other Clinic"


def test_who_may_not_take_in_is_refused(ada):
    with pytest.raises(NotPermitted):
        take_in(by=cast.staff("eve", Role.AUDITOR))


def test_a_kind_is_corrected_with_its_clocks_from_the_day_it_came(ada):
    request = asked.request(Kind.COMPLAINT, person=ada)
    assert request.state == State.IN_WORK
    row = correcting.correct_kind(request=request, kind=Kind.DELETION, by=asked.dana(), at=NOON + 5 * DAY)
    assert (row.kind, row.state) == (Kind.DELETION, State.IDENTIFYING)
    assert [mail.to_address for mail in OutgoingMail.objects.all()] == [asked.ADA]
    running = {clock.regime: clock.due_at for clock in row.clocks.running()}
    assert running["policy_deletion"] == NOON + 60 * DAY
    assert set(running) == {"policy_deletion", "ccpa_acknowledge", "ccpa_answer"}
    assert Event.objects.get(verb="request.kind_corrected").facts["from"] == "complaint"


def test_a_clock_that_a_correction_stopped_goes_on_when_it_is_put_back(ada):
    request = asked.request(Kind.DELETION, person=ada)
    row = correcting.correct_kind(request=request, kind=Kind.COMPLAINT, by=asked.dana(), at=NOON + DAY)
    assert row.state == State.IN_WORK
    assert {clock.regime for clock in row.clocks.running()} == {"ccpa_answer"}
    row = correcting.correct_kind(request=row, kind=Kind.DELETION, by=asked.dana(), at=NOON + 2 * DAY)
    row.refresh_from_db()
    assert {clock.regime: clock.due_at for clock in row.clocks.running()}["policy_deletion"] == NOON + 60 * DAY
    assert row.due_at == row.clocks.get(regime="ccpa_acknowledge").due_at


def test_what_was_proven_stays_proven_when_its_kind_is_corrected(ada):
    request = asked.brought(asked.request(Kind.ACCESS, person=ada), State.IN_WORK)
    assert correcting.correct_kind(request=request, kind=Kind.CATEGORIES, by=asked.dana(), at=NOON).state == State.IN_WORK


def test_what_is_no_correction_is_refused(ada):
    request = asked.request(Kind.ACCESS, person=ada)
    asked.request(Kind.DELETION, person=ada)
    with pytest.raises(correcting.SameKind):
        correcting.correct_kind(request=request, kind=Kind.ACCESS, by=asked.dana(), at=NOON)
    with pytest.raises(correcting.OtherIsOpen):
        correcting.correct_kind(request=request, kind=Kind.DELETION, by=asked.dana(), at=NOON)
    with pytest.raises(NotPermitted):
        correcting.correct_kind(request=request, kind=Kind.COMPLAINT, by=cast.bo(), at=NOON)
    waiting = asked.brought(request, State.AWAITING_APPROVAL)
    with pytest.raises(correcting.TooLate):
        correcting.correct_kind(request=waiting, kind=Kind.COMPLAINT, by=asked.dana(), at=NOON)
    with pytest.raises(correcting.TooLate):
        correcting.match(request=waiting, person_reference=ada.reference, by=asked.dana(), at=NOON)


def test_staff_say_whose_it_is_and_the_link_goes_to_the_contact_on_file_alone(ada):
    request, _is_new = take_in(email=asked.EVE)
    with pytest.raises(correcting.NoSuchPerson):
        correcting.match(request=request, person_reference="PER-0000000", by=asked.dana(), at=NOON)
    found = correcting.match(request=request, person_reference=ada.reference, by=asked.dana(), at=NOON)
    assert (found.pk, found.person, found.state, found.verified_at) == (request.pk, ada, State.IDENTIFYING, None)
    assert {mail.to_address for mail in OutgoingMail.objects.all()} == {asked.ADA}
    assert RequestLink.objects.filter(request=found).count() == 1
    proving.by_staff(request=found, way="called_back", by=asked.dana(), at=NOON)
    assert DataRequest.objects.get(pk=found.pk).state == State.IN_WORK
