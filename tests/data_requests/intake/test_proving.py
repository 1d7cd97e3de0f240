"""Only a click on a link that went to a contact on file proves a request; a fresh contact proves it after a wait of which everybody hears."""

import re
import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.test import Client

from apps.accounts.services import amending
from apps.audit.models import Event
from apps.consents.doors import digest_of, new_token
from apps.data_requests.models import DataRequest, RequestLink
from apps.data_requests.services import agents, calling_back, contacts, cooling, links, moving, proving
from apps.data_requests.services.links import LinkOver
from apps.data_requests.states import Asker, DenialReason, Kind, LinkPurpose, State
from apps.foundation.actors import SYSTEM
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests.asked import dana
from tests.data_requests.intake import given, mailed

HOUR = timedelta(hours=1)
PDF = b"%PDF-1.7\nI give Anna power of attorney.\n%%EOF\n"


def after(request):
    request.refresh_from_db()
    return request.state


def agent(**more):
    return given.taken(asker=Asker.AGENT, agent_name="Anna Agent", agent_email=given.EVE, writer=given.EVE, **more)


def test_a_click_proves_it_and_the_request_goes_to_work(ada):
    request = given.taken()
    proving.prove(given.token(), at=NOON + HOUR)
    assert (after(request), request.verified_at) == (State.IN_WORK, NOON + HOUR)
    event = Event.objects.get(verb="request.in_work", object=request.reference)
    assert (event.actor, event.facts["by"]) == (f"person:{ada.reference}", "link")


def test_a_link_opens_once_for_a_day_and_for_its_purpose_alone(ada):
    request = given.taken()
    token = given.token()
    for wrong in (LinkPurpose.CALL_BACK, LinkPurpose.CONFIRM_AGENT, LinkPurpose.DELIVERY):
        assert links.find(token, purpose=wrong, at=NOON) is None
    assert links.find(token, purpose=LinkPurpose.PROVE, at=NOON + DAY) is None
    assert links.find(token, purpose=LinkPurpose.PROVE, at=NOON - HOUR) is None
    with pytest.raises(LinkOver):
        proving.prove(token, at=NOON + DAY)
    proving.prove(token, at=NOON + DAY - timedelta(seconds=1))
    with pytest.raises(LinkOver):
        proving.prove(token, at=NOON + DAY - timedelta(seconds=1))
    assert after(request) == State.IN_WORK


def test_of_a_token_only_a_digest_bound_to_its_purpose_is_stored(ada):
    given.taken()
    token, link = given.token(), RequestLink.objects.get()
    assert bytes(link.token_hash) == digest_of(token, door="request/prove")
    assert bytes(link.token_hash) != digest_of(token, door="request/call_back")
    assert [event for event in Event.objects.all() if token in str(event.facts)] == []


@pytest.mark.parametrize("token", ["", "x" * 43, "short", "é" * 43, "A" * 44, "../" * 14 + "a"])
def test_what_was_never_a_token_opens_nothing(ada, token):
    given.taken()
    with pytest.raises(LinkOver):
        proving.prove(token, at=NOON)


def test_a_get_spends_nothing_however_often_mail_is_scanned(ada, visitor):
    request = given.taken()
    page = f"/requests/prove/{given.token()}/"
    bodies = {visitor.get(page).content for _turn in range(5)}
    assert visitor.head(page).status_code == 200
    assert len(bodies) == 1
    assert after(request) == State.IDENTIFYING
    answer = visitor.post(page)
    assert (answer.status_code, after(request)) == (200, State.IN_WORK)
    assert request.reference in answer.content.decode()


def test_the_pages_of_a_link_are_kept_by_nobody_and_show_nothing_of_the_person(ada, visitor):
    given.taken()
    page = f"/requests/prove/{given.token()}/"
    for answer in (visitor.get(page), visitor.post(page), visitor.post(page)):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.cookies == {}
        assert [word for word in (given.ADA, "Ada", "Lovell", ada.reference, "Hill Clinic", given.TEXT) if word in answer.content.decode()] == []


def test_a_link_that_is_over_and_one_that_never_was_get_the_same_answer(ada, visitor):
    given.taken()
    token = given.token()
    visitor.post(f"/requests/prove/{token}/")
    pages = [visitor.get(f"/requests/prove/{one}/") for one in (token, new_token())]
    assert {page.status_code for page in pages} == {410}
    assert pages[0].content == pages[1].content


