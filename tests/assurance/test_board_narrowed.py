"""The promise board cut down to a state or a word, on the page and in its file."""

import csv
import io

import pytest

from apps.assurance.services import board
from apps.foundation.promises import PROMISES
from apps.staff.roles import Role
from tests.assurance.test_board import BOARD, NOON, browser, find

pytestmark = pytest.mark.django_db


def cards(page) -> list[str]:
    return [code for code in PROMISES if f'id="{code}"' in page.text]


def test_the_count_of_a_state_leads_to_just_those_promises_and_back():
    find("COH-7F3K2MX")
    client = browser()
    everything = client.get(BOARD)
    assert '<a href="?state__exact=broken">Show only these</a>' in everything.text

    page = client.get(f"{BOARD}?state__exact=broken")

    assert cards(everything) == list(PROMISES)
    assert cards(page) == ["P06"]
    assert [count["count"] for count in page.context["counts"]] == [count["count"] for count in everything.context["counts"]]
    assert '<a href="?">Show the others too</a>' in page.text


def test_a_word_or_a_code_finds_its_promises_and_none_is_said_to_be_none():
    board.ensure(NOON)
    client = browser()

    assert cards(client.get(f"{BOARD}?q=calendars")) == ["P02"]
    assert cards(client.get(f"{BOARD}?q=P17")) == ["P17"]
    assert "No promise matches this." in client.get(f"{BOARD}?q=unicorns").text


def test_the_file_holds_what_the_board_shows():
    find("COH-7F3K2MX")
    client = browser(Role.COUNSEL)
    narrowed = client.get(f"{BOARD}?state__exact=broken").context["cl"].export_query

    content = b"".join(client.get(f"{BOARD}export.csv{narrowed}").streaming_content).decode()

    assert [line[0] for line in csv.reader(io.StringIO(content))] == ["Code", "P06"]


def test_a_filter_that_does_not_exist_shows_the_whole_board_and_says_so():
    board.ensure(NOON)

    page = browser().get(f"{BOARD}?nonsense=1", follow=True)

    assert cards(page) == list(PROMISES)
    assert "not known here" in page.text
