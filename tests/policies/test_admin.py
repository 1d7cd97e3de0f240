"""The policy in the admin: drafted, previewed, asked for, and published by somebody else after a page that says what happens."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.policies import changes
from apps.policies.models import PolicyVersion
from apps.policies.services import publication
from apps.staff.models import Approval
from apps.staff.roles import PERMISSIONS, Role
from tests.policies.conftest import NOON, member

PUBLISHERS = [role for role in Role if "policies.publish_policyversion" in PERMISSIONS[role]]


def url(page, *args):
    return reverse(f"admin:policies_policyversion_{page}", args=args)


def browser_of(person):
    browser = Client()
    browser.force_login(person)
    return browser


def fields(version, **changes):
    """What the change form of a draft posts."""
    clauses = list(version.clauses.order_by("position"))
    posted = {"title": version.title, "introduction": version.introduction}
    posted |= {"clauses-TOTAL_FORMS": len(clauses), "clauses-INITIAL_FORMS": len(clauses)}
    for place, clause in enumerate(clauses):
        posted |= {f"clauses-{place}-id": clause.pk, f"clauses-{place}-version": version.pk}
        for name in ("position", "code", "heading"):
            posted[f"clauses-{place}-{name}"] = getattr(clause, name)
        posted[f"clauses-{place}-text"] = clause.text.replace("\n", "\r\n")  # as browsers send it
        posted[f"clauses-{place}-promises"] = " ".join(clause.promises)
    return posted | changes


def test_from_a_draft_to_the_version_in_force_by_two_people(first, cleo, carl):
    drafting, deciding = browser_of(cleo), browser_of(carl)
    assert drafting.post(url("draft"), {"once": "1"}).status_code == 302
    draft = PolicyVersion.objects.get(number=2)
    response = drafting.post(url("change", draft.pk), fields(draft, title="Our policy", **{"clauses-0-text": "Other words."}))
    assert response.status_code == 302
    draft.refresh_from_db()
    assert (draft.title, draft.clauses.first().text) == ("Our policy", "Other words.")
    assert len(changes.between(first, draft).changed) == 1
    preview = drafting.get(url("preview", draft.pk)).content.decode()
    assert "This is a draft. The public does not see it." in preview
    assert "<ins>Other words.</ins>" in preview
    assert "Somebody else with the right to publish" in drafting.get(url("ask", draft.pk)).content.decode()
    drafting.post(url("ask", draft.pk), {"once": "2"})
    page = deciding.get(url("publish", draft.pk)).content.decode()
    for sentence in ("in force at once", "taken back or removed afterwards", f"{cleo.reference} asked for it", "<ins>Other words.</ins>"):
        assert sentence in page
    draft.refresh_from_db()
    assert draft.state == "draft"
    assert deciding.post(url("publish", draft.pk), {"once": "3"}).status_code == 302
    draft.refresh_from_db()
    assert (draft.state, draft.published_by) == ("published", f"staff:{carl.reference}")
    assert Approval.objects.get().decided_by == carl
    assert 'data-version="2"' in Client().get("/privacy/").content.decode()


def test_who_asked_is_refused_with_the_reason(draft, cleo):
    publication.ask(version=draft, by=cleo, at=NOON)
    response = browser_of(cleo).post(url("publish", draft.pk), {"once": "1"})
    assert response.status_code == 409
    assert "somebody else must decide it" in response.content.decode()
    draft.refresh_from_db()
    assert draft.state == "draft"


@pytest.mark.parametrize("role", [role for role in Role if role not in PUBLISHERS])
def test_a_role_without_the_right_publishes_nothing(draft, cleo, role):
    publication.ask(version=draft, by=cleo, at=NOON)
    browser = browser_of(member("rita", role))
    assert browser.get(url("publish", draft.pk)).status_code == 403
    assert browser.post(url("publish", draft.pk)).status_code == 403
    draft.refresh_from_db()
    assert draft.state == "draft"


@pytest.mark.parametrize("role", [role for role in Role if "policies.change_policyversion" not in PERMISSIONS[role]])
def test_a_role_without_the_right_drafts_changes_and_asks_for_nothing(draft, role):
    browser = browser_of(member("rita", role))
    for page in (url("draft"), url("ask", draft.pk)):
        assert browser.post(page).status_code == 403
    assert browser.post(url("change", draft.pk), fields(draft, title="Mine")).status_code == 403
    draft.refresh_from_db()
    assert draft.title != "Mine"


def test_a_published_version_is_for_reading_only(first, cleo):
    browser = browser_of(cleo)
    page = browser.get(url("change", first.pk)).content.decode()
    assert "<textarea" not in page
    assert 'name="_save"' not in page
    assert browser.post(url("change", first.pk), fields(first, title="Mine")).status_code == 403
    assert browser.get(reverse("admin:policies_policyversion_delete", args=[first.pk])).status_code == 403
    first.refresh_from_db()
    assert first.title != "Mine"


def test_clauses_that_clash_are_said_beside_the_field(draft, cleo):
    response = browser_of(cleo).post(
        url("change", draft.pk), fields(draft, **{"clauses-1-position": 1, "clauses-2-code": "registration"})
    )
    page = response.content.decode()
    assert response.status_code == 200
    assert "Another clause has the same place." in page
    assert "Another clause has the same code." in page


def test_what_a_browser_sends_unchanged_is_no_change(draft, cleo, first):
    before = publication.digest_of(draft)
    assert browser_of(cleo).post(url("change", draft.pk), fields(draft)).status_code == 302
    assert publication.digest_of(draft) == before


def test_a_promise_that_does_not_exist_is_said_beside_the_field(draft, cleo):
    response = browser_of(cleo).post(url("change", draft.pk), fields(draft, **{"clauses-0-promises": "P01, p99"}))
    assert "Use the codes P01 to P26, with a space between them." in response.content.decode()
    browser_of(cleo).post(url("change", draft.pk), fields(draft, **{"clauses-0-promises": "p03,P01 P01"}))
    assert draft.clauses.order_by("position").first().promises == ["P01", "P03"]


def test_a_draft_changed_after_the_asking_offers_to_ask_again_and_not_to_publish(draft, cleo, carl):
    publication.ask(version=draft, by=cleo, at=NOON)
    drafting, page = browser_of(cleo), url("change", draft.pk)
    assert "Ask for publication" not in drafting.get(page).content.decode()
    assert "Approve and publish" in browser_of(carl).get(page).content.decode()
    drafting.post(page, fields(draft, title="Other"))
    assert "Ask for publication" in drafting.get(page).content.decode()
    assert "Approve and publish" not in browser_of(carl).get(page).content.decode()
    assert browser_of(carl).post(url("publish", draft.pk), {"once": "1"}).status_code == 409


def test_two_clauses_change_places(draft, cleo):
    first, second = draft.clauses.order_by("position")[:2]
    posted = fields(draft, **{"clauses-0-position": 2, "clauses-1-position": 1})
    assert browser_of(cleo).post(url("change", draft.pk), posted).status_code == 302
    assert list(draft.clauses.order_by("position")[:2]) == [second, first]


def test_a_clause_is_removed_from_a_draft_and_the_page_says_which_promise_is_missing(draft, cleo):
    browser = browser_of(cleo)
    assert browser.post(url("change", draft.pk), fields(draft, **{"clauses-0-DELETE": "on"})).status_code == 302
    assert not draft.clauses.filter(code="registration").exists()
    assert "No clause makes these promises: P01." in browser.get(url("ask", draft.pk)).content.decode()


def test_a_second_draft_is_refused_with_its_mend(draft, cleo):
    response = browser_of(cleo).post(url("draft"), {"once": "1"})
    assert response.status_code == 409
    assert "Work on the draft that exists" in response.content.decode()


@pytest.mark.parametrize("role", list(Role))
def test_everybody_on_the_staff_reads_versions_and_their_history(second, role):
    browser = browser_of(member("rita", role))
    for page in (url("changelist"), url("change", second.pk), url("history", second.pk)):
        assert browser.get(page).status_code == 200, page
    assert browser.get(url("preview", second.pk)).headers["Location"] == "/privacy/versions/2/"


def test_a_preview_is_for_staff_only(draft):
    assert Client().get(url("preview", draft.pk)).status_code == 302