@pytest.mark.django_db(transaction=True)
def test_ten_clicks_at_the_same_moment_spend_it_once(ada):
    given.taken()
    token, start, ends = given.token(), threading.Barrier(10), []

    def click():
        try:
            start.wait(timeout=20)
            ends.append(Client().post(f"/requests/prove/{token}/").status_code)
        finally:
            connections.close_all()

    links_at_noon = RequestLink.objects.get()
    RequestLink.objects.filter(pk=links_at_noon.pk).update(expires_at=NOON + 4000 * DAY)
    clicking = [threading.Thread(target=click) for _ in range(10)]
    [thread.start() for thread in clicking]
    [thread.join(timeout=60) for thread in clicking]
    assert sorted(ends) == [200] + [410] * 9
    assert Event.objects.filter(verb="request.in_work").count() == 1


def test_links_go_to_every_contact_on_file_and_one_that_is_spent_voids_the_others(ada, add_address):
    add_address(ada, given.OLD, before=100 * DAY)
    request = given.taken()
    assert {mail.to_address for mail in given.mails()} == {given.ADA, given.OLD}
    proving.prove(given.token(given.OLD), at=NOON)
    assert after(request) == State.IN_WORK
    with pytest.raises(LinkOver):
        proving.prove(given.token(given.ADA), at=NOON)


def test_a_contact_that_was_taken_off_meanwhile_proves_nothing(ada, add_address):
    add_address(ada, given.OLD, before=100 * DAY)
    request = given.taken()
    amending.remove(row=ada.emails.get(address=given.OLD), by=SYSTEM, at=NOON)
    with pytest.raises(proving.ContactGone):
        proving.prove(given.token(given.OLD), at=NOON + HOUR)
    assert after(request) == State.IDENTIFYING
    proving.prove(given.token(given.ADA), at=NOON + HOUR)
    assert after(request) == State.IN_WORK


def test_the_contact_that_came_with_the_registration_is_not_fresh_however_new_the_registration_is(clinic):
    person = cast.ada(clinic)
    assert [contact.is_fresh for contact in contacts.on_file(person, at=person.registered_at + DAY)] == [False]


def test_a_fresh_contact_proves_it_after_a_wait_of_which_all_contacts_hear(newcomer):
    request = given.taken()
    proving.prove(given.token(given.OLD), at=NOON)
    assert (after(request), request.cools_until) == (State.COOLING_OFF, NOON + 7 * DAY)
    told = [mail.to_address for mail in given.mails() if mail.template == "data_requests/cooling"]
    assert sorted(told) == [given.OLD, given.ADA]
    assert cooling.end_due(at=NOON + 7 * DAY - HOUR) == 0
    assert cooling.end_due(at=NOON + 7 * DAY) == 1
    assert after(request) == State.IN_WORK
    assert cooling.end_due(at=NOON + 8 * DAY) == 0


def test_an_older_contact_ends_the_wait_at_once(newcomer):
    request = given.taken()
    proving.prove(given.token(given.OLD), at=NOON)
    proving.prove(given.token(given.ADA), at=NOON + HOUR)
    assert (after(request), request.cools_until) == (State.IN_WORK, None)


def test_a_contact_that_was_exchanged_lately_is_told_at_its_old_address_too(ada, add_address):
    add_address(ada, given.OLD, before=3 * DAY)
    amending.remove(row=ada.emails.get(address=given.ADA), by=SYSTEM, at=NOON - 2 * DAY)
    request = given.taken(given.OLD)
    assert {mail.to_address for mail in given.mails()} == {given.OLD}
    proving.prove(given.token(given.OLD), at=NOON)
    assert after(request) == State.COOLING_OFF
    calling_back.call_back(given.token(given.ADA, page="call-back"), at=NOON + HOUR)
    assert after(request) == State.CALLED_BACK


def test_who_is_told_can_call_it_back_during_the_wait_and_everybody_hears_that(newcomer, visitor):
    request = given.taken()
    proving.prove(given.token(given.OLD), at=NOON)
    page = f"/requests/call-back/{given.token(given.ADA, page='call-back')}/"
    assert "It has not begun" in visitor.get(page).content.decode()
    assert after(request) == State.COOLING_OFF
    assert visitor.post(page).status_code == 200
    assert (after(request), request.outcome) == (State.CALLED_BACK, "called_back")
    assert sorted(mail.to_address for mail in given.mails() if mail.template == "data_requests/called_back") == [given.OLD, given.ADA]
    assert visitor.post(page).status_code == 410
    with pytest.raises(LinkOver):
        proving.prove(given.token(given.ADA), at=NOON)


def test_an_erasure_that_was_announced_can_be_called_back_until_it_begins_and_not_after(ada):
    request = mailed.announced()
    at = NOON + HOUR
    request.refresh_from_db()
    assert request.call_back_until == at + 3 * DAY
    token = given.token(page="call-back")
    moving.move(moving.locked(request.pk), State.RUNNING, by=SYSTEM, at=at + 2 * DAY)
    with pytest.raises(calling_back.BeganAlready):
        calling_back.call_back(token, at=at + 2 * DAY)
    assert after(request) == State.RUNNING


