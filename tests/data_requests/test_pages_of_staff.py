"""The pages beside the list of requests: a person by section, the inbox, the report and its file; each for who may, none with a value unmasked."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Person
from apps.audit.models import Event
from apps.data_requests.models import DataRequest
from apps.data_requests.services import approving, owners, reporting
from apps.data_requests.states import Kind, State
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests import cast
from tests.cast import NOON
from tests.data_requests import asked, carried
from tests.data_requests.asked import dana

pytestmark = pytest.mark.usefixtures("house")


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOON, tick=False)


def browser(member):
    signed_in = Client()
    signed_in.force_login(member)
    return signed_in


def url(page, *args):
    return reverse(f"admin:data_requests_{page}", args=args)


def auditor():
    return StaffMember.objects.filter(username="aud").first() or cast.staff("aud", Role.AUDITOR)


def test_an_address_leads_to_the_page_and_stands_in_no_address():
    ada = cast.ada(cast.client())
    answer = browser(dana()).post(url("datarequest_find_person"), {"term": "ada@client.example", "once": "one"})
    assert (answer.status_code, answer["Location"]) == (302, url("person", ada.reference))
    page = browser(dana()).get(answer["Location"])
    assert "no-store" in page["Cache-Control"]
    assert "A••• L•••" in page.text
    assert "a•••@c•••.example" in page.text
    assert not any(raw in page.text for raw in ("Lovell", "ada@client"))
    assert reverse("admin:accounts_person_see", args=[ada.pk]) in page.text


def test_what_finds_nobody_says_so_and_two_people_are_both_named():
    looking = browser(dana())
    nobody = looking.post(url("datarequest_find_person"), {"term": "Ada", "once": "one"})
    assert (nobody.status_code, "finds nobody here" in nobody.text) == (409, True)
    people = [cast.ada(cast.client()), cast.ada(cast.client("Mercy General"))]
    both = looking.post(url("datarequest_find_person"), {"term": "ada@client.example", "once": "two"})
    assert all(url("person", person.reference) in both.text for person in people)
    assert "ada@client" not in both.text


@pytest.mark.parametrize("page", ["person", "datarequest_find_person"])
def test_the_page_of_a_person_is_for_who_may_see_it(page):
    ada = cast.ada(cast.client())
    place = url(page, *([ada.reference] if page == "person" else []))
    assert browser(auditor()).get(place).status_code == 403
    assert browser(dana()).get(place).status_code == 200


def test_a_reference_of_nobody_is_no_page():
    assert browser(dana()).get(url("person", "PER-0000000")).status_code == 404


def test_the_page_costs_the_same_with_one_request_and_with_many(django_assert_max_num_queries):
    ada, looking = cast.ada(cast.client()), browser(dana())
    asked.request(person=ada)
    with django_assert_max_num_queries(400) as first:
        looking.get(url("person", ada.reference))
    for kind in (Kind.ACCESS, Kind.CORRECTION, Kind.COMPLAINT):
        asked.request(kind, person=ada)
    with django_assert_max_num_queries(len(first)):
        looking.get(url("person", ada.reference))


def test_the_inbox_links_to_what_it_names():
    request = asked.request()
    owners.take(request=request, by=dana(), at=NOON)
    page = browser(dana()).get(url("inbox")).text
    assert url("datarequest_change", request.pk) in page
    assert "Nothing waits for your decision." in page
    assert browser(cast.staff("rita", Role.ADMINISTRATOR)).get(url("inbox")).status_code == 403


def test_a_request_leads_to_the_page_of_its_person_for_who_may_see_it():
    ada = cast.ada(cast.client())
    place = url("datarequest_change", asked.request(person=ada).pk)
    assert url("person", ada.reference) in browser(dana()).get(place).text
    assert url("person", ada.reference) not in browser(auditor()).get(place).text
    assert "All that is known" not in browser(dana()).get(url("datarequest_change", asked.request(Kind.ACCESS, email="b@x.example").pk)).text


def test_the_list_leads_to_all_of_them_for_who_may():
    page = browser(dana()).get(url("datarequest_changelist")).text
    assert all(url(name) in page for name in ("inbox", "report", "datarequest_find_person"))
    assert url("datarequest_find_person") not in browser(auditor()).get(url("datarequest_changelist")).text


def test_the_report_and_its_file_say_the_same_and_the_file_is_recorded():
    asked.brought(asked.request(), State.DENIED)
    page = browser(auditor()).get(url("report")).text
    assert "Requests to delete" in page
    assert "Who asked could not be verified" in page
    answer = browser(auditor()).get(url("report_file", 2026))
    lines = list(csv.reader(io.StringIO(answer.content.decode())))
    assert (answer.status_code, answer["Content-Disposition"]) == (200, 'attachment; filename="data-requests-2026.csv"')
    assert tuple(lines[0]) == reporting.HEADINGS
    assert lines[1][:6] == ["Requests to delete", "1", "0", "0", "1", "0"]
    assert Event.objects.get(verb="export.made").facts["filter"] == "2026"


@pytest.mark.parametrize("year", ["abc", "1", "99999", "2026; DROP"])
def test_a_year_that_is_none_shows_the_newest(year):
    asked.request()
    assert "Data requests of 2026" in browser(dana()).get(url("report"), {"year": year}).text


def test_a_withdrawal_a_correction_and_a_report_have_their_acts():
    ada, analyst = cast.ada(cast.client()), browser(dana())
    correction = asked.brought(asked.request(Kind.CORRECTION, person=ada), State.IN_WORK)
    answer = analyst.post(url("datarequest_correct", correction.pk), {"once": "one"})
    assert answer["Location"] == reverse("admin:accounts_person_change", args=[ada.pk])
    report = asked.request(Kind.MINOR, email="teacher@school.example")
    told = analyst.post(url("datarequest_minor", report.pk), {"person": ada.reference, "once": "two"}, follow=True)
    assert "is open, and" in told.text
    assert Person.objects.get().standing == "suspended"
    withdrawal = asked.brought(asked.request(Kind.WITHDRAWAL, person=ada), State.IN_WORK)
    refused = analyst.post(url("datarequest_withdraw", withdrawal.pk), {"purpose": "contacts", "once": "three"})
    assert refused.status_code == 200  # nothing stands, so there is nothing to choose


@pytest.mark.parametrize("kind", [Kind.MARKETING_DISCLOSURES, Kind.ACCOUNTING])
def test_what_waits_for_the_register_says_so_and_no_letter_answers_it(kind):
    request = asked.brought(asked.request(kind, person=cast.ada(cast.client())), State.IN_WORK)
    analyst = browser(dana())
    refused = analyst.post(url("datarequest_letter", request.pk), {"code": "answer", "text": "Nothing left.", "once": "one"})
    assert (refused.status_code, "register of disclosures" in refused.text) == (409, True)
    assert DataRequest.objects.get().state == State.IN_WORK


def test_the_first_page_says_what_waits(time_machine):
    asked.request()
    mine = asked.request(Kind.ACCESS)
    owners.take(request=mine, by=dana(), at=NOON)
    page = browser(dana()).get(reverse("admin:index")).text
    assert "Work on data requests" in page
    assert url("inbox") in page
    assert "Data requests past their day" not in page
    time_machine.move_to(NOON + timedelta(days=200), tick=False)
    assert "Data requests past their day" in browser(dana()).get(reverse("admin:index")).text


def test_who_approves_finds_the_request_on_the_first_page():
    request = carried.planned(cast.ada(cast.client())).request
    approving.ask(request, by=dana(), at=NOON)
    page = browser(cast.cleo()).get(reverse("admin:index")).text
    assert url("datarequest_change", request.pk) in page
