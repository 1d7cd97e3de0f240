"""What every page of the admin keeps to: nobody deletes, nothing is cached, only our own classes are served, slow ones refused."""

import pytest
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse

from apps.accounts.models import Organization, Person
from apps.audit.models import Event
from apps.foundation.admin import CovenantAdmin, searching
from apps.staff.roles import Role
from config.admin_site_class import CovenantAdminSite
from config.dashboard import Panel, panels_for
from tests.foundation.admin_urls import EventAdmin, TooLate, site

LIST = "/admin/accounts/organization/"


@pytest.mark.parametrize("role", list(Role))
def test_nobody_deletes_and_there_is_no_deletion_in_bulk(browser_of, add_organizations, role):
    (harbor,) = add_organizations("Harbor")
    browser = browser_of(role)
    assert browser.get(f"{LIST}{harbor.pk}/delete/").status_code == 403
    assert browser.post(f"{LIST}{harbor.pk}/delete/", {"post": "yes"}).status_code == 403
    browser.post(LIST, {"action": "delete_selected", "_selected_action": [harbor.pk], "post": "yes"})
    assert Organization.objects.filter(pk=harbor.pk).count() == 1


def test_an_action_that_does_not_say_for_whom_is_for_nobody(auditor, add_events):
    add_events(1)
    page = auditor.get("/admin/audit/event/").content.decode()
    assert "nobody_said_for_whom" not in page
    assert "action-checkbox" not in page


def test_who_may_only_view_can_not_save(auditor, add_organizations):
    (harbor,) = add_organizations("Harbor")
    assert auditor.post(f"{LIST}{harbor.pk}/change/", {"name": "Changed", "standing": "active"}).status_code == 403
    harbor.refresh_from_db()
    assert harbor.name == "Harbor"


@pytest.mark.parametrize("path", ["/admin/", LIST, LIST + "{pk}/change/", "/admin/accounts/"])
def test_no_page_is_kept_by_a_cache(auditor, add_organizations, path):
    (harbor,) = add_organizations("Harbor")
    answer = auditor.get(path.format(pk=harbor.pk))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("path", ["/admin/", LIST, LIST + "{pk}/change/", LIST + "add/", LIST + "{pk}/act/note/"])
def test_no_page_has_inline_styles_or_scripts(manager, add_organizations, path):
    (harbor,) = add_organizations("Harbor")
    page = manager.get(path.format(pk=harbor.pk)).content.decode()
    assert " style=" not in page
    assert "<style" not in page
    assert "onclick" not in page
    assert "<script>" not in page


def test_the_page_says_who_is_signed_in_with_which_roles_and_that_it_is_the_demo(manager, settings):
    settings.DEMO = True
    page = manager.get("/admin/").content.decode()
    assert "records manager" in page
    assert manager.member.full_name in page
    assert "Demo: made-up data, second factor not asked" in page
    settings.DEMO = False
    assert "made-up data" not in manager.get("/admin/").content.decode()


def test_sections_stand_in_the_order_of_their_meaning(auditor):
    labels = [app["app_label"] for app in auditor.get("/admin/").context["app_list"]]
    assert labels == ["accounts", "audit"]
    names = [model["name"] for model in auditor.get("/admin/").context["app_list"][0]["models"]]
    assert names == ["Organizations", "People"]


def test_classes_of_third_parties_are_left_out_and_stock_classes_of_ours_are_refused():
    own = CovenantAdminSite()
    own.register(admin.models.LogEntry, admin.ModelAdmin)
    assert own._registry == {}
    with pytest.raises(ImproperlyConfigured, match="Event needs an admin class based on CovenantAdmin"):
        own.register(Event, admin.ModelAdmin)


def wrongs(**attributes) -> list[str]:
    declared = type("Declared", (CovenantAdmin,), attributes)
    return [error.id for error in declared(Person, site).check()]


def test_what_would_make_a_list_slow_or_leaky_stops_the_start():
    assert wrongs() == []
    assert wrongs(date_hierarchy="registered_at") == ["foundation.E102"]
    assert wrongs(list_filter=("given_name",)) == ["foundation.E104"]
    assert wrongs(list_filter=("organization", "standing", "registered_at")) == []
    assert wrongs(list_display=("family_name",), sortable_by=("family_name",)) == ["foundation.E105"]


