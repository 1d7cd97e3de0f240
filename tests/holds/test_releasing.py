"""A hold ends by two people, for a reason, for good; what it kept falls due only after its grace."""

from datetime import date, timedelta

import pytest
from django.db.models import ProtectedError

from apps.accounts.details import DetailNotValid
from apps.accounts.models import Person
from apps.audit.models import Event, EventDetail, JournalEntry
from apps.foundation.moves import NotAMove
from apps.holds.models import Hold
from apps.holds.querysets import RELEASE
from apps.holds.services import asking, releasing
from apps.holds.states import HoldState, MatterState
from apps.staff.models import Approval
from apps.staff.roles import PERMISSIONS, Role
from apps.staff.services import approvals, duties, leaving
from apps.staff.states import Verdict
from tests import cast
from tests.cast import DAY, NOON, SYSTEM

pytestmark = pytest.mark.django_db

LATER = NOON + 3 * DAY


@pytest.fixture
def hold(place, clinic):
    return place(organization=clinic)


@pytest.fixture
def asked(hold, ezra):
    return releasing.ask_release(hold=hold, reason="The case is settled.", by=ezra, at=LATER)


def test_a_hold_that_is_asked_to_be_released_goes_on_holding(asked):
    asked.refresh_from_db()
    assert (asked.state, asked.kept_until) == (HoldState.ACTIVE, None)
    assert list(asking.in_force(LATER)) == [asked]


def test_a_second_person_releases_it_for_the_reason_given(asked, ezra, cleo):
    releasing.approve_release(hold=asked, by=cleo, at=LATER + DAY)
    asked.refresh_from_db()
    assert (asked.state, asked.release_asked_by, asked.release_asked_at, asked.release_reason) == (
        HoldState.RELEASED, str(ezra.actor), LATER, "The case is settled.",
    )  # fmt: skip
    assert (asked.released_by, asked.released_at) == (str(cleo.actor), LATER + DAY)
    assert asked.kept_until == LATER + 8 * DAY
    assert Approval.objects.get().verdict == Verdict.APPROVED


def test_it_counts_as_in_force_until_its_grace_is_over_and_not_a_moment_longer(asked, cleo, clinic, settings):
    settings.HOLD_RELEASE_GRACE_DAYS = 30
    releasing.approve_release(hold=asked, by=cleo, at=LATER)
    end = LATER + 30 * DAY
    assert asking.holds_of_organization(clinic.pk, end - timedelta(seconds=1)) == [asked]
    assert asking.holds_of_organization(clinic.pk, end) == []


def test_ledger_and_journal_say_who_asked_who_released_and_until_when_it_keeps(asked, ezra, cleo, matter):
    releasing.approve_release(hold=asked, by=cleo, at=LATER)
    until = (LATER + 7 * DAY).isoformat()
    facts = {"matter": matter.reference, "asked_by": str(ezra.actor), "kept_until": until, "grace_days": 7}
    event = Event.objects.get(verb="hold.released")
    assert (event.actor, event.object, event.facts) == (str(cleo.actor), asked.reference, facts)
    entry = JournalEntry.objects.get(kind="hold.released")
    body = {name: value for name, value in entry.body.items() if name != "words"}
    said = facts | {"by": str(cleo.actor), "asked_at": LATER.isoformat(), "closes_matter": True}
    assert (entry.about, body) == (asked.reference, said)
    assert "settled" not in str(entry.body)


def test_the_ledger_says_that_it_was_asked_and_rejected_without_the_words(asked, matter, ezra, cleo):
    releasing.reject_release(hold=asked, by=cleo, at=LATER)
    events = Event.objects.filter(object=asked.reference, verb__startswith="hold.release").order_by("id")
    assert [(event.verb, event.actor, event.facts) for event in events] == [
        ("hold.release_asked", str(ezra.actor), {"matter": matter.reference}),
        ("hold.release_rejected", str(cleo.actor), {"matter": matter.reference}),
    ]
    assert EventDetail.objects.count() == 0


