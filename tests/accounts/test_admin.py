"""Organizations, people and tokens in the admin: masked for everybody, shown for a reason, and each act within its role."""

import re
from datetime import date

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Organization, Person, PersonEmail, ServiceToken
from apps.accounts.services import registration, tokens
from apps.audit.models import Event
from apps.foundation.actors import SYSTEM
from apps.staff.models import StaffMember
from apps.staff.roles import PERMISSIONS, Role
from tests.accounts.conftest import NOON

NAMES = ("Adelaide", "Quuxworth")
PERSONAL = (*NAMES, "adelaide@mercy.example", "2025550123", "1990-05-01", "Elm Street", "U1-slack-id")


@pytest.fixture
def ada(mercy):
    return registration.register_person(
        organization=mercy, given_name="Adelaide", family_name="Quuxworth", emails=["adelaide@mercy.example"],
        phones=["+12025550123"], birth_date=date(1990, 5, 1), street="1 Elm Street", identities=[("slack", "U1-slack-id")],
        by=SYSTEM, at=NOON,
    )  # fmt: skip


def browser_of(role, username="ezra"):
    member = StaffMember.objects.create(
        username=username, email=f"{username}@covenant.example", full_name=username.title(), roles=[role]
    )
    browser = Client()
    browser.force_login(member)
    browser.member = member
    return browser


def url(page, *args):
    return reverse(f"admin:accounts_{page}", args=args)


def shown(response):
    text = response.content.decode()
    return [value for value in PERSONAL if value.lower() in text.lower()]


@pytest.mark.parametrize("role", [role for role in Role if "accounts.view_person" in PERMISSIONS[role]])
def test_lists_pages_history_and_exports_show_nobody_unmasked(ada, role):
    browser = browser_of(role)
    pages = [
        url("person_changelist"), url("person_change", ada.pk), url("person_history", ada.pk), url("person_export"),
        url("organization_changelist"), url("organization_change", ada.organization.pk),
    ]  # fmt: skip
    for page in pages:
        response = browser.get(page)
        content = b"".join(response.streaming_content) if response.streaming else response.content
        assert response.status_code == 200, page
        assert [value for value in PERSONAL + ("Cora", "cora@contact") if value.encode() in content] == [], page


@pytest.mark.parametrize("role", [role for role in Role if "accounts.view_person" not in PERMISSIONS[role]])
def test_who_has_no_business_with_people_sees_no_list_of_them(ada, role):
    browser = browser_of(role)
    assert browser.get(url("person_changelist")).status_code == 403
    assert browser.get(url("person_change", ada.pk)).status_code == 403


def test_details_are_shown_once_for_a_reason_and_never_kept(ada):
    browser = browser_of(Role.COUNSEL)
    see = url("person_see", ada.pk)
    assert shown(browser.get(see)) == []
    assert browser.post(see, {"reason": "", "once": "a"}).status_code == 200
    assert Event.objects.filter(verb="person.revealed").count() == 0
    response = browser.post(see, {"reason": "legal", "once": "b"})
    assert shown(response) == list(PERSONAL)
    assert "no-store" in response.headers["Cache-Control"]
    event = Event.objects.get(verb="person.revealed")
    assert (event.actor, event.object) == (f"staff:{browser.member.reference}", ada.reference)
    assert event.facts == {
        "reason": "legal",
        "fields": ["birth_date", "emails", "family_name", "given_name", "identities", "phones", "street"],
    }
    assert shown(browser.get(url("person_change", ada.pk))) == []
    assert [value for value in PERSONAL if any(value in str(s.get_decoded()) for s in Session.objects.all())] == []


@pytest.mark.parametrize("role", [role for role in Role if "accounts.reveal_person" not in PERMISSIONS[role]])
def test_who_may_not_reveal_is_refused(ada, role):
    browser = browser_of(role)
    for page in (url("person_see", ada.pk), url("organization_see", ada.organization.pk)):
        assert browser.get(page).status_code == 403
        assert browser.post(page, {"reason": "legal"}).status_code == 403
    assert Event.objects.filter(verb__endswith=".revealed").count() == 0


def test_the_contact_of_an_organization_is_shown_for_a_reason(mercy):
    browser = browser_of(Role.COUNSEL)
    response = browser.post(url("organization_see", mercy.pk), {"reason": "security", "once": "x"})
    assert b"cora@contact.example" in response.content
    assert Event.objects.get(verb="organization.revealed").facts == {
        "fields": ["contact_email", "contact_name", "contact_phone"], "reason": "security",
    }  # fmt: skip


def inline_rows(person, **changes):
    """What the change form of a person posts, with the rows that it shows."""
    rows = {}
    for prefix, manager, names in (
        ("emails", person.emails, ("address",)), ("phones", person.phones, ("number",)),
        ("identities", person.identities, ("source", "external_id")),
    ):  # fmt: skip
        existing = list(manager.all())
        rows |= {f"{prefix}-TOTAL_FORMS": len(existing) + 1, f"{prefix}-INITIAL_FORMS": len(existing)}
        for place, row in enumerate(existing):
            rows |= {f"{prefix}-{place}-id": row.pk, f"{prefix}-{place}-person": person.pk}
            rows |= {f"{prefix}-{place}-{name}": getattr(row, name) for name in names}
    return rows | changes


