"""A withdrawal, a correction and a report of a minor are fulfilled by the floors below; what has no record yet is not answered."""

from datetime import timedelta

import pytest

from apps.accounts.models import MinorCase
from apps.audit.models import Event
from apps.consents.models import ConsentEvent, Standing
from apps.consents.services import asking, giving
from apps.consents.states import How
from apps.data_requests.services import fulfilling, moving
from apps.data_requests.states import Kind, State
from apps.foundation.actors import SYSTEM, Actor
from apps.staff.roles import Role
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked
from tests.data_requests.asked import dana

LATER = NOON + DAY
pytestmark = pytest.mark.usefixtures("house")


@pytest.fixture
def ada():
    return cast.ada(cast.client())


def given(person, purpose="contacts"):
    text = asking.text_in_force(purpose=purpose, at=NOON)
    said = {"text": text.number, "shown": bytes(text.digest), "shown_at": NOON - timedelta(minutes=1)}
    return giving.give(person=person, purpose=purpose, how=How.PREFERENCE_PAGE, by=Actor("person", person.reference), at=NOON, **said)


def in_work(kind, person):
    return asked.brought(asked.request(kind, person=person), State.IN_WORK)


def test_a_proven_withdrawal_ends_the_consent_it_names_and_stays_in_work(ada):
    given(ada)
    request = in_work(Kind.WITHDRAWAL, ada)
    event = fulfilling.withdraw(request=request, purpose="contacts", by=dana(), at=LATER)

    assert not Standing.objects.get(person=ada, purpose="contacts").stands
    assert (event.how, event.where) == (How.STAFF, request.reference)
    assert Event.objects.get(verb="request.consent_withdrawn").facts == {"purpose": "contacts", "consent": event.reference}
    request.refresh_from_db()
    assert request.state == State.IN_WORK


def test_where_nothing_stands_nothing_is_withdrawn_and_it_says_so(ada):
    with pytest.raises(fulfilling.NothingStands):
        fulfilling.withdraw(request=in_work(Kind.WITHDRAWAL, ada), purpose="contacts", by=dana(), at=LATER)


def test_before_it_is_proven_nothing_falls(ada):
    given(ada)
    request = asked.request(Kind.WITHDRAWAL, person=ada)
    with pytest.raises(fulfilling.AnotherKind):
        fulfilling.withdraw(request=request, purpose="contacts", by=dana(), at=LATER)
    assert Standing.objects.get(person=ada, purpose="contacts").stands
    assert ConsentEvent.objects.filter(act="withdrawn").count() == 0


@pytest.mark.parametrize("verb", [lambda **more: fulfilling.withdraw(purpose="contacts", **more), fulfilling.begin_correction], ids=["withdraw", "correct"])
def test_a_request_of_another_kind_is_refused(ada, verb):
    with pytest.raises(fulfilling.AnotherKind):
        verb(request=in_work(Kind.ACCESS, ada), by=dana(), at=LATER)


@pytest.mark.parametrize("verb", [lambda **more: fulfilling.withdraw(purpose="contacts", **more), fulfilling.begin_correction], ids=["withdraw", "correct"])
def test_who_may_not_is_refused(ada, verb):
    request = in_work(Kind.WITHDRAWAL, ada)
    with pytest.raises(NotPermitted):
        verb(request=request, by=cast.staff("aud", Role.AUDITOR), at=LATER)


def test_a_correction_leads_to_the_page_of_the_person(ada):
    request = in_work(Kind.CORRECTION, ada)
    assert fulfilling.begin_correction(request=request, by=dana(), at=LATER) == ada
    assert Event.objects.get(verb="request.correction_begun").object == request.reference


def test_a_reported_minor_whom_staff_find_is_suspended_at_once_and_the_request_is_about_them(ada):
    request = asked.request(Kind.MINOR, email="teacher@school.example")
    case = fulfilling.open_case(request=request, person_reference=f" {ada.reference.lower()} ", by=dana(), at=LATER)
    ada.refresh_from_db()
    request.refresh_from_db()
    assert (ada.standing, case, request.person_reference) == ("suspended", MinorCase.objects.get(), ada.reference)
    assert Event.objects.get(verb="request.about_a_minor").facts == {"case": case.reference, "person": ada.reference}


def test_a_report_about_nobody_suspends_nobody(ada):
    with pytest.raises(fulfilling.PersonUnknown):
        fulfilling.open_case(request=asked.request(Kind.MINOR), person_reference="PER-0000000", by=dana(), at=LATER)
    ada.refresh_from_db()
    assert (ada.standing, MinorCase.objects.count()) == ("active", 0)


@pytest.mark.parametrize("kind", sorted(fulfilling.FROM_THE_REGISTER))
def test_what_comes_from_the_register_is_taken_in_and_clocked_and_not_answered(ada, kind):
    request = in_work(kind, ada)
    assert request.clocks.filter(stopped_at=None).exists()
    assert request.due_at is not None
    with pytest.raises(fulfilling.ComesWithTheRegister) as refused:
        fulfilling.require_answerable(request)
    assert "register of disclosures" in refused.value.what


@pytest.mark.parametrize("kind", sorted(set(Kind) - fulfilling.FROM_THE_REGISTER))
def test_every_other_kind_may_be_answered(kind):
    fulfilling.require_answerable(asked.request(kind))


def test_a_request_without_a_person_fulfils_nothing():
    request = asked.request(Kind.WITHDRAWAL)
    row = moving.locked(request.reference)
    row.verified_at = NOON
    moving.move(row, State.IDENTIFYING, by=SYSTEM, at=NOON)
    moving.move(row, State.IN_WORK, by=SYSTEM, at=NOON)
    with pytest.raises(fulfilling.NobodyNamed):
        fulfilling.withdraw(request=row, purpose="contacts", by=dana(), at=LATER)
