"""Representatives and cases in the admin: each step by its role, the document once for a reason, and a first page that says what waits."""

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings
from django.urls import reverse

from apps.accounts.checks import minors_are_looked_after_promptly
from apps.accounts.models import MinorCase, Person, Representative
from apps.accounts.services import amending, minors
from apps.audit.models import Event
from apps.foundation.actors import SYSTEM
from apps.staff.roles import Role
from tests import cast
from tests.accounts.minors.given import KIM_BORN, PDF, asked, dana, grown, proposed, represented, verified
from tests.cast import NOON

PERSONAL = ("Paula", "Parent", "paula@family", "2008-06-01")


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOON, tick=False)


def url(page, *args):
    return reverse(f"admin:accounts_{page}", args=args)


def browser(member):
    signed_in = Client()
    signed_in.force_login(member)
    return signed_in


def form(**more):
    return {
        "full_name": "Paula Parent", "email": "paula@family.example", "authority": "parent", "valid_from": "2026-03-08",
        "document": SimpleUploadedFile("proof.pdf", PDF), "minor_given_name": "Kim", "minor_birth_date": "2008-06-01", "once": "one",
    } | more  # fmt: skip


def test_from_the_document_to_the_registration_by_two_people_on_screen():
    analyst, officer = browser(dana()), browser(cast.cleo())
    answer = analyst.post(url("representative_register"), form())
    row = Representative.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, url("representative_change", row.pk))
    page = analyst.get(answer["Location"]).text
    assert [value for value in PERSONAL if value in page] == []
    assert "encrypted, until some days after the decision" in page
    ticks = {"is_readable": "on", "names_both": "on", "shows_authority": "on", "once": "two"}
    refused = analyst.post(url("representative_ask", row.pk), ticks)
    assert (refused.status_code, "You did not look at the document yet." in refused.text) == (409, True)
    for signed_in in (analyst, officer):
        taken = signed_in.post(url("representative_document", row.pk), {"reason": "identity_check", "once": "three"})
        assert (taken.content, taken["Content-Type"], "no-store" in taken["Cache-Control"]) == (PDF, "application/pdf", True)
        assert taken["Content-Disposition"] == f'attachment; filename="{row.reference}.pdf"'
    assert analyst.post(url("representative_ask", row.pk), ticks | {"once": "four"}).status_code == 302
    assert url("representative_approve", row.pk) not in analyst.get(url("representative_change", row.pk)).text
    assert officer.post(url("representative_approve", row.pk), {"once": "five"}).status_code == 302
    empty = {f"{p}-{k}": n for p in ("emails", "phones", "identities") for k, n in (("TOTAL_FORMS", 1), ("INITIAL_FORMS", 0))}
    alone = analyst.post(url("person_add"), {"given_name": "Kim", "birth_date": "2008-06-01"} | empty)
    assert "Register their representative first" in alone.text
    added = analyst.post(url("person_add"), {"given_name": "Kim", "birth_date": "2008-06-01", "representative": row.reference.lower()} | empty)
    assert (added.status_code, Person.objects.get().standing) == (302, "active")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"document": SimpleUploadedFile("a.pdf", b"<script>")}, "no PDF, PNG or JPEG"),
        ({"document": ""}, "This field is required."),
        ({"email": "nobody"}, "no e-mail address"),
        ({"minor_given_name": "", "minor_birth_date": ""}, "Name either a person who is registered"),
        ({"person": "PER-0000000"}, "There is no person with that reference."),
        ({"minor_birth_date": "1990-01-01"}, "Only a person below 18"),
        ({"minor_given_name": "a\x00b"}, "Null characters are not allowed"),
        ({"valid_until": "2026-03-01"}, "ends after it begins"),
        ({"authority": "aunt"}, "Select a valid choice"),
    ],
)
def test_what_can_not_be_is_said_on_the_form(wrong, said):
    answer = browser(dana()).post(url("representative_register"), form(**wrong))
    assert (answer.status_code in (200, 409), said in answer.text, Representative.objects.count()) == (True, True, 0)


def test_correcting_a_date_of_birth_says_that_a_case_is_open():
    kim, analyst = grown(), browser(dana())
    analyst.post(url("person_reveal", kim.pk))
    empty = {f"{p}-{k}": n for p in ("emails", "phones", "identities") for k, n in (("TOTAL_FORMS", 0), ("INITIAL_FORMS", 0))}
    answer = analyst.post(url("person_change", kim.pk), {"given_name": "Kim", "birth_date": "2008-06-01"} | empty, follow=True)
    case = MinorCase.objects.get()
    assert f"{kim.reference} is suspended: {case.reference}" in answer.text
    assert Person.objects.get().standing == "suspended"