def details_of(person, **changes):
    names = ("given_name", "family_name", "street", "city", "postal_code", "state", "country")
    return {name: getattr(person, name) for name in names} | {"birth_date": "1990-05-01"} | changes


def test_an_analyst_opens_a_page_recorded_and_puts_details_right(ada, policy):
    browser = browser_of(Role.PRIVACY_ANALYST)
    change = url("person_change", ada.pk)
    assert shown(browser.get(change)) == []
    browser.post(url("person_reveal", ada.pk))
    assert Event.objects.get(verb="person.viewed_for_change").object == ada.reference
    page = browser.get(change)
    assert "adelaide@mercy.example" in shown(page)
    assert "Optional. Without it: letters can't be sent by post." in page.content.decode()
    old = ada.emails.get()
    response = browser.post(
        change, details_of(ada, city="Oakland") | inline_rows(ada, **{"emails-0-address": "new@mercy.example"})
    )
    assert response.status_code == 302, re.findall(r'class="errorlist[^"]*".*?</ul>', response.content.decode())
    ada.refresh_from_db()
    new = ada.emails.get()
    assert (ada.city, new.address, new.normalised, new.pk != old.pk) == ("Oakland", "new@mercy.example", "new@mercy.example", True)
    verbs = Event.objects.filter(object=ada.reference).order_by("id").values_list("verb", flat=True)
    assert list(verbs) == [
        "person.registered", "person.viewed_for_change", "person.amended", "person.email_removed", "person.email_added",
    ]  # fmt: skip
    log = " ".join(LogEntry.objects.values_list("change_message", flat=True)) + " ".join(
        LogEntry.objects.values_list("object_repr", flat=True)
    )
    assert [value for value in (*PERSONAL, "Oakland", "new@mercy") if value in log] == []


def test_details_posted_to_a_page_that_is_not_open_change_nothing(ada):
    browser = browser_of(Role.PRIVACY_ANALYST)
    response = browser.post(url("person_change", ada.pk), details_of(ada, given_name="Mallory") | inline_rows(ada))
    assert response.status_code == 200
    ada.refresh_from_db()
    assert ada.given_name == "Adelaide"


def test_an_address_of_somebody_else_is_refused_on_the_form_with_its_mend(ada, mercy):
    registration.register_person(organization=mercy, given_name="Bo", emails=["bo@mercy.example"], by=SYSTEM, at=NOON)
    browser = browser_of(Role.PRIVACY_ANALYST)
    browser.post(url("person_reveal", ada.pk))
    response = browser.post(
        url("person_change", ada.pk), details_of(ada) | inline_rows(ada, **{"emails-1-address": "BO@mercy.example"})
    )
    assert response.status_code == 200
    assert "already belongs to a person of this organization" in response.content.decode()
    assert PersonEmail.objects.filter(person=ada).count() == 1


def test_an_analyst_registers_somebody(mercy, policy):
    browser = browser_of(Role.PRIVACY_ANALYST)
    page = browser.get(url("person_add")).content.decode()
    assert "Optional. Without it: age is confirmed by the organization instead." in page
    empty = {f"{p}-{k}": n for p in ("emails", "phones", "identities") for k, n in (("TOTAL_FORMS", 1), ("INITIAL_FORMS", 0))}
    wrong = {"organization": "ORG-NOTHERE", "given_name": "Bo", "birth_date": "2999-01-01", "country": "XX"}
    response = browser.post(url("person_add"), wrong | empty)
    text = response.content.decode()
    for sentence in ("There is no organization with that reference.", "lies in the future", "no code of a country"):
        assert sentence in text
    given = {"organization": mercy.reference.lower(), "given_name": "Bo", "emails-0-address": "bo@mercy.example"}
    response = browser.post(url("person_add"), empty | given)
    person = Person.objects.get()
    assert response.status_code == 302
    assert (person.organization, person.policy_version, person.emails.get().address) == (mercy, policy, "bo@mercy.example")
    assert Event.objects.filter(object=person.reference).count() == 2


@pytest.mark.parametrize(
    "term",
    ["quuxw", "ADELAIDE", "Adelaide@Mercy.Example", "+1 (202) 555-0123", "202-555-0123", "U1-slack-id", "{reference}"],
)
def test_a_person_is_found_by_reference_name_address_number_and_identity_but_shown_masked(ada, hill, term):
    registration.register_person(organization=hill, given_name="Bo", by=SYSTEM, at=NOON)
    browser = browser_of(Role.AUDITOR)
    to = browser.post(url("person_changelist"), {"_search": "1", "q": term.format(reference=ada.reference)}).headers["Location"]
    response = browser.get(to)
    assert [row.pk for row in response.context["cl"].result_list] == [ada.pk]
    assert all(name not in to for name in (*NAMES, "mercy", "555"))
    assert "Adelaide</" not in response.content.decode()


