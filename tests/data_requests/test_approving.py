"""A plan says everything before anything changes; a second person approves exactly that; what changes since is not carried out."""

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from apps.accounts.models import Person
from apps.accounts.services import closing, minors
from apps.accounts.states import ClosedHow
from apps.data_requests import order
from apps.data_requests.models import DataRequest, ErasedPerson, Plan, Step
from apps.data_requests.services import approving, calling_back, executing, from_below, moving, opening, planning, proving
from apps.data_requests.states import Channel, Kind, State, StepKind, StepState
from apps.foundation.actors import SYSTEM
from apps.holds.services import matters, placing
from apps.mail.models import OutgoingMail
from apps.staff.models import Approval, StaffMember
from apps.staff.roles import Role
from apps.staff.services import approvals, duties, leaving
from apps.staff.services.presence import NotPermitted
from apps.staff.states import Verdict
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import carried
from tests.gate import given

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_house(house):
    """Keys and policy."""


@pytest.fixture
def ada() -> Person:
    return cast.ada(cast.client())


def hold_on(person: Person, at=NOON):
    counsel = given.ezra()
    matter = matters.open_matter(title="Docket 26-120", reason="A court asks for it.", by=counsel, at=at)
    return placing.place(matter=matter, reason="The court names it.", person=person, by=counsel, at=at)


def state_of(request: DataRequest) -> str:
    return DataRequest.objects.values_list("state", flat=True).get(pk=request.pk)


def test_a_plan_has_each_holding_of_people_once_in_the_order_in_which_rows_may_go(ada):
    plan = carried.planned(ada)
    steps = list(plan.steps.order_by("number"))
    erased = [step.holding for step in steps if step.kind == StepKind.ERASE]
    assert erased == [holding.code for holding in order.in_order() if holding.erase]
    assert erased[-1] == "accounts.people"
    surviving = {step.holding for step in steps if step.kind == StepKind.SURVIVES}
    assert set(erased) | surviving == {holding.code for holding in order.in_order()}
    assert [step.holding for step in steps if step.kind == StepKind.ASK_CLIENT] == [ada.organization.reference]
    assert steps[-1].expected == 2, "the row and its history"
    assert {step.state for step in steps} == {StepState.PLANNED}
    assert Person.objects.filter(pk=ada.pk).exists()


def test_a_plan_of_a_copy_collects_and_erases_nothing(ada):
    plan = carried.planned(ada, Kind.ACCESS)
    kinds = set(plan.steps.values_list("kind", flat=True))
    assert kinds == {StepKind.ASK_CLIENT, StepKind.COLLECT}
    assert plan.steps.get(holding="accounts.people").expected == 2


def test_only_what_is_in_work_and_erases_or_hands_over_gets_a_plan(ada):
    request = carried.approved(ada)
    with pytest.raises(planning.NotInWork):
        planning.make_plan(request, by=SYSTEM, at=NOON)
    with pytest.raises(planning.NothingToPlan):
        planning.make_plan(carried.asked(ada, Kind.COMPLAINT), by=SYSTEM, at=NOON)


def test_a_plan_made_anew_takes_the_place_of_the_one_before_and_its_approval_is_void(ada):
    first = carried.planned(ada)
    approving.ask(first.request, by=given.dana(), at=NOON)
    approving.withdraw(first.request, by=given.dana(), at=NOON)
    second = planning.make_plan(first.request, by=SYSTEM, at=NOON)
    first.refresh_from_db()
    assert (first.void_because, second.number, second.void_at) == ("withdrawn", 2, None)
    assert Approval.objects.get().verdict == Verdict.WITHDRAWN


def test_who_asked_or_planned_does_not_approve_and_who_may_not_approve_does_not_either(ada):
    plan = planning.make_plan(carried.asked(ada), by=cast.cleo(), at=NOON)
    approving.ask(plan.request, by=given.dana(), at=NOON)
    with pytest.raises(approvals.OwnRequest):
        approving.approve(plan.request, by=cast.cleo(), at=NOON)
    with pytest.raises(approvals.OwnRequest):
        approving.approve(plan.request, by=given.dana(), at=NOON)
    with pytest.raises(NotPermitted):
        approving.approve(plan.request, by=cast.bo(), at=NOON)
    assert state_of(plan.request) == State.AWAITING_APPROVAL
    assert approving.approve(plan.request, by=given.ezra(), at=NOON).state == State.ANNOUNCED


def takes_it_in(ada, member):
    return opening.open_request(opening.Asked(kind=Kind.DELETION), channel=Channel.PHONE, person=ada, received_at=NOON, by=member, at=NOON)[0]


def proves_who_asks(ada, member):
    request = takes_it_in(ada, SYSTEM)
    proving.begin(moving.locked(request.pk), at=NOON)
    return proving.by_staff(request=request, way=proving.Way.LETTER, by=member, at=NOON)


def cancels_the_registration(ada, member):
    closing.close_person(person=ada, how=ClosedHow.PERSON, by=member, at=NOON)
    from_below.take_due(at=NOON)
    return DataRequest.objects.get()


def has_the_minor_removed(ada, member):
    minors.ask_removal(case=minors.report(person=ada, how="report", by=SYSTEM, at=NOON), by=member, at=NOON)
    from_below.take_due(at=NOON)
    return DataRequest.objects.get()