def test_an_unknown_filter_is_said_to_be_unknown(auditor, add_events):
    add_events(1)
    page = auditor.get("/admin/audit/event/?nonsense=1", follow=True)
    assert page.status_code == 200
    assert "not known here" in page.content.decode()


def test_a_stale_address_of_a_thing_is_answered_with_a_message(auditor):
    answer = auditor.get("/admin/accounts/organization/424242/change/", follow=True)
    assert answer.status_code == 200
    assert "doesn’t exist" in answer.content.decode() or "doesn&#x27;t exist" in answer.content.decode()


# Search


def keys(client, path: str) -> set[int]:
    return {row.pk for row in client.get(path).context["cl"].result_list}


def test_a_reference_is_found_whatever_its_case_and_a_name_by_a_part_of_it(auditor, add_organizations):
    harbor, hill = add_organizations("Harbor Clinic", "Hill Clinic")
    assert keys(auditor, f"{LIST}?q={harbor.reference.lower()}") == {harbor.pk}
    assert keys(auditor, f"{LIST}?q=arbo") == {harbor.pk}
    assert keys(auditor, f"{LIST}?q=clinic") == {harbor.pk, hill.pk}
    assert keys(auditor, f"{LIST}?q=clinic+hill") == {hill.pk}
    assert keys(auditor, f'{LIST}?q="harbor clinic"') == {harbor.pk}
    assert keys(auditor, f"{LIST}?q=%25") == set()


def test_a_frequent_word_finds_all_the_same_as_a_rare_one(auditor, add_organizations, ada, monkeypatch):
    add_organizations(*(f"Clinic {number}" for number in range(6)))
    rare = auditor.get(f"{LIST}?q=clinic").context["cl"].queryset.count()
    monkeypatch.setattr(searching, "FEW", 2)
    assert auditor.get(f"{LIST}?q=clinic").context["cl"].queryset.count() == rare == 7
    assert keys(auditor, "/admin/accounts/person/?q=ada@harbor.org") == {ada.pk}
    monkeypatch.setattr(searching, "FEW", 0)
    assert keys(auditor, "/admin/accounts/person/?q=ada@harbor.org") == {ada.pk}


@pytest.mark.parametrize("term", ["%00", "'", "%27%22", "((", "\\", "é" * 300, "a b c d e f g h i"])
def test_no_search_breaks_the_page(auditor, add_organizations, term):
    add_organizations("Harbor")
    assert auditor.get(f"{LIST}?q={term}").status_code == 200


def test_a_foreign_key_is_filtered_by_its_reference(auditor, ada, add_organizations):
    (other,) = add_organizations("Other")
    people = "/admin/accounts/person/"
    assert keys(auditor, f"{people}?organization__reference={ada.organization.reference.lower()}") == {ada.pk}
    assert keys(auditor, f"{people}?organization__reference={other.reference}") == set()
    assert keys(auditor, f"{people}?organization__reference=ORG-NONE") == set()
    assert keys(auditor, f"{people}?organization={ada.organization.pk}") == {ada.pk}


# The first page


def test_a_panel_is_shown_to_who_has_its_permission_and_says_what_was_refused(rf, auditor):
    def refused(request, at):
        raise TooLate

    panels = (
        Panel("Mine", "audit.view_event", refused, "admin/panel_refused.html"),
        Panel("Not mine", "staff.end_staffmember", refused, "admin/panel_refused.html"),
    )
    request = rf.get("/admin/")
    request.user = auditor.member
    (shown,) = panels_for(request, None, panels)
    assert shown["title"] == "Mine"
    assert "It is too late for that." in shown["content"]
    assert "Do it earlier tomorrow." in shown["content"]


def test_every_act_and_page_has_its_address():
    assert reverse("admin:accounts_organization_export", urlconf="tests.foundation.admin_urls") == LIST + "export.csv"
    assert reverse("admin:accounts_organization_sweep", urlconf="tests.foundation.admin_urls") == LIST + "act/sweep/"
    assert EventAdmin.acts == ()
