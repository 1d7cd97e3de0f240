"""The registry in the admin, as people use it: added by a form, decided by somebody else, refused with its mend, on one page."""

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from apps.audit.models import Event
from apps.foundation.digests import sha256
from apps.providers import clauses
from apps.providers.models import Agreement, Grant, Provider, RegisterImport, SecurityReview
from apps.providers.services import granting, lives
from apps.staff.models import StaffMember
from tests import cast
from tests.cast import DAY, NOON
from tests.providers import registry
from tests.providers.test_register import file_of, line

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def present():
    with time_machine.travel(NOON):
        yield


def browser_of(member: StaffMember) -> Client:
    browser = Client()
    browser.force_login(member)
    return browser


@pytest.fixture
def analyst(dana):
    return browser_of(dana)


@pytest.fixture
def officer(cleo):
    return browser_of(cleo)


@pytest.fixture
def counsel(ezra):
    return browser_of(ezra)


def url(page, *args):
    return reverse(f"admin:providers_{page}", args=args)


def do(browser, model, act, row, **form):
    place = url(f"{model}_{act}", row.pk)
    once = browser.get(place).context["once"]
    return browser.post(place, form | {"once": once})


def file(content: bytes, name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def facts(**given) -> dict:
    return {
        "legal_name": "Harbor Hosting, Inc.", "role": "processor", "service": "hosts our servers", "countries": "US", "clients": "",
        "contact_name": "Quentina Marlow", "contact_email": "quentina@provider.example", "owner": registry.dana().pk,
    } | given  # fmt: skip


def test_from_the_proposal_to_an_open_gate(analyst, officer, counsel):
    added = analyst.post(url("provider_add"), facts())
    provider = Provider.objects.get()
    assert added.url == url("provider_change", provider.pk)

    analyst.post(url("agreement_add"), {
        "provider": provider.reference.lower(), "kind": "dpa", "title": "Addendum", "starts_on": "2026-03-01", "ends_on": "2027-03-01", "supersedes": "",
        "file": file(registry.PDF, "signed.pdf"),
    })  # fmt: skip
    agreement = Agreement.objects.get()
    analyst.post(url("securityreview_add"), {
        "provider": provider.reference, "kind": "review", "result": "passed", "conditions": "", "evidence": "SOC 2", "reviewed_on": "2026-03-01",
        "next_due_on": "2027-02-01", "file": file(registry.PDF, "soc2.pdf"), "digest": "",
    })  # fmt: skip
    assert bytes(SecurityReview.objects.get().evidence_digest) == sha256(registry.PDF)
    do(analyst, "agreement", "tick", agreement, found=[clause.code for clause in clauses.DPA])
    do(analyst, "agreement", "ask", agreement)
    do(counsel, "agreement", "confirm", agreement)
    do(analyst, "provider", "begin_review", provider)
    do(analyst, "provider", "ask_activation", provider)
    do(officer, "provider", "activate", provider)
    analyst.post(url("grant_add"), {
        "agreement": agreement.reference, "categories": ["contact", "identity"], "purposes": ["operation"], "fields_needed": "email, name",
        "necessity": "It can't\nrun without.", "ends_on": "",
    })  # fmt: skip
    grant = Grant.objects.get()
    assert (grant.fields, grant.necessity) == (["email", "name"], "It can't run without.")
    do(officer, "grant", "approve", grant)

    page = officer.get(url("provider_change", provider.pk)).text
    assert "open for what is granted" in page
    for reference in (agreement, grant, SecurityReview.objects.get()):
        assert str(reference) in page
    assert "open until 2027-02-01" in officer.get(url("grant_change", grant.pk)).text


def test_a_form_that_is_refused_keeps_what_was_typed_and_says_the_mend(analyst):
    page = analyst.post(url("provider_add"), facts(countries="US, XX"))

    assert page.status_code == 200
    assert "two capital letters of ISO 3166" in page.text
    assert "Harbor Hosting, Inc." in page.text
    assert Provider.objects.count() == 0


def test_a_file_that_is_no_pdf_is_refused(analyst, house):
    provider = registry.proposed()
    page = analyst.post(url("agreement_add"), {
        "provider": provider.reference, "kind": "dpa", "title": "x", "starts_on": "2026-03-01", "ends_on": "", "supersedes": "",
        "file": file(b"<html></html>", "signed.pdf"),
    })  # fmt: skip

    assert "The file is no PDF." in page.text
    assert Agreement.objects.count() == 0


def test_patient_information_without_an_agreement_for_it_is_refused_on_the_form(analyst, house):
    provider = registry.in_use()
    page = analyst.post(url("grant_add"), {
        "agreement": provider.agreements.get().reference, "categories": ["message"], "purposes": ["operation"], "fields_needed": "",
        "patient_information": "on", "necessity": "x", "ends_on": "",
    })  # fmt: skip

    assert "Have a business associate agreement with this provider confirmed first" in page.text
    assert Grant.objects.count() == 0


def test_who_asked_is_offered_no_decision(officer, analyst, house):
    provider = registry.proposed()
    registry.agreed(provider)
    registry.reviewed(provider)
    lives.begin_review(provider=provider, by=registry.dana(), at=NOON)
    lives.ask_activation(provider=provider, by=registry.dana(), at=NOON)
    activate = url("provider_activate", provider.pk)

    assert activate in officer.get(url("provider_change", provider.pk)).text
    assert activate not in analyst.get(url("provider_change", provider.pk)).text
    assert provider.legal_name in officer.get("/admin/").text or provider.reference in officer.get("/admin/").text


def test_a_stale_decision_is_refused_with_its_mend(officer, house):
    provider = registry.in_use()
    grant = registry.wanted(provider)
    place = url("grant_approve", grant.pk)
    once = officer.get(place).context["once"]
    granting.reject(grant=grant, by=cast.cleo(), at=NOON)

    answer = officer.post(place, {"once": once})

    assert answer.status_code == 409
    assert "Reload the page" in answer.text


def test_a_document_is_taken_as_it_was_handed_in_and_that_is_recorded(counsel, house):
    agreement = registry.handed_in(registry.proposed())

    answer = do(counsel, "agreement", "document", agreement)

    assert (answer.content, answer.headers["Content-Type"], answer.headers["X-Content-Type-Options"]) == (registry.PDF, "application/pdf", "nosniff")
    assert Event.objects.get(verb="document.read").object == agreement.reference


def test_links_to_add_are_there_for_who_may_follow_them(analyst, officer, counsel, harbor):
    page = url("provider_change", harbor.pk)
    adds = {name: f"{url(f'{name}_add')}?provider={harbor.reference}" for name in ("agreement", "securityreview", "subprocessor")}

    seen = {who: {name for name, link in adds.items() if link in browser.get(page).text} for who, browser in
            (("analyst", analyst), ("officer", officer), ("counsel", counsel))}  # fmt: skip

    assert seen == {"analyst": set(adds), "officer": {"securityreview"}, "counsel": {"agreement"}}


def test_a_correction_keeps_the_contact_that_is_not_typed(analyst, harbor):
    place = url("provider_correct", harbor.pk)
    assert "quentina" not in analyst.get(place).text.lower()

    do(analyst, "provider", "correct", harbor, **facts(service="hosts more", contact_name="", contact_email="", hipaa_relevant="on"))

    harbor.refresh_from_db()
    assert (harbor.service, harbor.contact_name, harbor.contact_email) == ("hosts more", "Quentina Marlow", "quentina@provider.example")


def test_a_register_is_looked_at_first_and_applied_once(analyst, house):
    content = file_of(line(), line(legal_name="<b>Broken</b>", role="friend"))
    analyst.post(url("registerimport_add"), {"file": file(content, "register.csv")})
    upload = RegisterImport.objects.get()

    page = analyst.get(url("registerimport_change", upload.pk)).text
    assert "Nimbus Backup Co." in page
    assert "&lt;b&gt;Broken" in page
    assert "That is no role of a provider." in page
    assert "q@nimbus.example" not in page
    assert Provider.objects.count() == 0

    place = url("registerimport_apply", upload.pk)
    form = {"once": analyst.get(place).context["once"]}
    answers = [analyst.post(place, form).status_code, analyst.post(place, form).status_code, analyst.post(place, {"once": "another"}).status_code]

    assert answers == [302, 302, 409]
    assert Provider.objects.count() == 1


def test_the_register_leaves_as_a_file_with_its_record(analyst, harbor):
    place = url("provider_export_register")
    answer = analyst.post(place, {"once": analyst.get(place).context["once"]})

    assert answer.headers["Content-Type"].startswith("text/csv")
    assert harbor.reference in answer.text
    assert Event.objects.filter(verb="export.made", object="providers.provider").count() == 1


def test_a_lapse_is_marked_on_the_page_of_its_provider(officer, harbor):
    with time_machine.travel(NOON + 350 * DAY):
        browser = browser_of(cast.cleo())
        assert "in 14 days" in browser.get(url("provider_change", harbor.pk)).text
    with time_machine.travel(NOON + 366 * DAY):
        browser = browser_of(cast.cleo())
        page = browser.get(url("provider_change", harbor.pk)).text
    assert "No confirmed agreement with it is in force." in page
    assert ", over" in page
