"""`manage.py promises`: its JSON, its table, its exit code."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.assurance.management.commands import promises as command
from apps.foundation.promises import PROMISES
from tests.assurance.tables import plant_column

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    try:
        call_command("promises", *arguments, stdout=out)
    except SystemExit as ended:
        return ended.code, out.getvalue()
    return 0, out.getvalue()


def test_the_json_has_all_promises_in_the_shape_that_others_read():
    _code, said = run("--json")

    found = json.loads(said)
    assert list(found) == list(PROMISES)
    for promise in found.values():
        assert set(promise) == {"state", "checks", "findings", "checked_at"}
        assert promise["state"] in {"kept", "broken", "unproven", "nothing to check"}
        assert all(set(finding) == {"object", "why", "since"} for finding in promise["findings"])
        assert promise["checked_at"] is not None


def test_a_promise_without_a_check_says_unproven():
    _code, said = run("--json", "--code", "P18")

    assert json.loads(said)["P18"]["state"] == "unproven"
    assert json.loads(said)["P18"]["checks"] == []


def test_it_ends_with_nought_when_nothing_is_found():
    assert run("--json", "--code", "P18")[0] == 0


def test_it_ends_with_one_when_something_is_found_and_names_it():
    plant_column(connection, "accounts_person", "secret_note")

    code, said = run("--json", "--code", "P01")

    assert code == 1
    found = json.loads(said)["P01"]
    assert found["state"] == "broken"
    assert [finding["object"] for finding in found["findings"]] == ["accounts_person.secret_note"]


def test_without_json_it_prints_a_line_for_each_promise():
    _code, said = run()

    lines = [line for line in said.splitlines() if line[:1] == "P"]
    assert [line[:3] for line in lines] == list(PROMISES)


def test_an_unknown_code_is_refused_with_what_to_use():
    with pytest.raises(CommandError, match="There is no promise P99. Use a code from P01 to P26."):
        call_command("promises", "--code", "P99")


def test_the_table_names_findings_and_what_is_not_proven():
    found = {
        "P06": {
            "state": "broken",
            "checks": [{"rows": 4, "waits_for": ""}, {"rows": None, "waits_for": "archives"}],
            "findings": [{"object": "COH-1", "why": "is readable", "since": "2026-03-08T12:00:00+00:00"}],
        }
    }

    assert command.as_table(found).splitlines() == [
        f"P06  broken            {PROMISES['P06']}  (4 looked at)",
        "     ! COH-1: is readable, since 2026-03-08T12:00",
        "     ? not proven yet: archives",
    ]
