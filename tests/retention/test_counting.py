"""A plan over many messages is worked out by a worker, the same as one that somebody waits for; killed anywhere, it goes on."""

from datetime import date, timedelta

import pytest
from django.urls import reverse

from apps.audit.models import Event
from apps.foundation.moves import NotAMove
from apps.holds.services import matters, placing
from apps.retention.models import Cohort, Message, Rescheduling
from apps.retention.services import alarms, aside, counting, early, moving, rescheduling, sealing
from apps.retention.services.rescheduling import AnotherUnderWay, NothingToMove, PlanChanged
from apps.retention.states import ReschedulingState
from apps.staff.models import Approval
from apps.staff.roles import Role
from apps.staff.services.approvals import NotPermitted
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")

LATER = NOON + timedelta(hours=1)
SHORT, LONG = date(2026, 3, 16), date(2026, 4, 8)  # lives of 7 and of 30 days, rounded to the next midnight


@pytest.fixture(autouse=True)
def small_chunks(settings, monkeypatch):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(aside, "CHUNK", 2)


@pytest.fixture
def clinic():
    """Five messages of today, three of the day before, in a life of thirty days that has become seven."""
    clinic = cast.hill_clinic(30)
    cast.hand_over(clinic, [cast.message(n, conversation=f"c{n}") for n in range(1, 6)])
    cast.hand_over(clinic, [cast.message(n, at=NOON - DAY) for n in range(6, 9)], key="b2")
    cast.rule(clinic, 7, at=NOON)
    return clinic


def begun(clinic, at=LATER) -> Rescheduling:
    return counting.begin(organization=clinic, by=cast.bo(), at=at)


def counted(clinic, at=LATER) -> Rescheduling:
    row = begun(clinic, at)
    assert moving.reschedule_due(at=at) == [row.reference]
    return Rescheduling.objects.get(pk=row.pk)


def test_a_worker_works_out_the_same_plan_as_the_page_would_and_says_how_far_it_is(clinic, monkeypatch):
    counsel = cast.staff("ezra", Role.COUNSEL)
    matter = matters.open_matter(title="Case 26-114", reason="Preservation letter", by=counsel, at=NOON)
    placing.place(matter=matter, organization=clinic, conversation=("product", "c2"), reason="asked", by=counsel, at=NOON)
    wanted = rescheduling.preview(organization=clinic, at=LATER)
    assert [entry["stays"] for entry in wanted["cohorts"]] == [{}, {"held": 1}]
    monkeypatch.setattr(moving, "CHUNKS_A_RUN", 1)
    row, far = begun(clinic), []
    assert (row.state, row.progress["looked_at"], row.progress["of"]) == (ReschedulingState.COUNTING, 0, 8)
    while Rescheduling.objects.get().state == ReschedulingState.COUNTING:
        moving.run(row=row, at=LATER)
        far.append(Rescheduling.objects.get().progress["looked_at"])
    row.refresh_from_db()
    assert (row.state, row.plan, far) == (ReschedulingState.COUNTED, wanted, [2, 3, 5, 7, 8, 8])
    assert Event.objects.get(verb="rescheduling.counted").facts == {"messages": 7}


def test_what_was_worked_out_is_proposed_approved_and_carried_out(clinic):
    row = counting.propose(row=counted(clinic), by=cast.bo(), at=LATER)
    assert (row.state, row.progress, Approval.objects.get(act=rescheduling.ACT).subject) == (ReschedulingState.PROPOSED, {}, row.reference)
    rescheduling.approve(rescheduling=row, by=cast.cleo(), at=LATER)
    assert moving.reschedule_due(at=LATER) == [row.reference]
    assert Message.objects.on_days([SHORT, SHORT - DAY]).count() == 8


def test_asked_twice_it_is_worked_out_once_and_anew_when_it_was_not_proposed(clinic):
    first = begun(clinic)
    assert begun(clinic) == first
    moving.reschedule_due(at=LATER)
    second = begun(clinic)
    assert dict(Rescheduling.objects.values_list("reference", "state")) == {first.reference: "rejected", second.reference: "counting"}


def test_none_is_worked_out_or_proposed_beside_one_that_is_proposed(clinic):
    row = counted(clinic)
    plan = rescheduling.preview(organization=clinic, at=LATER)
    rescheduling.propose(organization=clinic, through=plan["through"], shown=rescheduling.fingerprint(plan), by=cast.bo(), at=LATER)
    with pytest.raises(AnotherUnderWay):
        counting.propose(row=row, by=cast.bo(), at=LATER)
    with pytest.raises(AnotherUnderWay):
        begun(clinic)