def test_the_page_of_a_case_shows_its_clock_and_what_happened():
    kim = amending.amend_person(person=grown(), changes={"birth_date": KIM_BORN}, by=dana(), at=NOON)
    case, officer = MinorCase.objects.get(), browser(cast.cleo())
    page = officer.get(url("minorcase_change", case.pk)).text
    for words in ("10 days left", "minor case opened", "person suspended", "the minor is represented, or removed, by then", kim.reference):
        assert words in page
    assert "2008" not in page
    asked = officer.post(url("minorcase_remove", case.pk), {"once": "one"}, follow=True)
    assert f"The removal of {kim.reference} was asked for" in asked.text
    assert "minor case removal asked" in asked.text
    assert "minorcase_remove" not in asked.text
    mistaken = officer.post(url("minorcase_mistaken", case.pk), {"once": "two"})
    assert (mistaken.status_code, "below 18" in mistaken.text) == (409, True)
    taken = officer.post(url("minorcase_evidence", case.pk), {"once": "three"})
    assert (taken["Content-Type"], taken.json()["case"]["reference"]) == ("application/json", case.reference)


def test_a_representative_is_registered_from_the_page_of_the_case():
    kim = amending.amend_person(person=grown(), changes={"birth_date": KIM_BORN}, by=dana(), at=NOON)
    analyst, place = browser(dana()), url("minorcase_represent", MinorCase.objects.get().pk)
    assert kim.reference in analyst.get(place).text
    assert analyst.post(place, form(person=kim.reference, minor_given_name="", minor_birth_date="")).status_code == 302
    assert Representative.objects.get().person == kim


def test_who_approved_sees_the_case_closed_and_it_says_so_before():
    kim = amending.amend_person(person=grown(), changes={"birth_date": KIM_BORN}, by=dana(), at=NOON)
    row, officer = asked(person=kim), browser(cast.cleo())
    officer.post(url("representative_document", row.pk), {"reason": "legal", "once": "one"})
    assert f"The case about {kim} is closed" in officer.get(url("representative_approve", row.pk)).text
    officer.post(url("representative_approve", row.pk), {"once": "two"})
    page = officer.get(url("minorcase_change", MinorCase.objects.get().pk)).text
    assert ("closed: a representative was found" in page, "closed after 0 days" in page) == (True, True)


def test_the_list_finds_who_counts_today_and_who_ends_soon():
    later = proposed()
    soon = represented(valid_until=date(2026, 4, 1)).representatives.get()
    officer = browser(cast.cleo())
    shown = {
        value: [row.pk for row in officer.get(f"{url('representative_changelist')}?in_force={value}").context["cl"].result_list]
        for value in ("yes", "no", "soon")
    }
    assert shown == {"yes": [soon.pk], "no": [later.pk], "soon": [soon.pk]}


def test_the_list_of_cases_finds_the_late_ones(time_machine):
    minors.report(person=grown(), how="report", by=SYSTEM, at=NOON)
    late = f"{url('minorcase_changelist')}?clock=late"
    assert list(browser(cast.cleo()).get(late).context["cl"].result_list) == []
    time_machine.move_to(NOON.replace(day=20))
    page = browser(cast.cleo()).get(late)
    assert [case.reference for case in page.context["cl"].result_list] == [MinorCase.objects.get().reference]
    assert "2 days past its day" in page.text


def test_the_first_page_says_what_waits_for_whom():
    represented(valid_until=date(2026, 4, 1))
    row = asked()
    minors.report(person=grown(), how="report", by=SYSTEM, at=NOON)
    analyst, officer = (browser(member).get(reverse("admin:index")).text for member in (dana(), cast.cleo()))
    assert ("Minors without a representative" in analyst, "Representations that end" in analyst) == (True, True)
    assert ("Minors without a representative" in officer, "Representations that end" in officer) == (True, False)
    assert ("Decide on a representative of a minor" in officer, url("representative_change", row.pk) in officer) == (True, True)
    assert "Minors without" not in browser(cast.bo()).get(reverse("admin:index")).text


def test_a_look_at_who_it_is_shows_once_and_is_recorded():
    row, officer = verified(), browser(cast.cleo())
    assert "Paula" not in officer.post(url("representative_see", row.pk), {"reason": "", "once": "one"}).text
    page = officer.post(url("representative_see", row.pk), {"reason": "legal", "once": "two"})
    assert ("Paula Parent" in page.text, "no-store" in page["Cache-Control"]) == (True, True)
    assert Event.objects.filter(verb="representative.revealed", object=row.reference).count() == 1


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.PRIVACY_ANALYST, Role.COMPLIANCE_OFFICER, Role.COUNSEL)])
def test_who_has_no_business_with_documents_gets_none(role):
    row = proposed()
    signed_in = browser(cast.staff("somebody", role))
    assert signed_in.post(url("representative_document", row.pk), {"reason": "legal"}).status_code == 403
    assert not Event.objects.filter(verb="representative.document_taken").exists()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"MINOR_REMOVAL_DAYS": 10, "MINOR_DOCUMENT_DAYS": 30}, []),
        ({"MINOR_REMOVAL_DAYS": 0, "MINOR_DOCUMENT_DAYS": 91}, ["covenant.E311", "covenant.E312"]),
        ({"MINOR_REMOVAL_DAYS": 31, "MINOR_DOCUMENT_DAYS": 1}, ["covenant.E311"]),
    ],
)
def test_settings_that_can_not_keep_the_promise_stop_the_start(given, found):
    with override_settings(**given):
        assert [error.id for error in minors_are_looked_after_promptly()] == found