def test_the_matter_closes_with_its_last_hold_and_not_before(place, release, clinic, ada, matter, cleo):
    first, second = place(organization=clinic), place(person=ada)
    release(first)
    matter.refresh_from_db()
    assert matter.state == MatterState.OPEN
    release(second)
    matter.refresh_from_db()
    assert (matter.state, matter.closed_by, matter.closed_at) == (MatterState.CLOSED, str(cleo.actor), NOON)
    assert Event.objects.filter(verb="matter.closed", object=matter.reference).count() == 1
    closes = {entry.about: entry.body["closes_matter"] for entry in JournalEntry.objects.filter(kind="hold.released")}
    assert closes == {first.reference: False, second.reference: True}
    assert not JournalEntry.objects.filter(kind="matter.closed").exists()


def test_nobody_releases_what_they_asked_to_release(asked, ezra):
    with pytest.raises(approvals.OwnRequest):
        releasing.approve_release(hold=asked, by=ezra, at=LATER)
    with pytest.raises(approvals.OwnRequest):
        releasing.reject_release(hold=asked, by=ezra, at=LATER)
    asked.refresh_from_db()
    assert (asked.state, asked.released_by) == (HoldState.ACTIVE, "")


def test_another_counsel_may_release_it(asked):
    released = releasing.approve_release(hold=asked, by=cast.staff("esther", Role.COUNSEL), at=LATER)
    assert released.state == HoldState.RELEASED


@pytest.mark.parametrize("role", [role for role in Role if RELEASE not in PERMISSIONS[role]])
def test_who_may_not_release_is_refused(asked, role):
    somebody = cast.staff("somebody", role)
    for decide in (releasing.approve_release, releasing.reject_release):
        with pytest.raises(approvals.NotPermitted):
            decide(hold=asked, by=somebody, at=LATER)
    assert Hold.objects.get().state == HoldState.ACTIVE


@pytest.mark.parametrize("role", [role for role in Role if releasing.ASK not in PERMISSIONS[role]])
def test_who_may_not_ask_is_refused(hold, role):
    with pytest.raises(approvals.NotPermitted):
        releasing.ask_release(hold=hold, reason="x", by=cast.staff("somebody", role), at=LATER)
    assert Approval.objects.count() == 0


def test_an_approver_who_lost_the_right_since_the_page_was_opened_is_refused(asked, cleo):
    duties.assign(member=cleo, roles=[Role.AUDITOR], by=SYSTEM, at=LATER)
    assert cleo.has_perm(RELEASE), "the page still holds the member as they were"
    with pytest.raises(approvals.NotPermitted):
        releasing.approve_release(hold=asked, by=cleo, at=LATER)
    assert Hold.objects.get().state == HoldState.ACTIVE


def test_what_somebody_asked_for_who_left_is_not_released(asked, ezra, cleo):
    leaving.leave(member=ezra, by=SYSTEM, at=LATER)
    with pytest.raises(releasing.ReleaseNotAsked):
        releasing.approve_release(hold=asked, by=cleo, at=LATER)
    again = releasing.ask_release(hold=asked, reason="Still settled.", by=cast.staff("esther", Role.COUNSEL), at=LATER)
    assert releasing.approve_release(hold=again, by=cleo, at=LATER).release_reason == "Still settled."


def test_what_was_not_asked_for_is_not_released(hold, cleo):
    for decide in (releasing.approve_release, releasing.reject_release):
        with pytest.raises(releasing.ReleaseNotAsked):
            decide(hold=hold, by=cleo, at=LATER)


def test_what_was_withdrawn_among_the_approvals_is_not_released(asked, ezra, cleo):
    approvals.withdraw(approval=Approval.objects.get(), by=ezra, at=LATER)
    with pytest.raises(releasing.ReleaseNotAsked):
        releasing.approve_release(hold=asked, by=cleo, at=LATER)


def test_a_reason_changed_behind_the_approval_is_not_approved(asked, cleo, by_force):
    by_force("UPDATE holds_hold SET release_reason = 'Something else.'")
    with pytest.raises(approvals.ChangedSince):
        releasing.approve_release(hold=asked, by=cleo, at=LATER)
    assert Hold.objects.get().state == HoldState.ACTIVE


def test_a_scope_changed_behind_the_approval_is_not_approved(asked, cleo, by_force):
    by_force("UPDATE holds_hold SET sent_from = '2026-01-01'")
    with pytest.raises(approvals.ChangedSince):
        releasing.approve_release(hold=asked, by=cleo, at=LATER)


