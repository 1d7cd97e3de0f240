"""What staff see of what left: the account of one person with its series and files, and the pages on which an exception is asked for."""

import csv
import io
import json
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from apps.audit.models import Event
from apps.foundation.actors import SYSTEM
from apps.gate.models import CountryException, Disclosure
from apps.gate.services import accounts
from apps.gate.services.deciding import About, decide
from apps.staff.roles import PERMISSIONS, Role
from tests import cast
from tests.cast import DAY, NOON
from tests.gate import given

pytestmark = pytest.mark.django_db
PAGES = ("gate_disclosure_person", "gate_disclosure_person_json", "gate_disclosure_person_csv")


@pytest.fixture(autouse=True)
def later():
    with time_machine.travel(NOON + DAY):
        yield


@pytest.fixture
def left(package, clinic, ada):
    """Three in a series to Cirrus, one to Ada herself, one about her organization as a whole, and one about somebody else."""
    ben = cast.ada(clinic, "ben@client.example")
    for hours in (3, 2, 1):
        decide(package=package(what=f"EXP-7F3K2M9/part {hours}"), by=SYSTEM, at=NOON - timedelta(hours=hours))
    decide(package=given.to_person(ada), by=SYSTEM, at=NOON)
    decide(package=given.to_client(clinic), by=SYSTEM, at=NOON)
    decide(package=package(about=About.person(ben.reference)), by=SYSTEM, at=NOON)
    return ada


def browser(role: Role) -> Client:
    client = Client()
    client.force_login(given.member(f"one-{role}", role))
    return client


def page(name: str, *args) -> str:
    return reverse(f"admin:{name}", args=args)


def test_several_to_one_recipient_for_one_purpose_are_a_series_with_the_first_in_full(left, cirrus, clinic):
    account = accounts.of_person(left.reference, at=NOON)

    assert [(one.recipient, one.purpose, one.number, one.first_at, one.last_at) for one in account.series] == [
        (cirrus.reference, "support", 3, NOON - timedelta(hours=3), NOON - timedelta(hours=1)), (left.reference, "answering", 1, NOON, NOON),
    ]  # fmt: skip
    first = account.series[0]
    assert (first.what, first.recipient_name, first.recipient_place) == ("EXP-7F3K2M9/part 3", "Cirrus Hosting", "US")
    assert (first.description, account.number) == ("contact details, identity", 4)
    assert [(one.recipient, one.number) for one in account.whole] == [(clinic.reference, 1)]


def test_an_account_goes_back_six_years_and_no_further(left):
    assert accounts.of_person(left.reference, at=NOON + 2192 * DAY).number == 1  # the last, of this very noon
    assert accounts.of_person(left.reference, at=NOON + 2193 * DAY).number == 0


def test_who_was_erased_still_has_their_account(left):
    left.emails.all().delete()
    left.delete()

    assert accounts.of_person(left.reference, at=NOON).number == 4


def test_the_page_of_a_person_shows_their_series_and_leads_to_its_files(left, cirrus):
    answer = browser(Role.COUNSEL).get(page("gate_disclosure_person", left.reference))

    assert answer.status_code == 200
    for words in (f"Disclosures about {left.reference}", "Cirrus Hosting", cirrus.reference, "EXP-7F3K2M9/part 3", "to help who asks for help", "As a whole"):
        assert words.lower() in answer.text.lower()
    assert "Ada" not in answer.text
    assert page("gate_disclosure_person_json", left.reference) in answer.text


def test_the_files_hold_what_the_law_asks_for_and_are_recorded_before_they_leave(left, cirrus):
    counsel = browser(Role.COUNSEL)
    as_json = counsel.get(page("gate_disclosure_person_json", left.reference))
    as_csv = counsel.get(page("gate_disclosure_person_csv", left.reference))

    said = json.loads(as_json.content)
    assert (said["about"], said["disclosures"]) == (left.reference, 4)
    assert said["series"][0] == {
        "disclosure": Disclosure.objects.order_by("pk").first().reference, "date": "2026-03-08T09:00:00Z",
        "recipient": {"kind": "provider", "reference": cirrus.reference, "name": "Cirrus Hosting", "place": "US"},
        "description": "contact details, identity", "categories": ["contact", "identity"], "object": "EXP-7F3K2M9/part 3",
        "purpose": "to help who asks for help", "ground": "a service provider's grant", "countries": ["US"], "patient_information": False,
        "number_in_series": 3, "last_date": "2026-03-08T11:00:00Z",
    }  # fmt: skip
    heading, first, second = csv.reader(io.StringIO(as_csv.content.decode()))
    assert (len(heading), first[3], first[11], second[2]) == (13, "Cirrus Hosting", "3", left.reference)
    assert [event.facts for event in Event.objects.filter(verb="export.made", object=left.reference)] == [{"model": "gate.account", "rows": 2}] * 2
    assert all("no-store" in answer.headers["Cache-Control"] for answer in (as_json, as_csv))


