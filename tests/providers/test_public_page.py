"""The public page: who processes for us, and what is planned; nobody else, and nothing about people."""

import pytest
import time_machine

from apps.providers.services import chaining, lives
from tests import cast
from tests.cast import DAY, NOON
from tests.providers import registry

pytestmark = pytest.mark.django_db

PAGE = "/providers/"


def read(client, at=NOON) -> str:
    with time_machine.travel(at):
        answer = client.get(PAGE)
    assert (answer.status_code, answer.headers["Cache-Control"], answer.cookies) == (200, "no-cache", {})
    return answer.text


def test_it_names_who_is_in_use_what_for_and_where(harbor, client):
    registry.granted(harbor, "contact", purposes=("operation", "security"))
    registry.proposed("Not Yet GmbH")

    page = read(client)

    for words in ("Harbor Hosting, Inc.", "Processor", "United States", "March 8, 2026", "Hosts our servers", "to run the service; to protect the service"):
        assert words in page
    for hidden in ("Not Yet GmbH", "Quentina", "quentina@", "dana", "<script"):
        assert hidden not in page


def test_a_suspension_and_an_end_show_at_once(harbor, client, dana, cleo):
    lives.suspend(provider=harbor, reason="It was broken into.", by=dana, at=NOON)

    page = read(client)

    assert "Harbor" not in page
    assert "broken into" not in page
    assert "no service provider is in use" in page


def test_planned_changes_stand_with_their_day_until_they_count(harbor, client, dana):
    cast.client()
    sub = chaining.propose(provider=harbor, legal_name="Tape Vaults", service="keeps tapes", countries=["CA"], by=dana, at=NOON)
    assert "Tape Vaults" not in read(client)
    chaining.announce(sub=sub, by=cast.cleo(), at=NOON)

    planned, there = read(client, NOON + DAY), read(client, NOON + 31 * DAY)

    assert "April 7, 2026</time> on Harbor Hosting, Inc." in planned
    assert "Tape Vaults (Canada): keeps tapes" in planned
    assert "Hands data on to:" not in planned
    assert "Planned changes" not in there
    assert "Hands data on to:" in there
    chaining.leave(sub=sub, by=dana, at=NOON + 40 * DAY)
    assert "hands no data on to Tape Vaults any more" in read(client, NOON + 41 * DAY)
    assert "Tape Vaults" not in read(client, NOON + 70 * DAY)


def test_only_reading_is_answered(house, client):
    assert client.post(PAGE).status_code == 405
    assert client.head(PAGE).status_code == 200


def test_it_costs_four_queries_with_the_news_of_the_policy_however_many_there_are(house, client, django_assert_num_queries):
    for number in range(3):
        registry.in_use(f"Harbor {number}")
    client.get(PAGE)
    with django_assert_num_queries(4):
        client.get(PAGE)
