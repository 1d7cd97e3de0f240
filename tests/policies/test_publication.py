"""From a draft to the version in force: who may, in which order, and what the ledger says of it."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.audit.models import Event
from apps.foundation.actors import SYSTEM
from apps.foundation.promises import PROMISES
from apps.policies.demo_policy import FIRST, SECOND
from apps.policies.models import PolicyVersion
from apps.policies.services import force, publication
from apps.staff.models import Approval
from apps.staff.services import approvals
from apps.staff.states import Verdict
from tests.policies.conftest import JANUARY, NOON, member

SECOND_LATER = timedelta(seconds=1)


def test_without_a_published_version_nothing_is_in_force(db):
    with pytest.raises(force.NoPolicyInForce) as refused:
        force.version_in_force(NOON)
    assert refused.value.as_dict() == {
        "code": "no_policy_in_force",
        "what": "No version of the privacy policy was in force at that moment, so nothing may be collected.",
        "mend": "Publish a version of the policy first.",
    }


def test_the_first_version_is_in_force_from_its_moment_on_and_not_before(first):
    assert force.version_in_force(JANUARY) == first
    with pytest.raises(force.NoPolicyInForce):
        force.version_in_force(JANUARY - SECOND_LATER)
    assert (first.number, first.state, first.revised_on) == (1, "published", JANUARY.date())
    assert first.clauses.count() == len(FIRST["clauses"])
    assert len(first.digest) == 32


def test_the_first_version_is_published_once_only(first):
    with pytest.raises(publication.AlreadyPublished):
        publication.publish_first(**SECOND, by=SYSTEM, at=NOON)


def test_the_demos_versions_make_every_promise():
    for version in (FIRST, SECOND):
        assert {code for clause in version["clauses"] for code in clause["promises"]} == set(PROMISES)
        assert len({clause["code"] for clause in version["clauses"]}) == len(version["clauses"])


def test_a_draft_is_not_in_force_and_takes_the_words_of_the_version_before(first, cleo):
    draft = publication.draft_from(previous=first, by=cleo, at=NOON)
    assert (draft.number, draft.state, draft.title, draft.introduction) == (2, "draft", first.title, first.introduction)
    assert list(draft.clauses.values_list("code", "text")) == list(first.clauses.values_list("code", "text"))
    assert force.version_in_force(NOON) == first


def test_there_is_one_draft_at_a_time(draft, first, cleo):
    with pytest.raises(publication.DraftExists):
        publication.draft_from(previous=first, by=cleo, at=NOON)


def test_a_second_person_publishes_and_both_versions_keep_their_time(draft, first, cleo, carl):
    approval = publication.ask(version=draft, by=cleo, at=NOON)
    published = publication.publish(version=draft, by=carl, at=NOON)
    approval.refresh_from_db()
    assert (approval.verdict, approval.decided_by, approval.act) == (Verdict.APPROVED, carl, publication.ACT)
    assert force.version_in_force(NOON) == published
    assert force.version_in_force(NOON - SECOND_LATER) == first
    assert published.published_by == f"staff:{carl.reference}"
    assert bytes(approval.digest) == bytes(published.digest)


def test_who_asked_may_not_publish(draft, cleo):
    publication.ask(version=draft, by=cleo, at=NOON)
    with pytest.raises(approvals.OwnRequest):
        publication.publish(version=draft, by=cleo, at=NOON)
    draft.refresh_from_db()
    assert draft.state == "draft"
    assert Approval.objects.get().verdict == Verdict.OPEN


@pytest.mark.parametrize("role", ["records_manager", "privacy_analyst", "auditor", "administrator"])
def test_who_has_no_right_to_publish_is_refused(draft, cleo, role):
    publication.ask(version=draft, by=cleo, at=NOON)
    with pytest.raises(approvals.NotPermitted):
        publication.publish(version=draft, by=member("rita", role), at=NOON)
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_nothing_is_published_that_nobody_asked_for(draft, carl):
    with pytest.raises(publication.NothingAsked):
        publication.publish(version=draft, by=carl, at=NOON)


def test_a_draft_changed_after_the_asking_has_to_be_asked_for_again(draft, cleo, carl):
    publication.ask(version=draft, by=cleo, at=NOON)
    clause = draft.clauses.first()
    clause.text = "Something else entirely."
    clause.save(update_fields=["text"])
    with pytest.raises(approvals.ChangedSince):
        publication.publish(version=draft, by=carl, at=NOON)
    publication.ask(version=draft, by=cleo, at=NOON)
    assert publication.publish(version=draft, by=carl, at=NOON).is_published


def test_a_draft_without_clauses_or_with_an_unknown_promise_is_not_ready(first, cleo):
    draft = publication.draft_from(previous=None, by=cleo, at=NOON)
    with pytest.raises(publication.NotReady):
        publication.ask(version=draft, by=cleo, at=NOON)
    clause = {"code": "a", "heading": "A", "text": "a", "promises": ["P27"]}
    publication.set_clauses(version=draft, clauses=[clause], by=cleo, at=NOON)
    with pytest.raises(publication.NotReady):
        publication.ask(version=draft, by=cleo, at=NOON)
    publication.set_clauses(version=draft, clauses=[clause | {"promises": [], "text": "  "}], by=cleo, at=NOON)
    with pytest.raises(publication.NotReady):
        publication.ask(version=draft, by=cleo, at=NOON)


def test_a_version_never_comes_into_force_before_or_with_an_earlier_one(draft, cleo, carl):
    publication.ask(version=draft, by=cleo, at=NOON)
    for at in (JANUARY, datetime(2025, 1, 1, tzinfo=UTC)):
        with pytest.raises(publication.NotForward):
            publication.publish(version=draft, by=carl, at=at)


def test_a_published_version_takes_no_new_clauses(second, cleo):
    with pytest.raises(publication.AlreadyPublished):
        publication.set_clauses(version=second, clauses=[], by=cleo, at=NOON)


def test_the_ledger_tells_the_way_of_a_version(second, cleo, carl):
    told = Event.objects.filter(object="POL-2").order_by("id").values_list("verb", "actor")
    assert list(told) == [
        ("policy.drafted", f"staff:{cleo.reference}"),
        ("policy.draft_changed", f"staff:{cleo.reference}"),
        ("policy.publication_asked", f"staff:{cleo.reference}"),
        ("policy.published", f"staff:{carl.reference}"),
    ]
    facts = Event.objects.get(verb="policy.published", object="POL-2").facts
    assert facts["digest"] == bytes(second.digest).hex()
    assert (facts["number"], facts["after"], facts["revised_on"]) == (2, "POL-1", "2026-03-08")


def test_history_keeps_both_moves_of_a_version_at_their_moments(second):
    assert list(second.history.order_by("history_id").values_list("state", "history_date")) == [
        ("draft", NOON),
        ("published", NOON),
    ]
    assert PolicyVersion.objects.published().count() == 2