@pytest.mark.parametrize(
    ("days_before_its_day", "offered"), [(20, 3 * DAY), (3, 2 * DAY), (1, HOUR), (0.02, 0.02 * DAY), (-1, HOUR)]
)
def test_calling_back_ends_a_day_before_the_law_s_day_and_is_always_offered(ada, days_before_its_day, offered):
    request = given.taken()
    proving.prove(given.token(), at=NOON)
    at = NOON + 20 * DAY
    DataRequest.objects.filter(pk=request.pk).update(due_at=at + days_before_its_day * DAY)
    assert mailed.announce_at(request, at).call_back_until == at + offered
    assert len([mail for mail in given.mails(to=given.ADA) if mail.template == "data_requests/announced"]) == 1


def test_an_agent_gets_a_receipt_and_the_person_is_asked(ada, visitor):
    request = agent(kind=Kind.ACCESS)
    assert [mail.template for mail in given.mails(to=given.EVE)] == ["data_requests/receipt"]
    assert [mail.template for mail in given.mails(to=given.ADA)] == ["data_requests/confirm_agent"]
    page = f"/requests/confirm/{given.token(page='confirm')}/"
    assert "Anna Agent" in visitor.get(page).content.decode()
    assert visitor.post(page, {"answer": "yes"}).status_code == 200
    assert (after(request), request.asker) == (State.IN_WORK, Asker.AGENT)
    assert Event.objects.filter(verb="request.agent_confirmed", object=request.reference).count() == 1


def test_a_person_who_says_no_ends_it_denied_and_nothing_goes_to_the_agent(ada, visitor):
    request = agent(kind=Kind.ACCESS)
    assert visitor.post(f"/requests/confirm/{given.token(page='confirm')}/", {"answer": "no"}).status_code == 200
    assert (after(request), request.denial_reason) == (State.DENIED, DenialReason.AGENT_UNPROVEN)
    assert [mail.template for mail in given.mails(to=given.EVE)] == ["data_requests/receipt"]


def test_what_an_agent_calls_themself_breaks_out_of_nothing(ada, visitor):
    given.taken(asker=Asker.AGENT, agent_name="<script>alert(1)</script>", agent_email=given.EVE, writer=given.EVE)
    assert re.search(r"<script", visitor.get(f"/requests/confirm/{given.token(page='confirm')}/").content.decode()) is None


def test_a_power_of_attorney_counts_once_staff_took_it_and_said_so(ada):
    request = given.taken(asker=Asker.ATTORNEY, agent_name="Anna", agent_email=given.EVE, writer=given.EVE, document=PDF)
    assert given.mails(to=given.ADA) == []
    with pytest.raises(agents.DocumentNotTaken):
        agents.accept_power(request=request, by=dana(), at=NOON)
    assert agents.take_document(request=request, by=dana(), at=NOON) == (PDF, "application/pdf")
    agents.accept_power(request=request, by=dana(), at=NOON)
    assert after(request) == State.IN_WORK
    assert Event.objects.get(verb="request.in_work", object=request.reference).facts["way"] == "power"


def test_staff_prove_it_in_a_way_from_the_list_and_only_for_somebody_known(ada):
    request, unknown = given.taken(), given.taken(given.EVE)
    with pytest.raises(proving.WayMissing):
        proving.by_staff(request=request, way="a good feeling", by=dana(), at=NOON)
    with pytest.raises(proving.NobodyMatched):
        proving.by_staff(request=unknown, way=proving.Way.LETTER, by=dana(), at=NOON)
    proving.by_staff(request=request, way=proving.Way.LETTER, by=dana(), at=NOON)
    assert after(request) == State.IN_WORK
    with pytest.raises(proving.NotWaiting):
        proving.by_staff(request=request, way=proving.Way.LETTER, by=dana(), at=NOON)


def test_links_say_nothing_any_more_once_their_request_is_over_or_they_ended_unspent(ada):
    request = given.taken()
    assert links.forget_old(at=NOON + 2 * DAY) == 0
    proving.send_again(request=request, by=dana(), at=NOON + 2 * DAY)
    assert links.forget_old(at=NOON + 4 * DAY) == 1
    proving.prove(given.token(), at=NOON + 2 * DAY)
    assert links.forget_old(at=NOON + 40 * DAY) == 0, "by it the contact is known to which the answer goes"
    moving.move(moving.locked(request.pk), State.CALLED_BACK, by=SYSTEM, at=NOON + 40 * DAY)
    assert links.forget_old(at=NOON + 41 * DAY) == 1
