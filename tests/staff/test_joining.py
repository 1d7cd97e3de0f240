"""Members are added by somebody who may, and nobody gives rights to themself."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.foundation.actors import Actor
from apps.staff.models import StaffMember
from apps.staff.roles import PERMISSIONS, Role
from apps.staff.services import duties, joining, second_factor
from apps.staff.services.presence import NotPermitted
from tests.staff.people import NOON, PASSWORD, SYSTEM, hire

pytestmark = pytest.mark.django_db

OTHERS = [role for role in Role if role != Role.ADMINISTRATOR]


@pytest.fixture
def ada():
    return hire("ada", Role.ADMINISTRATOR)


@pytest.fixture
def bo():
    return hire("bo", Role.AUDITOR)


def test_an_administrator_adds_a_member_and_the_history_says_so(ada):
    member = hire("cleo", Role.COUNSEL, Role.AUDITOR, by=ada)
    assert (member.roles, member.created_at, member.check_password(PASSWORD)) == (["counsel", "auditor"], NOON, True)
    (joined,) = member.history.all()
    assert (joined.history_user, joined.history_date, joined.history_change_reason) == (ada, NOON, "joined")


@pytest.mark.parametrize("role", OTHERS)
def test_no_other_role_adds_changes_corrects_or_resets_anybody(role, bo):
    member = hire("cleo", role)
    with pytest.raises(NotPermitted):
        hire("dan", Role.COUNSEL, by=member)
    with pytest.raises(NotPermitted):
        duties.assign(member=bo, roles=[Role.COUNSEL], by=member, at=NOON)
    with pytest.raises(NotPermitted):
        duties.correct(member=bo, full_name="Bob", email="bob@example.org", by=member, at=NOON)
    with pytest.raises(NotPermitted):
        second_factor.reset(member=bo, by=member, at=NOON)
    bo.refresh_from_db()
    assert (bo.roles, bo.full_name) == (["auditor"], "Bo Example")


def test_who_is_not_staff_and_not_the_system_adds_nobody():
    with pytest.raises(NotPermitted):
        hire("dan", Role.COUNSEL, by=Actor("service", "TOK-1"))


@pytest.mark.parametrize("name", ["ada", "ADA"])
def test_a_user_name_is_one_persons_in_any_case(ada, name):
    with pytest.raises(joining.Taken):
        hire(name, Role.COUNSEL)


def test_an_e_mail_is_one_persons_in_any_case(ada):
    with pytest.raises(joining.Taken):
        joining.create(
            username="other",
            email="ADA@covenant.example",
            full_name="O",
            roles=["counsel"],
            password=None,
            by=SYSTEM,
            at=NOON,
        )


def test_the_database_refuses_two_names_that_differ_by_case_alone(ada, bo):
    for column, value in (("username", "ADA"), ("email", "ADA@COVENANT.EXAMPLE")):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE staff_staffmember SET {column} = %s WHERE id = %s", [value, bo.pk])


@pytest.mark.parametrize("name", ["ada@covenant.example", "a b", "", "-ada"])
def test_a_user_name_can_not_be_taken_for_an_e_mail_address(name):
    with pytest.raises(joining.NotAcceptable):
        joining.create(
            username=name, email="x@example.org", full_name="X", roles=["counsel"], password=None, by=SYSTEM, at=NOON
        )


@pytest.mark.parametrize("password", ["tiny", "password1234", "cleo@covenant.example"])
def test_a_weak_password_is_refused_and_not_repeated(password):
    with pytest.raises(joining.NotAcceptable) as refused:
        hire("cleo", Role.COUNSEL, password=password)
    assert password not in refused.value.what


@pytest.mark.parametrize("roles", [["king"], ["counsel", "king"], []])
def test_unknown_roles_and_none_at_all_are_refused(ada, roles):
    with pytest.raises(joining.UnknownRole):
        joining.create(username="x", email="x@example.org", full_name="X", roles=roles, password=None, by=ada, at=NOON)


def test_without_a_password_nobody_can_sign_in_by_one():
    assert not hire("cleo", Role.COUNSEL, password=None).has_usable_password()


def test_an_administrator_changes_the_roles_of_another(ada, bo):
    duties.assign(member=bo, roles=["counsel", "auditor"], by=ada, at=NOON)
    bo.refresh_from_db()
    assert bo.roles == ["counsel", "auditor"]
    assert bo.permissions == PERMISSIONS[Role.COUNSEL] | PERMISSIONS[Role.AUDITOR]
    assert bo.history.first().history_change_reason == "roles changed"


def test_nobody_changes_their_own_roles(ada):
    with pytest.raises(duties.OwnRoles):
        duties.assign(member=ada, roles=[Role.ADMINISTRATOR, Role.COUNSEL], by=ada, at=NOON)


def test_nobody_takes_off_their_own_second_factor_this_way(ada):
    with pytest.raises(second_factor.OwnSecondFactor):
        second_factor.reset(member=ada, by=ada, at=NOON)


def test_a_corrected_address_must_be_free(ada, bo):
    with pytest.raises(joining.Taken):
        duties.correct(member=bo, full_name="Bo", email=ada.email.upper(), by=ada, at=NOON)


def test_a_mere_sign_in_leaves_no_history(bo):
    bo.last_login = timezone.now()
    bo.save(update_fields=["last_login"])
    assert bo.history.count() == 1


def test_a_member_is_written_as_a_reference_and_never_by_name(bo):
    assert str(bo) == bo.reference
    assert bo.reference.startswith("STF-")
    assert "bo" not in str(bo.history.first()).lower().replace(bo.reference.lower(), "")


def test_nobody_is_a_superuser(ada):
    assert StaffMember.objects.count() == 1
    assert not ada.is_superuser
    assert not ada.has_perm("accounts.reveal_person")