def test_no_list_of_people_costs_more_for_more_people(ada, hill, django_assert_num_queries):
    browser = browser_of(Role.AUDITOR)
    browser.get(url("person_changelist"))
    with django_assert_num_queries(5):
        browser.get(url("person_changelist"))
    for name in ("Bo", "Cy", "Di"):
        registration.register_person(organization=hill, given_name=name, by=SYSTEM, at=NOON)
    with django_assert_num_queries(5):
        browser.get(url("person_changelist"))


def test_a_records_manager_registers_and_amends_an_organization_without_seeing_its_contact(policy):
    browser = browser_of(Role.RECORDS_MANAGER)
    given = {
        "name": "Northgate", "country": "US", "hipaa_covered": "on", "archive_entitlement": "none",
        "contact_name": "Nora", "contact_email": "nora@north.example", "contact_phone": "202-555-0100",
    }  # fmt: skip
    assert "no code of a country" in browser.post(url("organization_add"), given | {"country": "XX"}).content.decode()
    assert browser.post(url("organization_add"), given).status_code == 302
    northgate = Organization.objects.get()
    assert (northgate.contact_phone, northgate.policy_version) == ("+12025550100", policy)
    page = browser.get(url("organization_change", northgate.pk)).content.decode()
    assert "nora@north.example" not in page
    assert "what came in before stays owed" in page
    change = {"name": "Northgate", "country": "US", "archive_entitlement": "own_server"}
    assert browser.post(url("organization_change", northgate.pk), change).status_code == 302
    northgate.refresh_from_db()
    assert (northgate.archive_entitlement, northgate.hipaa_covered, northgate.contact_name) == ("own_server", False, "Nora")
    assert Event.objects.get(verb="organization.amended").facts == {
        "fields": ["archive_entitlement", "hipaa_covered"], "archive_before": "none", "archive_now": "own_server",
        "hipaa_covered_now": False,
    }  # fmt: skip


@pytest.mark.parametrize("role", [role for role in Role if "accounts.change_organization" not in PERMISSIONS[role]])
def test_who_may_not_change_organizations_is_refused(mercy, role):
    browser = browser_of(role)
    given = {"name": "X", "country": "US", "archive_entitlement": "none"}
    assert browser.post(url("organization_change", mercy.pk), given).status_code == 403
    assert browser.get(url("organization_add")).status_code == 403
    assert browser.post(url("organization_reveal", mercy.pk)).status_code == 403


def test_an_administrator_issues_a_token_that_is_shown_once_and_stands_nowhere(mercy):
    browser = browser_of(Role.ADMINISTRATOR)
    given = {"name": "messaging", "scopes": ["people", "messages"], "organization": mercy.reference, "once": "x"}
    response = browser.post(url("servicetoken_issue"), given)
    words = re.search(r"cov_[A-Za-z0-9_-]{43}", response.content.decode())[0]
    assert "no-store" in response.headers["Cache-Control"]
    row = ServiceToken.objects.get()
    assert tokens.authenticate(f"Bearer {words}", scope="messages", at=NOON) == row
    assert (row.organization, row.created_by) == (mercy, f"staff:{browser.member.reference}")
    for page in (url("servicetoken_changelist"), url("servicetoken_change", row.pk)):
        assert words not in browser.get(page).content.decode()
    kept = str([s.get_decoded() for s in Session.objects.all()]) + str(list(LogEntry.objects.values())) + str(list(Event.objects.values()))
    assert words not in kept
    assert browser.post(url("servicetoken_issue"), given).status_code == 302
    assert ServiceToken.objects.count() == 1


def test_an_administrator_revokes_a_token_after_a_page_that_says_what_happens(db):
    row, words = tokens.issue(name="messaging", scopes=["people"], organization=None, by=SYSTEM, at=NOON)
    browser = browser_of(Role.ADMINISTRATOR)
    revoke = url("servicetoken_revoke", row.pk)
    assert "is refused from the moment you confirm" in browser.get(revoke).content.decode()
    row.refresh_from_db()
    assert row.revoked_at is None
    browser.post(revoke, {"once": "x"})
    with pytest.raises(tokens.TokenUnknown):
        tokens.authenticate(f"Bearer {words}", scope="people", at=NOON)
    assert browser.post(revoke, {"once": "y"}).status_code == 409


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_nobody_but_an_administrator_issues_or_revokes_tokens(db, role):
    row, _words = tokens.issue(name="messaging", scopes=["people"], organization=None, by=SYSTEM, at=NOON)
    browser = browser_of(role)
    assert browser.post(url("servicetoken_issue"), {"name": "x", "scopes": ["people"]}).status_code == 403
    assert browser.post(url("servicetoken_revoke", row.pk)).status_code == 403
    assert ServiceToken.objects.usable().count() == 1


def test_a_history_page_takes_no_post(mercy):
    browser = browser_of(Role.RECORDS_MANAGER)
    page = reverse("admin:accounts_organization_simple_history", args=[mercy.pk, mercy.history.get().pk])
    assert browser.post(page, {"name": "Overwritten"}).status_code == 405
    mercy.refresh_from_db()
    assert mercy.name == "Mercy General"