def test_asking_twice_is_asking_once_and_another_reason_replaces_the_first(asked, ezra, cleo):
    assert releasing.ask_release(hold=asked, reason="The case is settled.", by=ezra, at=LATER + DAY).release_asked_at == LATER
    assert Event.objects.filter(verb="hold.release_asked").count() == 1
    releasing.ask_release(hold=asked, reason="The court says so.", by=ezra, at=LATER + DAY)
    assert [a.verdict for a in Approval.objects.order_by("id")] == [Verdict.VOID, Verdict.OPEN]
    assert releasing.approve_release(hold=asked, by=cleo, at=LATER + DAY).release_reason == "The court says so."


def test_what_another_asked_for_already_is_not_asked_for_again(asked):
    with pytest.raises(approvals.AlreadyAsked):
        releasing.ask_release(hold=asked, reason="Mine.", by=cast.staff("esther", Role.COUNSEL), at=LATER)
    assert Hold.objects.get().release_reason == "The case is settled."


@pytest.mark.parametrize("reason", ["", " ", "x" * 501])
def test_a_release_needs_a_reason(hold, ezra, reason):
    with pytest.raises(DetailNotValid):
        releasing.ask_release(hold=hold, reason=reason, by=ezra, at=LATER)


def test_a_rejected_release_leaves_the_hold_in_force_with_what_was_asked_until_it_is_asked_again(asked, ezra, cleo):
    releasing.reject_release(hold=asked, by=cleo, at=LATER)
    asked.refresh_from_db()
    assert (asked.state, asked.release_asked_by, asked.release_reason) == (HoldState.ACTIVE, str(ezra.actor), "The case is settled.")
    assert releasing.asked_for(asked) is None
    assert releasing.ask_release(hold=asked, reason="Now it is.", by=ezra, at=LATER + DAY).release_reason == "Now it is."


def test_a_release_is_final(asked, ezra, cleo):
    releasing.approve_release(hold=asked, by=cleo, at=LATER)
    with pytest.raises(NotAMove):
        releasing.ask_release(hold=asked, reason="again", by=ezra, at=LATER)
    for decide in (releasing.approve_release, releasing.reject_release):
        with pytest.raises(releasing.ReleaseNotAsked):
            decide(hold=asked, by=cleo, at=LATER)


def test_a_release_rings_the_journal_and_the_sweep(asked, cleo, django_capture_on_commit_callbacks, monkeypatch):
    rung = []
    monkeypatch.setattr("apps.foundation.doorbell._send", rung.append)
    with django_capture_on_commit_callbacks(execute=True):
        releasing.approve_release(hold=asked, by=cleo, at=LATER)
    assert {"audit.write_owed_journal_entries", "retention.sweep"} <= set(rung)


# A person whose holds are over


def test_a_person_whose_holds_are_over_is_let_go_and_only_the_reference_stays(place, release, ada, cleo):
    hold = release(place(person=ada))
    over = NOON + 7 * DAY
    with pytest.raises(ProtectedError):
        ada.delete()
    assert releasing.let_go(person=ada, by=cleo, at=over) == 1
    ada.delete()
    hold.refresh_from_db()
    assert (hold.person, hold.person_reference, hold.scope_in_words) == (None, ada.reference, f"messages of {ada.reference}")
    event = Event.objects.get(verb="hold.person_let_go")
    assert (event.object, event.facts) == (hold.reference, {"person": ada.reference})


def test_a_person_is_not_let_go_while_a_grace_runs(place, release, ada, cleo):
    hold = release(place(person=ada))
    with pytest.raises(asking.UnderHold, match=hold.reference):
        releasing.let_go(person=ada, by=cleo, at=NOON + 6 * DAY)


def test_a_person_is_not_let_go_while_another_hold_is_in_force(place, release, ada, clinic, cleo):
    place(organization=clinic, sent_from=date(2026, 1, 1))
    release(place(person=ada))
    with pytest.raises(asking.UnderHold):
        releasing.let_go(person=ada, by=cleo, at=NOON + 9 * DAY)
    assert Person.objects.filter(pk=ada.pk, holds__isnull=False).exists()


def test_letting_somebody_go_whom_nothing_ever_held_changes_nothing(ada, cleo):
    assert releasing.let_go(person=ada, by=cleo, at=NOON) == 0
    assert Event.objects.filter(verb="hold.person_let_go").count() == 0