def test_a_name_that_a_spreadsheet_would_run_is_only_text(left, by_force):
    by_force("UPDATE providers_provider SET legal_name = '=1+1'")
    answer = browser(Role.COUNSEL).get(page("gate_disclosure_person_csv", left.reference))

    assert "'=1+1" in answer.content.decode()


def test_the_account_opens_for_exactly_the_roles_that_may_see_disclosures(left):
    answers = {role: {browser(role).get(page(name, left.reference)).status_code for name in PAGES} for role in Role}

    assert answers == {role: {200 if "gate.view_disclosure" in PERMISSIONS[role] else 403} for role in Role}
    assert Client().get(page(PAGES[0], left.reference)).status_code in (302, 403)


def test_a_reference_leads_to_its_account_and_anything_else_back_to_the_question(left):
    counsel = browser(Role.COUNSEL)
    ask = page("gate_disclosure_people")

    assert counsel.get(ask, {"person": f" {left.reference.lower()} "}).url == page("gate_disclosure_person", left.reference)
    assert "reads like PER-7F3K2MP" in counsel.get(ask, {"person": "Ada Lovell"}).text
    assert counsel.get(page("gate_disclosure_person", "ada@client.example")).url == ask + "?person="
    assert counsel.get(page("gate_disclosure_person_json", "ada@client.example")).status_code == 404
    assert "Nothing left about this person" in counsel.get(page("gate_disclosure_person", "PER-0000000")).text


def test_the_ledger_is_searched_by_person_and_by_recipient(left, cirrus):
    counsel = browser(Role.COUNSEL)
    found = {term: counsel.get(page("gate_disclosure_changelist"), {"q": term}).context["cl"].result_count for term in (left.reference, cirrus.reference)}

    assert found == {left.reference: 4, cirrus.reference: 4}


# Exceptions for countries


def form(cirrus, **changed) -> dict:
    today = (NOON + DAY).date()
    return {
        "recipient": cirrus.reference, "country": "CA", "starts_on": today.isoformat(), "ends_on": (today + timedelta(days=30)).isoformat(),
        "reason": "Its second site\nis there.",
    } | changed  # fmt: skip


def test_an_exception_is_asked_for_by_a_form_and_begins_at_once_when_it_begins_today(cirrus):
    answer = browser(Role.PRIVACY_ANALYST).post(page("gate_countryexception_add"), form(cirrus))

    row = CountryException.objects.get()
    assert answer.url == page("gate_countryexception_change", row.pk)
    assert (row.recipient, row.country, row.reason, row.state) == (cirrus.reference, "CA", "Its second site is there.", "asked")
    assert (row.starts_at.date(), row.ends_at) == ((NOON + DAY).date(), (NOON + 31 * DAY).replace(hour=0))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"recipient": "Ada"}, "reads like PRV-7F3K2MP"), ({"recipient": "PRV-0000000"}, "nobody with that reference"),
        ({"country": "US"}, "Select a valid choice"),
        ({"ends_on": "2026-03-01"}, "for a year at most"), ({"ends_on": "2027-12-01"}, "for a year at most"), ({"reason": ""}, "required"),
    ],
)  # fmt: skip
def test_what_can_be_no_exception_is_said_on_the_form(cirrus, changed, words):
    answer = browser(Role.PRIVACY_ANALYST).post(page("gate_countryexception_add"), form(cirrus, **changed))

    assert answer.status_code in (200, 409)
    assert words in answer.text
    assert CountryException.objects.count() == 0


def test_who_asked_sees_no_button_to_approve_and_gets_nowhere_without_it(cirrus):
    counsel = browser(Role.COUNSEL)
    counsel.post(page("gate_countryexception_add"), form(cirrus))
    row = CountryException.objects.get()
    approve = page("gate_countryexception_approve", row.pk)

    assert approve not in counsel.get(page("gate_countryexception_change", row.pk)).text
    refused = counsel.post(approve, {"once": "1"})
    assert (refused.status_code, "You asked for this yourself" in refused.text) == (409, True)
    officer = browser(Role.COMPLIANCE_OFFICER)
    assert approve in officer.get(page("gate_countryexception_change", row.pk)).text
    assert "because: “Its second site is there.”" in officer.get(approve).text
    officer.post(approve, {"once": "2"})
    row.refresh_from_db()
    assert row.state == "approved"
