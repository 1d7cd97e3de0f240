"""The data map says of every holding what it declares, and nothing else; without its technical part it names no table, file or column."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from apps.assurance import data_map
from apps.assurance.inventory import HOLDINGS
from apps.foundation.personal_data import Whom
from apps.staff.models import StaffMember
from apps.staff.roles import Role

PAGE, FILE = "/admin/assurance/promise/data-map/", "/admin/assurance/promise/data-map.md"


def printed(*options):
    out = StringIO()
    call_command("data_map", *options, stdout=out)
    return out.getvalue()


@pytest.fixture
def auditor(db):
    member = StaffMember.objects.create(username="aud", email="aud@covenant.example", full_name="Aud Example", roles=[Role.AUDITOR])
    client = Client()
    client.force_login(member, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_every_holding_stands_in_the_map_once_under_whom_it_is_about():
    lines = printed().splitlines()

    assert sorted(line[4:] for line in lines if line.startswith("### ")) == sorted(one.title for one in HOLDINGS)
    assert [line[3:] for line in lines if line.startswith("## ")] == list(data_map.HEADINGS.values())


def test_what_may_be_published_names_no_table_column_or_file():
    text = printed()

    tables = [table for one in HOLDINGS for table in one.tables if "_" in table]  # “message” is a word too
    assert [name for name in (*tables, "birth_date", "keystore/", "full_name") if name in text] == []


def test_the_technical_map_names_every_table_and_its_personal_columns():
    text = printed("--technical")

    assert [table for one in HOLDINGS for table in one.tables if f"`{table}`" not in text] == []
    assert "`accounts_historicalpersonphone`: number, person_id" in text
    assert "`mfa_authenticator`: data, last_used_at, user_id" in text
    assert "keystore/linked" in text


def test_categories_and_uses_come_from_the_columns():
    people = next(one for one in data_map.entries() if one.code == "accounts.people")

    assert people.categories == ("contact details", "demographic", "identity")
    assert "to keep children out unless represented" in people.purposes


def test_of_people_it_says_the_step_in_which_it_goes_or_why_it_stays():
    found = {one.code: one for one in data_map.entries()}

    steps = max(int(one.erasure.partition("step ")[2].partition(" ")[0]) for one in found.values() if "as step" in one.erasure)
    assert found["accounts.people"].erasure == f"It goes, as step {steps} of {steps}."
    assert found["gate.ledger"].erasure.startswith("The account of disclosures is kept six years")
    assert {one.code for one in found.values() if not one.erasure} == {one.code for one in HOLDINGS if one.whom != Whom.PEOPLE}


def test_who_sees_the_board_sees_the_map_and_takes_it_along(auditor):
    assert "data-map/" in auditor.get("/admin/assurance/promise/").text

    page = auditor.get(PAGE)
    assert page.status_code == 200
    assert all(one.title.replace("'", "&#x27;") in page.text for one in HOLDINGS)
    assert auditor.get(FILE).text == data_map.as_markdown(technical=False)
    technical = auditor.get(f"{FILE}?technical=1")
    assert technical.text == data_map.as_markdown(technical=True)
    assert technical.headers["Content-Disposition"] == 'attachment; filename="data-map-technical.md"'


def test_nobody_else_sees_it(db):
    member = StaffMember.objects.create(username="new", email="new@covenant.example", full_name="New Example", roles=[])
    client = Client()
    client.force_login(member, backend="allauth.account.auth_backends.AuthenticationBackend")

    assert client.get(PAGE).status_code in (302, 403)
    assert client.get(FILE).status_code in (302, 403)
