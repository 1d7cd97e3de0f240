"""The first member of an installation comes by the command line; after that it refuses unless everybody is locked
out."""

import io

import pytest
from django.core.management import CommandError, call_command

from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests.staff.people import hire, is_signed_in, sign_in

pytestmark = pytest.mark.django_db


def run(*roles, **options):
    said = io.StringIO()
    call_command(
        "create_staff",
        username="ada",
        email="ada@covenant.example",
        name="Ada Example",
        role=list(roles),
        stdout=said,
        **options,
    )
    return said.getvalue()


def test_the_first_administrator_is_added_and_the_printed_password_lets_them_in():
    said = run("administrator")
    ada = StaffMember.objects.get()
    password = said.split("shown this once: ")[1].splitlines()[0]
    assert len(password) == 20
    assert ada.roles == ["administrator"]
    assert is_signed_in(sign_in(ada, password))
    assert "Ada" not in said


def test_the_history_names_nobody_as_who_added_them():
    run("administrator")
    (joined,) = StaffMember.objects.get().history.all()
    assert (joined.history_user, joined.history_change_reason) == (None, "joined")


def test_the_first_member_must_be_able_to_add_others():
    with pytest.raises(CommandError, match="--role administrator"):
        run("counsel")
    assert StaffMember.objects.count() == 0


def test_it_refuses_where_an_administrator_exists():
    hire("dan", Role.ADMINISTRATOR)
    with pytest.raises(CommandError, match="--locked-out"):
        run("administrator")
    assert StaffMember.objects.count() == 1


def test_it_adds_one_all_the_same_when_everybody_is_locked_out():
    hire("dan", Role.ADMINISTRATOR)
    run("administrator", locked_out=True)
    assert StaffMember.objects.with_role(Role.ADMINISTRATOR).count() == 2


def test_a_taken_name_is_refused_with_its_mend():
    hire("ada", Role.COUNSEL)
    with pytest.raises(CommandError, match="Choose another user name"):
        run("administrator")


def test_a_password_is_never_an_argument():
    with pytest.raises(TypeError):
        run("administrator", password="on the command line")