@pytest.mark.parametrize("asks", [takes_it_in, proves_who_asks, cancels_the_registration, has_the_minor_removed])
def test_who_had_a_part_in_asking_does_not_approve(ada, asks):
    both = cast.staff("both", Role.PRIVACY_ANALYST, Role.COMPLIANCE_OFFICER, Role.RECORDS_MANAGER)
    request = asks(ada, both)
    if request.state == State.RECEIVED:
        with transaction.atomic():
            request = proving.begin(moving.locked(request.pk), at=NOON)
        request = proving.by_staff(request=request, way=proving.Way.LETTER, by=given.dana(), at=NOON)
    planning.make_plan(request, by=given.dana(), at=NOON)
    approving.ask(request, by=given.dana(), at=NOON)
    with pytest.raises(approvals.OwnRequest):
        approving.approve(request, by=both, at=NOON)
    assert approving.approve(request, by=cast.cleo(), at=NOON).state == State.ANNOUNCED


def test_an_approved_erasure_is_announced_to_the_contact_and_not_begun_before_it_can_be_called_back_no_more(ada):
    request = carried.approved(ada)
    assert request.state == State.ANNOUNCED
    assert request.call_back_until == NOON + 3 * DAY
    assert OutgoingMail.objects.get(template="data_requests/announced").to_address == "ada@client.example"
    assert executing.claim(at=request.call_back_until - carried.MINUTE) is None
    assert executing.claim(at=request.call_back_until) is not None


def test_what_was_called_back_is_never_begun(ada):
    request = carried.approved(ada)
    mail = OutgoingMail.objects.get(template="data_requests/announced")
    token = next(line for line in mail.body.split() if "/requests/" in line).rstrip("/").rpartition("/")[2]
    calling_back.call_back(token, at=NOON + DAY)
    assert state_of(request) == State.CALLED_BACK
    assert executing.work_due(at=NOON + 30 * DAY) == 0
    assert ErasedPerson.objects.count() == 0


def test_a_hold_placed_after_the_plan_was_made_makes_it_be_read_again(ada):
    plan = carried.planned(ada)
    approving.ask(plan.request, by=given.dana(), at=NOON)
    hold = hold_on(ada)
    with pytest.raises(approving.PlanChanged):
        approving.approve(plan.request, by=cast.cleo(), at=NOON)
    approving.reject(plan.request, by=cast.cleo(), at=NOON)
    again = planning.make_plan(plan.request, by=SYSTEM, at=NOON)
    assert again.exceptions == [{"ground": "hold", "about": hold.reference}]
    assert bytes(again.digest) != bytes(plan.digest)


def test_when_who_approved_has_lost_the_right_nothing_is_begun(ada):
    request = carried.approved(ada)
    admin = cast.staff("root", Role.ADMINISTRATOR)
    duties.assign(member=cast.cleo(), roles=[Role.AUDITOR], by=admin, at=NOON + DAY)
    executing.work_due(at=carried.due(request))
    request.refresh_from_db()
    assert (request.state, request.approved_at, request.call_back_until) == (State.IN_WORK, None, None)
    assert Plan.objects.get(request=request).void_because == "approval_void"
    assert ErasedPerson.objects.count() == 0
    assert Person.objects.get(pk=ada.pk).standing == "active"


def test_when_who_asked_has_left_the_request_is_in_work_again(ada):
    plan = carried.planned(ada)
    approving.ask(plan.request, by=given.dana(), at=NOON)
    leaving.leave(member=StaffMember.objects.get(username="dana"), by=cast.staff("root", Role.ADMINISTRATOR), at=NOON)
    assert approving.look_after(at=NOON) == 1
    assert state_of(plan.request) == State.IN_WORK
    assert approving.look_after(at=NOON) == 0


def test_steps_that_were_changed_by_force_are_not_carried_out(ada, by_force):
    request = carried.approved(ada)
    by_force("DELETE FROM data_requests_step WHERE holding = 'audit.detail'")
    executing.work_due(at=carried.due(request))
    assert state_of(request) == State.IN_WORK
    assert ErasedPerson.objects.count() == 0


def test_the_database_keeps_what_was_approved(ada):
    plan = Plan.objects.get(request=carried.approved(ada))
    step = plan.steps.first()
    for change in (
        lambda: Plan.objects.filter(pk=plan.pk).update(digest=bytes(32)),
        lambda: Plan.objects.filter(pk=plan.pk).update(approved_by="staff:somebody"),
        lambda: Step.objects.filter(pk=step.pk).update(holding="other"),
        lambda: Step.objects.create(plan=plan, number=99, kind=StepKind.ERASE, holding="other", expected=0),
        lambda: Step.objects.filter(pk=step.pk).delete(),
        lambda: plan.delete(),
    ):
        with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic():
            change()
    assert planning.is_whole(Plan.objects.select_related("request").get(pk=plan.pk))


@pytest.mark.parametrize(("here", "there"), [(a, b) for a in StepState.values for b in StepState.values if a != b])
def test_a_step_moves_by_its_table_and_no_other_way(ada, by_force, here, there):
    step = carried.planned(ada).steps.first()
    done = ", done_at = now()" if StepState.DONE in (here, there) else ""
    by_force(f"UPDATE data_requests_step SET state = %s{done} WHERE id = %s", here, step.pk)
    move = Step.objects.filter(pk=step.pk)
    if there in executing.stepping.STEP_MOVES[here]:
        assert move.update(state=there) == 1
        return
    with pytest.raises(DatabaseError, match="does not go from"):
        move.update(state=there)
