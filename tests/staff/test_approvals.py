"""Nobody approves what they asked for (invariant 10), by code, by hand on the database, and by two at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from apps.staff.models import Approval
from apps.staff.roles import Role
from apps.staff.services import approvals, duties, leaving
from apps.staff.states import MOVES, Verdict
from tests.staff.people import DIGEST, NOON, OTHER_DIGEST, PUBLISH, SYSTEM, hire

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return hire("ada", Role.COMPLIANCE_OFFICER)


@pytest.fixture
def cleo():
    return hire("cleo", Role.COUNSEL)


@pytest.fixture
def request_of_ada(ada):
    return approvals.ask(act=PUBLISH, subject="POL-1", digest=DIGEST, by=ada, at=NOON)


def sql(statement, *parameters):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def test_another_person_with_the_right_approves(request_of_ada, cleo):
    approved = approvals.approve(approval=request_of_ada, digest=DIGEST, by=cleo, at=NOON)
    approved.refresh_from_db()
    assert (approved.verdict, approved.decided_by, approved.decided_at) == (Verdict.APPROVED, cleo, NOON)


def test_another_person_with_the_right_rejects(request_of_ada, cleo):
    assert approvals.reject(approval=request_of_ada, digest=DIGEST, by=cleo, at=NOON).verdict == Verdict.REJECTED


def test_asking_twice_for_the_same_is_asking_once(request_of_ada, ada):
    assert approvals.ask(act=PUBLISH, subject="POL-1", digest=DIGEST, by=ada, at=NOON) == request_of_ada
    assert Approval.objects.count() == 1


def test_what_another_asked_for_already_is_not_asked_for_again(request_of_ada, cleo):
    with pytest.raises(approvals.AlreadyAsked):
        approvals.ask(act=PUBLISH, subject="POL-1", digest=DIGEST, by=cleo, at=NOON)


def test_asking_for_a_changed_thing_voids_the_request_for_what_it_was(request_of_ada, ada):
    fresh = approvals.ask(act=PUBLISH, subject="POL-1", digest=OTHER_DIGEST, by=ada, at=NOON)
    request_of_ada.refresh_from_db()
    assert (request_of_ada.verdict, request_of_ada.decided_by) == (Verdict.VOID, None)
    assert fresh.verdict == Verdict.OPEN


def test_an_act_that_no_role_may_decide_is_a_defect(ada):
    with pytest.raises(ValueError, match="no permission of any role"):
        approvals.ask(act="policies.no_such_act", subject="POL-1", digest=DIGEST, by=ada, at=NOON)


@pytest.mark.parametrize("decide", [approvals.approve, approvals.reject])
def test_nobody_decides_what_they_asked_for(request_of_ada, ada, decide):
    with pytest.raises(approvals.OwnRequest):
        decide(approval=request_of_ada, digest=DIGEST, by=ada, at=NOON)
    request_of_ada.refresh_from_db()
    assert request_of_ada.verdict == Verdict.OPEN


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.COMPLIANCE_OFFICER, Role.COUNSEL)])
def test_a_role_without_the_right_decides_nothing(request_of_ada, role):
    with pytest.raises(approvals.NotPermitted):
        approvals.approve(approval=request_of_ada, digest=DIGEST, by=hire("bo", role), at=NOON)


def test_what_changed_since_it_was_asked_is_not_approved(request_of_ada, cleo):
    with pytest.raises(approvals.ChangedSince):
        approvals.approve(approval=request_of_ada, digest=OTHER_DIGEST, by=cleo, at=NOON)
    request_of_ada.refresh_from_db()
    assert request_of_ada.verdict == Verdict.OPEN


def test_a_right_lost_since_the_page_was_opened_no_longer_counts(request_of_ada, cleo):
    duties.assign(member=cleo, roles=[Role.AUDITOR], by=SYSTEM, at=NOON)
    assert cleo.has_perm(PUBLISH), "the page still holds the member as they were"
    with pytest.raises(approvals.NotPermitted):
        approvals.approve(approval=request_of_ada, digest=DIGEST, by=cleo, at=NOON)


def test_who_left_approves_nothing_any_more(request_of_ada, cleo):
    leaving.leave(member=cleo, by=SYSTEM, at=NOON)
    with pytest.raises(approvals.NotPermitted):
        approvals.approve(approval=request_of_ada, digest=DIGEST, by=cleo, at=NOON)


def test_what_somebody_asked_for_who_left_is_void(request_of_ada, ada, cleo):
    leaving.leave(member=ada, by=SYSTEM, at=NOON)
    request_of_ada.refresh_from_db()
    assert request_of_ada.verdict == Verdict.VOID
    with pytest.raises(approvals.AlreadyDecided):
        approvals.approve(approval=request_of_ada, digest=DIGEST, by=cleo, at=NOON)


def test_who_left_asks_for_nothing(ada):
    leaving.leave(member=ada, by=SYSTEM, at=NOON)
    with pytest.raises(approvals.NotPermitted):
        approvals.ask(act=PUBLISH, subject="POL-2", digest=DIGEST, by=ada, at=NOON)


def test_only_who_asked_withdraws(request_of_ada, ada, cleo):
    with pytest.raises(approvals.NotYours):
        approvals.withdraw(approval=request_of_ada, by=cleo, at=NOON)
    assert approvals.withdraw(approval=request_of_ada, by=ada, at=NOON).verdict == Verdict.WITHDRAWN


def test_what_is_decided_is_not_decided_again(request_of_ada, ada, cleo):
    approvals.reject(approval=request_of_ada, digest=DIGEST, by=cleo, at=NOON)
    with pytest.raises(approvals.AlreadyDecided):
        approvals.approve(approval=request_of_ada, digest=DIGEST, by=cleo, at=NOON)
    with pytest.raises(approvals.AlreadyDecided):
        approvals.withdraw(approval=request_of_ada, by=ada, at=NOON)
    with pytest.raises(approvals.AlreadyDecided):
        approvals.void(approval=request_of_ada, at=NOON)


def test_after_a_decision_the_same_can_be_asked_again(request_of_ada, ada, cleo):
    approvals.reject(approval=request_of_ada, digest=DIGEST, by=cleo, at=NOON)
    assert approvals.ask(act=PUBLISH, subject="POL-1", digest=DIGEST, by=ada, at=NOON) != request_of_ada


def test_the_list_of_what_waits_for_me_leaves_out_my_own_and_what_i_may_not_decide(request_of_ada, ada, cleo):
    auditor = hire("bo", Role.AUDITOR)
    assert list(Approval.objects.waiting_for(cleo)) == [request_of_ada]
    assert list(Approval.objects.waiting_for(ada)) == []
    assert list(Approval.objects.waiting_for(auditor)) == []


def test_the_database_refuses_a_request_approved_by_who_asked(request_of_ada, ada):
    with pytest.raises(IntegrityError, match="nobody_approves_what_they_asked_for"):
        sql(
            "UPDATE staff_approval SET verdict = 'approved', decided_by_id = %s, decided_at = now() WHERE id = %s",
            ada.pk, request_of_ada.pk,
        )  # fmt: skip


def test_the_database_refuses_an_approval_by_nobody(request_of_ada):
    with pytest.raises(IntegrityError, match="a_decision_names_who_decided"):
        sql("UPDATE staff_approval SET verdict = 'approved', decided_at = now() WHERE id = %s", request_of_ada.pk)


def test_the_database_refuses_to_move_a_request_to_another_asker_digest_or_subject(request_of_ada, cleo):
    for column, value in (("asked_by_id", cleo.pk), ("digest", OTHER_DIGEST), ("subject", "POL-9"), ("act", "a.b")):
        with pytest.raises(IntegrityError, match="what an approval was asked for never changes"):
            sql(f"UPDATE staff_approval SET {column} = %s WHERE id = %s", value, request_of_ada.pk)


def test_the_database_refuses_an_approval_that_is_decided_from_the_start(ada, cleo):
    with pytest.raises(IntegrityError, match="an approval begins open"):
        sql(
            "INSERT INTO staff_approval (reference, act, subject, digest, asked_by_id, asked_at, verdict, "
            "decided_by_id, decided_at) VALUES ('APR-X', %s, 'POL-1', %s, %s, now(), 'approved', %s, now())",
            PUBLISH, DIGEST, ada.pk, cleo.pk,
        )  # fmt: skip


def test_the_database_refuses_to_delete_an_approval(request_of_ada):
    with pytest.raises(IntegrityError, match="an approval is never deleted"):
        sql("DELETE FROM staff_approval WHERE id = %s", request_of_ada.pk)


@pytest.mark.parametrize(
    ("here", "there"),
    [(here, there) for here in Verdict for there in Verdict if here != there and there not in MOVES[here]],
)
def test_the_database_refuses_every_move_that_is_not_in_the_table(request_of_ada, ada, cleo, here, there):
    decider = {Verdict.APPROVED: cleo, Verdict.REJECTED: cleo, Verdict.WITHDRAWN: ada}
    move = "UPDATE staff_approval SET verdict = %s, decided_by_id = %s, decided_at = %s WHERE id = %s"

    def place(verdict):
        person = decider.get(verdict)
        sql(move, verdict, person and person.pk, None if verdict == Verdict.OPEN else NOON, request_of_ada.pk)

    place(here)
    with pytest.raises(IntegrityError, match="a decided approval never changes"):
        place(there)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_approve_at_once_one_does():
    ada = hire("ada", Role.COMPLIANCE_OFFICER)
    deciders = [hire("cleo", Role.COUNSEL), hire("dan", Role.COUNSEL)]
    asked = approvals.ask(act=PUBLISH, subject="POL-1", digest=DIGEST, by=ada, at=NOON)

    def decide(member):
        try:
            return approvals.approve(approval=asked, digest=DIGEST, by=member, at=NOON).decided_by
        except approvals.AlreadyDecided as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(decide, deciders))
    asked.refresh_from_db()
    assert outcomes.count("already_decided") == 1
    assert asked.decided_by in outcomes


@pytest.mark.django_db(transaction=True)
def test_of_two_who_ask_at_once_one_does():
    askers = [hire("ada", Role.COMPLIANCE_OFFICER), hire("dan", Role.COMPLIANCE_OFFICER)]

    def ask(member):
        try:
            return approvals.ask(act=PUBLISH, subject="POL-1", digest=DIGEST, by=member, at=NOON).verdict
        except approvals.AlreadyAsked as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(ask, askers)) == ["already_asked", Verdict.OPEN]
