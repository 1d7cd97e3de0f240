"""The API registers minors with their representative only, corrects dates of birth and takes reports; no answer repeats what was sent."""

import json

import pytest

from apps.accounts.models import MinorCase, Person
from apps.accounts.services import tokens
from apps.foundation.actors import SYSTEM
from tests import cast
from tests.accounts.minors.given import KIM_BORN, grown, represented, verified
from tests.cast import NOON

KIM = {"given_name": "Kim", "birth_date": KIM_BORN.isoformat()}


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOON, tick=False)


@pytest.fixture
def send(client):
    _row, words = tokens.issue(name="messaging-us-1", scopes=["people"], organization=None, by=SYSTEM, at=NOON)

    def sent(method, path, body=None, *, words=words):
        content = json.dumps(body) if body is not None else ""
        headers = {"Authorization": f"Bearer {words}"}
        return client.generic(method, f"/api/v1/people{path}", content, content_type="application/json", headers=headers)

    return sent


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_a_minor_is_refused_with_a_mend_and_taken_with_a_representative(send):
    answer = send("POST", "", KIM)
    assert code(answer) == (422, "minor_not_represented")
    assert "REP-" in answer.json()["error"]["mend"]
    acting = verified()
    answer = send("POST", "", KIM | {"representative": acting.reference})
    assert (answer.status_code, Person.objects.get().standing) == (201, "active")
    assert code(send("POST", "", KIM | {"representative": acting.reference})) == (422, "representative_not_usable")
    assert code(send("POST", "", {"given_name": "Lee", "representative": acting.reference})) == (422, "representative_not_needed")


@pytest.mark.parametrize("wrong", ["REP-x", "rep-0000000", "REP-0000000\u0000", 7, None, ["REP-0000000"]])
def test_what_is_no_reference_is_refused(send, wrong):
    assert code(send("POST", "", KIM | {"representative": wrong})) == (422, "body_not_valid")
    assert Person.objects.count() == 0


def test_a_corrected_date_of_birth_suspends_and_answers_with_the_case(send):
    kim = grown()
    answer = send("PUT", f"/{kim.reference}/birth-date", {"birth_date": "2010-01-02"})
    case = MinorCase.objects.get()
    assert (answer.status_code, answer.json()) == (
        200, {"reference": kim.reference, "standing": "suspended", "case": case.reference, "due_at": "2026-03-18T12:00:00Z"},
    )  # fmt: skip
    assert code(send("PUT", f"/{kim.reference}/birth-date", {"birth_date": "1990-01-02"})) == (409, "age_under_case")
    assert "2010" not in answer.content.decode().replace(case.reference, "")


@pytest.mark.parametrize("wrong", ["2010-13-01", "2010-1-1", "", "yesterday", 20100101, None, "2010-02-30", "1800-01-01", "2031-01-01"])
def test_what_is_no_date_of_birth_is_refused_and_changes_nothing(send, wrong):
    kim = grown()
    assert send("PUT", f"/{kim.reference}/birth-date", {"birth_date": wrong}).status_code == 422
    assert (Person.objects.get().birth_date, MinorCase.objects.count()) == (kim.birth_date, 0)


def test_a_corrected_date_of_an_adult_or_of_a_represented_minor_suspends_nobody(send):
    for person in (grown(), represented()):
        answer = send("PUT", f"/{person.reference}/birth-date", {"birth_date": "2008-02-01" if person.birth_date != KIM_BORN else "2009-02-01"})
        assert (answer.json()["standing"], answer.json()["case"]) == ("active", None)


def test_a_report_suspends_and_twice_is_once(send):
    kim = grown()
    first, again = (send("POST", f"/{kim.reference}/minor-reports") for _each in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert (first.json()["standing"], MinorCase.objects.get().how) == ("suspended", "report")
    assert code(send("POST", f"/{represented().reference}/minor-reports")) == (409, "minor_represented")


def test_a_token_of_another_organization_or_scope_reaches_nobody(send):
    kim = grown(cast.client())
    other = cast.client("Other Clinic")
    _row, words = tokens.issue(name="other", scopes=["people"], organization=other, by=SYSTEM, at=NOON)
    _row, gate = tokens.issue(name="gate", scopes=["gate"], organization=None, by=SYSTEM, at=NOON)
    for bad in (words, gate):
        assert send("POST", f"/{kim.reference}/minor-reports", words=bad).status_code == 403
        assert send("PUT", f"/{kim.reference}/birth-date", {"birth_date": "2010-01-02"}, words=bad).status_code == 403
    assert code(send("POST", "/PER-0000000/minor-reports")) == (404, "person_unknown")
    assert send("POST", f"/{kim.reference}/minor-reports", words="wrong").status_code == 401
    assert (Person.objects.get().standing, MinorCase.objects.count()) == ("active", 0)
