"""The holes of simple-history's admin are closed: its pages read, within the same bounds as the lists, and show no personal value."""

import pytest
from django.urls import reverse

from apps.accounts.admin import OrganizationAdmin
from apps.accounts.models import Organization
from apps.audit.models import Event
from apps.policies.models import PolicyVersion

from .conftest import NOON

EVERYONE = (
    "compliance_officer", "records_manager", "privacy_analyst", "counsel", "auditor", "administrator",
)  # fmt: skip


@pytest.fixture
def mercy(db):
    version = PolicyVersion.objects.create(number=1, created_at=NOON)
    organization = Organization.objects.create(
        name="Mercy General", contact_name="Ada Lovelace", contact_email="ada@mercy.example", registered_at=NOON,
        policy_version=version,
    )  # fmt: skip
    organization.name, organization.contact_name = "Mercy General Hospital", "Bo Diddley"
    organization.save()
    return organization


def pages(organization):
    state = organization.history.order_by("history_id").first()
    return (
        reverse("admin:accounts_organization_history", args=[organization.pk]),
        reverse("admin:accounts_organization_simple_history", args=[organization.pk, state.pk]),
    )


def row(organization):
    return Organization.objects.filter(pk=organization.pk).values().first()


@pytest.mark.parametrize("role", EVERYONE)
def test_nobody_can_send_anything_to_a_history_page(browser_of, mercy, role):
    before, states = row(mercy), mercy.history.count()
    browser = browser_of(role)
    sent = {"name": "Overwritten", "country": "US", "archive_entitlement": "none", "contact_name": "x",
            "contact_email": "x@example.com", "_save": "Revert", "_change_history": "1"}  # fmt: skip
    for address in pages(mercy):
        for method in (browser.post, browser.put, browser.patch, browser.delete):
            assert method(address, sent).status_code == 405
    assert row(mercy) == before
    assert mercy.history.count() == states
    assert Event.objects.count() == 0


def test_an_erased_row_is_not_brought_back_nor_shown(browser_of, mercy):
    browser, addresses = browser_of("auditor"), pages(mercy)
    Organization.objects.filter(pk=mercy.pk).delete()
    for address in addresses:
        assert browser.post(address, {"name": "Back again"}).status_code == 405
        assert browser.get(address).status_code == 404
    assert row(mercy) is None


def test_a_row_outside_the_lists_of_the_admin_has_no_history_either(browser_of, mercy, monkeypatch):
    browser = browser_of("auditor")
    assert [browser.get(address).status_code for address in pages(mercy)] == [200, 200]
    monkeypatch.setattr(OrganizationAdmin, "get_queryset", lambda _admin, _request: Organization.objects.exclude(pk=mercy.pk))
    assert [browser.get(address).status_code for address in pages(mercy)] == [404, 404]


def test_who_may_not_view_the_thing_may_not_view_its_history(browser_of, mercy, monkeypatch):
    browser = browser_of("auditor")
    monkeypatch.setattr(OrganizationAdmin, "has_view_permission", lambda _admin, _request, obj=None: False)
    monkeypatch.setattr(OrganizationAdmin, "has_change_permission", lambda _admin, _request, obj=None: False)
    assert [browser.get(address).status_code for address in pages(mercy)] == [403, 403]


def test_who_is_not_signed_in_is_sent_to_the_sign_in(client, mercy):
    assert [client.get(address).status_code for address in pages(mercy)] == [302, 302]


def test_the_list_says_what_changed_and_hides_what_is_personal(browser_of, mercy):
    page = browser_of("auditor").get(pages(mercy)[0]).content.decode()
    assert "Name: Mercy General → Mercy General Hospital" in page
    assert "Contact name: changed" in page
    for personal in ("Ada", "Lovelace", "Bo Diddley", "ada@mercy.example"):
        assert personal not in page


def test_an_earlier_state_is_shown_without_form_and_without_personal_values(browser_of, mercy):
    page = browser_of("records_manager").get(pages(mercy)[1]).content.decode()
    content = page[page.index('id="content-main"') :]
    assert "Mercy General" in content
    assert "Mercy General Hospital" not in content
    assert "•••" in content
    for personal in ("Ada", "Lovelace", "Bo Diddley", "ada@mercy.example"):
        assert personal not in page
    for way_back in ("<form", "<input", "<button", "Revert", "style="):
        assert way_back not in content


@pytest.mark.parametrize("version", ["999999", "abc", "1 OR 1=1", "²"])
def test_a_state_that_is_not_of_this_row_is_not_found(browser_of, mercy, version):
    address = reverse("admin:accounts_organization_simple_history", args=[mercy.pk, version])
    assert browser_of("auditor").get(address).status_code == 404


def test_a_state_of_another_row_is_not_shown_under_this_one(browser_of, mercy):
    other = Organization.objects.create(
        name="Hill Clinic", contact_name="x", contact_email="x@hill.example", registered_at=NOON,
        policy_version=PolicyVersion.objects.get(),
    )  # fmt: skip
    state = other.history.get()
    address = reverse("admin:accounts_organization_simple_history", args=[mercy.pk, state.pk])
    assert browser_of("auditor").get(address).status_code == 404


def test_a_long_history_is_shown_by_pages_and_compared_across_them(browser_of, mercy, django_assert_max_num_queries):
    for number in range(60):
        mercy.name = f"Name {number}"
        mercy.save()
    browser = browser_of("auditor")
    first, second = pages(mercy)[0], pages(mercy)[0] + "?p=2"
    browser.get(first)
    with django_assert_max_num_queries(12):
        page = entries(browser, first)
    assert page.count("<tr>") == 51
    assert "Name: Name 9 → Name 10" in page  # the older one of the two stands on the next page
    assert entries(browser, second).count("<tr>") == 13


def entries(browser, address):
    page = browser.get(address).content.decode()
    return page[page.index('id="content-main"') :]