def test_what_changed_since_it_was_worked_out_is_put_away_and_not_proposed(clinic):
    row = counted(clinic)
    early.delete_by_source(organization=clinic, day=LONG, source="product", message_id="m1", reason="recalled", by=cast.bo().actor, at=LATER)
    with pytest.raises(PlanChanged):
        counting.propose(row=row, by=cast.bo(), at=LATER)
    assert (Rescheduling.objects.get().state, Approval.objects.filter(act=rescheduling.ACT).count()) == (ReschedulingState.REJECTED, 0)


def test_what_would_move_nothing_is_not_proposed():
    clinic = cast.hill_clinic(7)
    cast.hand_over(clinic, [cast.message(1)])
    with pytest.raises(NothingToMove):
        counting.propose(row=counted(clinic), by=cast.bo(), at=LATER)


def test_a_cohort_that_is_sealed_while_it_is_counted_stays_and_one_whose_day_came_is_left_out(clinic, monkeypatch):
    monkeypatch.setattr(moving, "CHUNKS_A_RUN", 1)
    row = begun(clinic)
    moving.run(row=row, at=LATER)
    assert Rescheduling.objects.get().progress["cohort"]["then"] != {}
    earlier, later = Cohort.objects.order_by("expiry_on")
    for cohort, verb in ((earlier, sealing.seal_cohort), (later, sealing.seal_cohort), (earlier, sealing.expire_cohort)):
        verb(cohort_id=cohort.pk, at=NOON + 30 * DAY)
    monkeypatch.undo()
    moving.run(row=row, at=LATER)
    row.refresh_from_db()
    assert [(entry["cohort"], entry["then"], entry["stays"]) for entry in row.plan["cohorts"]] == [(later.reference, [], {"sealed": 5})]


def test_a_worker_whose_lease_ran_out_counts_no_chunk_a_second_time(clinic, monkeypatch):
    row = begun(clinic)
    fast = counting._next

    def overtaken(*given):
        monkeypatch.setattr(counting, "_next", fast)
        moving.run(row=row, at=LATER)  # another worker, all of it
        return fast(*given)

    monkeypatch.setattr(counting, "_next", overtaken)
    counting.count_chunk(row.pk, LATER)
    row.refresh_from_db()
    assert (row.state, row.progress["looked_at"], rescheduling.moves_of(row.plan)) == (ReschedulingState.COUNTED, 8, 8)


def test_what_can_not_be_opened_is_parked_alarms_and_can_be_put_away(clinic):
    row = begun(clinic)
    Message.objects.on_days([LONG]).update(ciphertext=b"x" * 80)
    for attempt in range(7):
        moving.reschedule_due(at=LATER + attempt * timedelta(minutes=5))
    assert list(alarms.parked_reschedulings(LATER)) == [row.reference]
    counting.put_away(row=row, by=cast.bo(), at=LATER)
    assert (Rescheduling.objects.get().state, list(alarms.parked_reschedulings(LATER))) == (ReschedulingState.REJECTED, [])


def test_what_is_proposed_is_rejected_and_not_put_away(clinic):
    row = counting.propose(row=counted(clinic), by=cast.bo(), at=LATER)
    with pytest.raises(NotAMove):
        counting.put_away(row=row, by=cast.bo(), at=LATER)
    assert Rescheduling.objects.get().state == ReschedulingState.PROPOSED


def test_who_may_not_propose_may_not_have_it_worked_out(clinic):
    with pytest.raises(NotPermitted):
        counting.begin(organization=clinic, by=cast.staff("ada", Role.AUDITOR), at=LATER)


@pytest.mark.parametrize(("most", "state"), [(7, "counting"), (8, None)], ids=["more than somebody waits for", "as many"])
def test_the_page_hands_a_large_plan_to_a_worker(clinic, client, settings, monkeypatch, most, state):
    settings.SECOND_FACTOR_REQUIRED = False
    settings.SECURE_SSL_REDIRECT = False
    monkeypatch.setattr(counting, "MOST_WHILE_SOMEBODY_WAITS", most)
    monkeypatch.setattr("apps.foundation.clock.now", lambda: LATER)
    client.force_login(cast.bo())
    answer = client.post(reverse("admin:retention_rescheduling_add"), {"organization": clinic.pk})
    row = Rescheduling.objects.first()
    assert (row and row.state) == state
    if row is None:
        assert (answer.status_code, "8 messages" in answer.content.decode()) == (200, True)
        return
    assert answer.headers["Location"] == reverse("admin:retention_rescheduling_change", args=[row.pk])
    page = client.get(answer.headers["Location"]).content.decode()
    assert "0 of about 8 messages looked at" in page
