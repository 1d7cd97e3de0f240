"""Who leaves is out at once, everywhere and for good."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from apps.staff.models import StaffMember
from apps.staff.roles import Role
from apps.staff.services import approvals, leaving
from apps.staff.services.presence import NotPermitted
from apps.staff.services.second_factor import is_set_up
from tests.staff.people import DIGEST, NOON, PUBLISH, hire, is_signed_in, set_up_app, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return hire("ada", Role.ADMINISTRATOR)


@pytest.fixture
def bo():
    return hire("bo", Role.COMPLIANCE_OFFICER)


def test_a_live_session_ends_and_the_others_go_on(ada, bo):
    browser_of_ada, browser_of_bo, second_browser_of_bo = sign_in(ada), sign_in(bo), sign_in(bo)
    assert is_signed_in(browser_of_bo)
    ended = leaving.leave(member=bo, by=ada, at=NOON)
    assert ended.sessions == 2
    assert not is_signed_in(browser_of_bo)
    assert not is_signed_in(second_browser_of_bo)
    assert is_signed_in(browser_of_ada)
    assert [session.session_key for session in Session.objects.all()] == [browser_of_ada.session.session_key]


def test_somebody_half_way_through_signing_in_gets_no_further(ada, bo):
    set_up_app(sign_in(bo))
    half = sign_in(bo)
    assert half.get(reverse("mfa_authenticate")).status_code == 200
    leaving.leave(member=bo, by=ada, at=NOON)
    assert half.get(reverse("mfa_authenticate")).url == reverse("account_login")


def test_everything_that_could_let_them_in_is_gone(ada, bo):
    set_up_app(sign_in(bo))
    EmailAddress.objects.create(user=bo, email="private@example.org", verified=True)
    SocialAccount.objects.create(user=bo, provider="company", uid="4711")
    asked = approvals.ask(act=PUBLISH, subject="POL-1", digest=DIGEST, by=bo, at=NOON)
    foreseen = leaving.foresee(bo)
    ended = leaving.leave(member=bo, by=ada, at=NOON)
    assert ended == foreseen == leaving.Ended(sessions=1, authenticators=2, sign_on_accounts=1, approvals=1)
    bo.refresh_from_db()
    asked.refresh_from_db()
    assert (bo.is_active, bo.left_at, bo.has_usable_password(), is_set_up(bo)) == (False, NOON, False, False)
    assert bo.permissions == frozenset()
    assert asked.verdict == "void"
    for model in (Authenticator, EmailAddress, SocialAccount):
        assert model.objects.filter(user=bo).count() == 0


def test_neither_password_nor_a_forgotten_one_lets_them_in_again(ada, bo, client):
    leaving.leave(member=bo, by=ada, at=NOON)
    assert not is_signed_in(sign_in(bo))
    client.post(reverse("account_reset_password"), {"email": bo.email})
    assert mail.outbox == []


def test_the_history_says_who_ended_them_and_when(ada, bo):
    leaving.leave(member=bo, by=ada, at=NOON)
    latest = bo.history.first()
    assert (latest.history_user, latest.history_date, latest.history_change_reason) == (ada, NOON, "left")


def test_leaving_twice_is_leaving_once(ada, bo):
    leaving.leave(member=bo, by=ada, at=NOON)
    rows = bo.history.count()
    assert leaving.leave(member=bo, by=ada, at=NOON) == leaving.Ended(0, 0, 0, 0)
    assert bo.history.count() == rows


def test_nobody_ends_themself(ada):
    with pytest.raises(leaving.OwnLeaving):
        leaving.leave(member=ada, by=ada, at=NOON)


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_no_other_role_ends_anybody(bo, role):
    with pytest.raises(NotPermitted):
        leaving.leave(member=bo, by=hire("cleo", role), at=NOON)
    bo.refresh_from_db()
    assert bo.is_active


def test_the_database_lets_nobody_come_back_and_deletes_nobody(ada, bo):
    leaving.leave(member=bo, by=ada, at=NOON)
    for statement, why in (
        ("UPDATE staff_staffmember SET is_active = true WHERE id = %s", "who_left_can_not_sign_in"),
        ("UPDATE staff_staffmember SET left_at = NULL WHERE id = %s", "who left does not come back"),
        ("UPDATE staff_staffmember SET roles = '{administrator}' WHERE id = %s", "who left does not come back"),
        ("DELETE FROM staff_staffmember WHERE id = %s", "a member of staff is never deleted"),
    ):
        with pytest.raises(IntegrityError, match=why), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [bo.pk])


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_end_each_other_leave_one():
    ada, dan = hire("ada", Role.ADMINISTRATOR), hire("dan", Role.ADMINISTRATOR)

    def end(pair):
        by, member = pair
        try:
            leaving.leave(member=member, by=by, at=NOON)
            return "ended"
        except NotPermitted as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(end, [(ada, dan), (dan, ada)])) == ["ended", "not_permitted"]
    assert StaffMember.objects.active().count() == 1
