"""What the product learns: a person's matches by organization and when those are busy; and that nobody learns whether an address is known."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Person
from apps.accounts.services import tokens
from apps.accounts.states import PersonStanding
from apps.contacts.models import RefusedFile
from apps.contacts.services import seeing
from apps.foundation.actors import SYSTEM
from tests.cast import DAY, NOON
from tests.contacts.conftest import calendar, cards, person

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False) as travelling:
        yield travelling


def words(*scopes, organization=None):
    return tokens.issue(name="product", scopes=scopes, organization=organization, by=SYSTEM, at=NOON)[1]


@pytest.fixture
def get(client, house):
    bearer = words("people")

    def asked(reference, query="", token=bearer):
        return client.get(f"/api/v1/people/{reference}/matches{query}", headers={"Authorization": f"Bearer {token}"})

    return asked


@pytest.fixture
def met(ada, ben, cora, allow, lend, match):
    """Ada is matched with Ben, her colleague, and with Cora elsewhere; Ada and Ben lend their calendars too."""
    for someone in (ada, ben, cora):
        allow(someone)
    lend(ada, cards("ben@client.example", "cora@mercy.example"))
    lend(cora, cards("ada@client.example"))
    for someone in (ada, ben):
        allow(someone, "calendar")
    lend(ben, calendar((NOON + HOUR, NOON + 2 * HOUR), (NOON + 2 * HOUR, NOON + 3 * HOUR), (NOON + 20 * DAY, NOON + 20 * DAY + HOUR)), "calendar")
    match()


def test_matches_come_by_organization_and_say_who_is_busy_when(met, get, ada, ben, cora):
    answer = get(ada.reference)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    told = answer.json()
    assert (told["allowed"], told["since"], told["until"]) == (True, "2026-03-08T12:00:00Z", "2026-03-15T12:00:00Z")
    own, other = told["groups"]
    assert (own["organization"], other["organization"]) == (ada.organization.reference, cora.organization.reference)
    assert own["people"] == [
        {"person": ben.reference, "since": "2026-03-08T12:00:00Z", "busy": [{"starts_at": "2026-03-08T13:00:00Z", "ends_at": "2026-03-08T15:00:00Z"}]}
    ]
    assert other["people"] == [{"person": cora.reference, "since": "2026-03-08T12:00:00Z", "busy": None}]


def test_both_sides_see_a_match(met, get, ada, ben, cora):
    for someone in (ben, cora):
        assert [found["person"] for group in get(someone.reference).json()["groups"] for found in group["people"]] == [ada.reference]


def test_when_somebody_is_busy_is_told_only_to_who_lends_a_calendar_too(met, get, ada, ben, withdraw):
    withdraw(ada, "calendar")

    assert get(ada.reference).json()["groups"][0]["people"][0]["busy"] is None


def test_the_time_that_is_asked_for_is_bounded(met, get, ada):
    assert get(ada.reference, "?from=2026-03-28T00:00:00Z&until=2026-03-29T00:00:00Z").json()["groups"][0]["people"][0]["busy"] == [
        {"starts_at": "2026-03-28T12:00:00Z", "ends_at": "2026-03-28T13:00:00Z"}
    ]
    for query in (
        "?from=2026-03-08T12:00:00Z&until=2026-04-20T12:00:00Z", "?from=2026-03-10T12:00:00Z&until=2026-03-09T12:00:00Z",
        "?from=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z", "?from=2026-03-10T12:00:00", "?from=soon", "?until=2026-03-08T12:00:00Z",
    ):  # fmt: skip
        assert get(ada.reference, query).status_code == 422, query


def test_without_their_consent_nothing_is_told_about_anybody(met, get, ada, ben, withdraw):
    withdraw(ada)

    assert get(ada.reference).json() | {"since": 0, "until": 0} == {"allowed": False, "since": 0, "until": 0, "groups": []}
    assert get(ben.reference).json()["groups"] == []


def test_somebody_suspended_is_shown_to_nobody_and_sees_nobody(met, get, ada, ben):
    Person.objects.filter(pk=ben.pk).update(standing=PersonStanding.SUSPENDED)

    assert get(ben.reference).json()["groups"] == []
    assert ben.reference not in get(ada.reference).content.decode()


def test_a_token_reaches_the_people_of_its_own_client_and_needs_the_scope(met, get, ada, cora):
    assert get(ada.reference, token=words("people", organization=ada.organization)).status_code == 200
    assert get(ada.reference, token=words("people", organization=cora.organization)).status_code == 403
    assert get(ada.reference, token=words("gate")).status_code == 403
    assert get(ada.reference, token="nothing").status_code == 401
    assert get("PER-0000000").status_code == 404
    assert get("ada@client.example").status_code == 422


def test_any_number_of_matches_costs_the_same_number_of_queries(met, get, ada, clinic, allow, lend, match):
    def count():
        with CaptureQueriesContext(connection) as seen:
            seeing.groups_of(ada, since=NOON, until=NOON + DAY, at=NOON)
        return len(seen)

    before = count()
    for number in range(6):
        other = person(clinic, f"Zed{number}")
        allow(other), allow(other, "calendar")
        lend(other, cards("ada@client.example"))
    match()

    assert sum(len(group.people) for group in seeing.groups_of(ada, since=NOON, until=NOON + DAY, at=NOON)) == 8
    assert count() == before == 4


# Nobody learns whether an address is known


def test_whoever_uploads_guesses_learns_nothing_about_people_elsewhere(ada, cora, dan, allow, lend, match, get):
    """Cora and Dan use the service, allow to be found and have books of their own: only the guesses are one-sided."""
    for someone in (ada, cora, dan):
        allow(someone)
    lend(cora, cards("somebody@else.example"))
    answers = set()
    for guess in ("cora@mercy.example", "dan@home.example", "nobody@nowhere.example"):
        source = lend(ada, cards(guess), name="guess.vcf")
        match()
        answer = get(ada.reference)
        answers.add((source.entries, answer.status_code, json.dumps(answer.json())))
        assert not RefusedFile.objects.exists()

    assert len(answers) == 1
    assert get(cora.reference).json()["groups"] == get(dan.reference).json()["groups"] == []


def test_no_address_of_the_api_takes_an_address_of_a_person(client, house, ada):
    """Of all that the API describes, nothing of contacts has a place for an e-mail or a number."""
    described = client.get("/api/v1/openapi.json").json()
    operation = described["paths"]["/api/v1/people/{reference}/matches"]
    assert list(operation) == ["get"]
    assert {(parameter["in"], parameter["name"]) for parameter in operation["get"]["parameters"]} == {
        ("path", "reference"), ("query", "from"), ("query", "until"),
    }  # fmt: skip
    assert "requestBody" not in operation["get"]
