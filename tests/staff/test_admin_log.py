"""Django's own log of the admin holds references and names of fields, and no value of any."""

import json

import pytest
from django.contrib.admin.models import LogEntry

from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests.staff.people import hire, sign_in

pytestmark = pytest.mark.django_db

MEMBERS = "/admin/staff/staffmember/"
WORDS = ("Dan", "dan", "Marvellous", "marvellous", "example", "counsel")


def test_adding_and_changing_a_member_logs_no_name_no_address_and_no_role():
    browser = sign_in(hire("ada", Role.ADMINISTRATOR))
    new = {
        "username": "dan",
        "full_name": "Dan Marvellous",
        "email": "dan@example.org",
        "roles": ["counsel"],
        "first_password": "",
    }
    browser.post(f"{MEMBERS}add/", new)
    dan = StaffMember.objects.get(username="dan")
    browser.post(
        f"{MEMBERS}{dan.pk}/change/", {"full_name": "Dan Other", "email": "other@example.org", "roles": ["auditor"]}
    )
    browser.post(f"{MEMBERS}{dan.pk}/act/leave/", {"once": "one"})
    changed, added = LogEntry.objects.filter(object_id=str(dan.pk))
    assert (added.object_repr, json.loads(added.change_message)) == (dan.reference, [{"added": {}}])
    assert changed.object_repr == dan.reference
    assert json.loads(changed.change_message) == [{"changed": {"fields": ["Full name", "E-mail", "roles"]}}]
    everything = str(list(LogEntry.objects.values_list("object_repr", "change_message")))
    assert [word for word in WORDS if word in everything] == []
