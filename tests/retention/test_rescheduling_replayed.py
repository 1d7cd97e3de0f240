"""After a restore the journal lets a rescheduling begin again as it was approved, whatever the backup knows of it; once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import transaction

from apps.audit.journal_file import Line
from apps.audit.models import Event, JournalEntry
from apps.retention.models import Cohort, Message, Rescheduling
from apps.retention.services import aside, moving, replay, rescheduling
from apps.retention.states import RequestState
from apps.staff.models import Approval
from apps.staff.states import Verdict
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")

LATER = NOON + timedelta(hours=1)
RESTORED = NOON + timedelta(hours=5)
SHORT, MIDDLE, LONG = date(2026, 3, 16), date(2026, 3, 24), date(2026, 4, 8)  # lives of 7, 15 and 30 days


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def clinic():
    clinic = cast.hill_clinic(30)
    cast.hand_over(clinic, [cast.message(n, conversation=f"c{n}") for n in range(1, 6)])
    return clinic


def proposed(clinic, at=LATER) -> Rescheduling:
    plan = rescheduling.preview(organization=clinic, at=at)
    return rescheduling.propose(organization=clinic, through=plan["through"], shown=rescheduling.fingerprint(plan), by=cast.bo(), at=at)


def approved(row: Rescheduling, at=LATER) -> Rescheduling:
    return rescheduling.approve(rescheduling=row, by=cast.cleo(), at=at)


def line_of(entry: JournalEntry, **other) -> Line:
    """As a replay reads it from the file; signatures and the chain are looked at before a handler hears of it."""
    given = {"kind": entry.kind, "about": entry.about, "body": entry.body, "at": entry.created_at} | other
    return Line(installation=entry.pk, sequence=1, entry=entry.pk, previous=b"", signature=b"", digest=b"", **given)


def after_the_backup(*acts: Callable[[], object]) -> list[Line]:
    """Do what was done after the backup was made, then put everything back as the backup has it: what the journal tells of it."""
    before = set(JournalEntry.objects.values_list("pk", flat=True))
    with transaction.atomic():
        for act in acts:
            act()
        told = JournalEntry.objects.filter(kind="rescheduling.approved").exclude(pk__in=before).order_by("created_at")
        lines = [line_of(entry) for entry in told]
        transaction.set_rollback(True)
    return lines


def repeat(*lines: Line) -> None:
    for line in lines:
        with transaction.atomic():
            replay.rescheduling_approved(line, at=RESTORED)


def in_days(clinic) -> dict[date, int]:
    found = {}
    for cohort in Cohort.objects.filter(organization=clinic):
        if count := Message.objects.on_days([cohort.expiry_on]).filter(organization_id=clinic.pk).count():
            found[cohort.expiry_on] = count
    return found


def test_an_approval_is_owed_to_the_journal_with_all_that_it_takes_and_nothing_about_a_person(clinic):
    cast.rule(clinic, 7, at=NOON)
    row = approved(proposed(clinic))
    entry = JournalEntry.objects.get(kind="rescheduling.approved")
    assert (entry.about, entry.created_at) == (row.reference, LATER)
    assert entry.body == {
        "organization": clinic.reference, "plan": bytes(row.plan_digest).hex(), "through": row.plan["through"], "lives": [["", 7]],
        "cohorts": row.plan["cohorts"], "asked_by": str(cast.bo().actor), "asked_at": LATER.isoformat(), "by": str(cast.cleo().actor),
    }  # fmt: skip


def test_a_backup_that_knows_nothing_of_it_has_it_approved_again_and_carried_out_once(clinic):
    lines = after_the_backup(lambda: cast.rule(clinic, 7, at=NOON), lambda: approved(proposed(clinic)), lambda: moving.reschedule_due(at=LATER))
    assert (in_days(clinic), Rescheduling.objects.count()) == ({LONG: 5}, 0)
    repeat(*lines, *lines)
    row = Rescheduling.objects.get()
    assert (row.reference, row.state, row.decided_at, row.proposed_at) == (lines[0].about, RequestState.APPROVED, LATER, LATER)
    assert Event.objects.get(verb="rescheduling.approved_again").facts["cohorts"] == 1
    assert moving.reschedule_due(at=RESTORED) == [row.reference]
    repeat(*lines)
    assert moving.reschedule_due(at=RESTORED) == []
    row.refresh_from_db()
    assert (in_days(clinic), row.state, row.moved) == ({SHORT: 5}, RequestState.DONE, 5)
    assert Approval.objects.filter(act=rescheduling.ACT).count() == 0


def test_a_backup_that_knows_the_proposal_has_it_approved_and_nobody_is_asked_for_it_any_more(clinic):
    cast.rule(clinic, 7, at=NOON)
    row = proposed(clinic)
    lines = after_the_backup(lambda: approved(row))
    repeat(*lines)
    row.refresh_from_db()
    assert (row.state, row.decided_by) == (RequestState.APPROVED, str(cast.cleo().actor))
    assert Approval.objects.get(act=rescheduling.ACT).verdict == Verdict.VOID
    assert moving.reschedule_due(at=RESTORED) == [row.reference]
    assert in_days(clinic) == {SHORT: 5}


def test_one_that_was_under_way_in_the_backup_goes_on_from_there_whatever_is_repeated(clinic, monkeypatch):
    monkeypatch.setattr(aside, "CHUNK", 2)
    monkeypatch.setattr(moving, "CHUNKS_A_RUN", 1)
    cast.rule(clinic, 7, at=NOON)
    row = approved(proposed(clinic))
    moving.run(row=row, at=LATER)
    entry = JournalEntry.objects.get(kind="rescheduling.approved")
    assert in_days(clinic) == {LONG: 3, SHORT: 2}
    repeat(line_of(entry))
    row.refresh_from_db()
    assert (row.state, row.moved) == (RequestState.APPROVED, 2)
    assert row.progress[row.plan["cohorts"][0]["cohort"]]["moved"] == 2


def test_a_cohort_that_the_backup_does_not_know_keeps_nothing_from_its_end(clinic):
    def a_second_day():
        cast.hand_over(clinic, [cast.message(n, at=NOON + DAY) for n in range(6, 9)], at=NOON + DAY, key="second")

    at = NOON + DAY + timedelta(hours=1)
    lines = after_the_backup(lambda: cast.rule(clinic, 7, at=NOON + DAY), a_second_day, lambda: approved(proposed(clinic, at), at))
    repeat(*lines)
    assert Event.objects.get(verb="rescheduling.approved_again").facts["cohorts_not_known"] == len(lines[0].body["cohorts"]) - 1
    assert moving.reschedule_due(at=at) == [lines[0].about]
    assert in_days(clinic) == {SHORT: 5}


def test_of_two_approved_since_the_backup_the_later_one_decides_for_what_the_earlier_had_moved(clinic):
    lines = after_the_backup(
        lambda: cast.rule(clinic, 15, at=NOON), lambda: approved(proposed(clinic)), lambda: moving.reschedule_due(at=LATER),
        lambda: cast.rule(clinic, 7, at=LATER), lambda: approved(proposed(clinic, LATER + DAY), LATER + DAY),
    )  # fmt: skip
    assert len(lines) == 2
    repeat(*lines)
    first, second = Rescheduling.objects.order_by("id")
    assert (first.state, first.moved, second.state) == (RequestState.DONE, 0, RequestState.APPROVED)
    assert Event.objects.get(verb="rescheduling.overtaken").object == first.reference
    assert moving.reschedule_due(at=LATER + DAY) == [second.reference]
    assert in_days(clinic) == {SHORT: 5}


def test_an_earlier_proposal_of_the_backup_was_put_away_before_and_is_put_away_again(clinic):
    cast.rule(clinic, 15, at=NOON)
    earlier = proposed(clinic)
    lines = after_the_backup(
        lambda: rescheduling.reject(rescheduling=earlier, by=cast.cleo(), at=LATER), lambda: cast.rule(clinic, 7, at=LATER),
        lambda: approved(proposed(clinic, LATER + DAY), LATER + DAY),
    )  # fmt: skip
    repeat(*lines)
    earlier.refresh_from_db()
    assert (earlier.state, earlier.decided_by) == (RequestState.REJECTED, "")
    assert set(Approval.objects.filter(act=rescheduling.ACT).values_list("verdict", flat=True)) == {Verdict.VOID}
    assert moving.reschedule_due(at=LATER + DAY) == [lines[0].about]
    assert in_days(clinic) == {SHORT: 5}


def test_a_client_that_the_backup_does_not_know_has_nothing_to_be_moved(clinic):
    lines = after_the_backup(lambda: cast.rule(clinic, 7, at=NOON), lambda: approved(proposed(clinic)))
    repeat(replace(lines[0], body=lines[0].body | {"organization": "ORG-0000000"}))
    assert Rescheduling.objects.count() == 0
