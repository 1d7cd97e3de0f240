"""The section on the preference page: what was lent and what is wrong with it, whom a person is matched with, and one form for each act."""

import html
import re

import pytest
import time_machine
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.consents.services import links
from apps.contacts.models import ContactKey, RefusedFile, Source
from apps.contacts.services import lending, lent
from apps.contacts.services.lent import Lent
from apps.contacts.states import SourceState
from apps.foundation.actors import SYSTEM
from tests.cast import NOON
from tests.contacts.conftest import calendar, cards

HIDDEN = re.compile(r'name="visit" value="([A-Za-z0-9_-]{43})"')


@pytest.fixture(autouse=True)
def noon():
    cache.clear()
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def browser(client):
    """Somebody at their page."""

    class Browser:
        def __init__(self, person):
            url, _until = links.make(person=person, by=SYSTEM, at=NOON)
            path = "/" + url.split("/", 3)[3]
            self.visit = HIDDEN.search(client.get(path).content.decode())[1]
            self.take(client.post(path, {"visit": self.visit}))

        def take(self, response):
            self.response, self.text = response, re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.unescape(response.content.decode())))
            return self

        def send(self, act, **fields):
            return self.take(client.post(f"/preferences/lent/{act}/", {"visit": self.visit} | fields))

    return Browser


def file(data, name="book.vcf"):
    return SimpleUploadedFile(name, data, "text/vcard")


def test_who_allows_neither_sees_nothing_of_it(ada, browser):
    assert "What you lent us" not in browser(ada).text


def test_a_file_is_uploaded_and_taken_away_again(ada, ben, allow, match, browser):
    allow(ada), allow(ben)
    page = browser(ada)
    assert "You have lent us nothing yet." in page.text

    page.send("upload", kind="contacts", file=file(cards("ben@client.example", "x@y.example")))
    assert page.response.status_code == 200
    assert "Your address book is taken in: 2 entries." in page.text
    assert ContactKey.objects.count() == 2
    match()
    assert "Ben" in page.send("retry", source="SRC-NOTTHERE0").text
    assert (page.response.status_code, page.response.headers["Cache-Control"]) == (409, "no-store")

    page.send("remove", source=Source.objects.get().reference)
    assert "It is taken away, with all that was read from it." in page.text
    assert not ContactKey.objects.exists()


def test_nobody_has_two_files_read_at_once(ada, allow, browser, monkeypatch):
    allow(ada)
    page, within = browser(ada), []
    reading = lending.upload

    def slowly(**given):
        other = page.send("upload", kind="contacts", file=file(cards("x@y.example"), "other.vcf"))
        within.append((other.response.status_code, "Another file of yours is being read right now" in other.text))
        return reading(**given)

    monkeypatch.setattr(lending, "upload", slowly)
    page.send("upload", kind="contacts", file=file(cards("ben@client.example")))
    assert within == [(409, True)]
    assert Source.objects.count() == 1


def test_nobody_has_files_read_one_after_the_other_all_day(ada, allow, browser, settings):
    settings.ACCOUNT_RATE_LIMITS = {"lent_file": "2/h/key"}
    allow(ada)
    page = browser(ada)
    answers = [page.send("upload", kind="contacts", file=file(cards("ben@client.example"))).response.status_code for _ in range(4)]
    assert answers == [200, 200, 409, 409]
    assert "Try again in an hour" in page.text
    assert Source.objects.count() == 1


@pytest.mark.parametrize("data", [b"", b"\xff\xfe nothing", b"BEGIN:VCARD\r\n" * 30, b"x" * (3 << 20)])
def test_a_refused_file_is_told_in_a_plain_sentence_and_never_a_failure(ada, allow, browser, data):
    allow(ada)

    page = browser(ada).send("upload", kind="contacts", file=file(data))

    assert page.response.status_code == 409
    assert "xport" in page.text
    assert RefusedFile.objects.count() == 1


@pytest.mark.parametrize("fields", [{}, {"kind": "contacts"}, {"kind": "everything", "file": "no file"}, {"kind": "calendar"}])
def test_what_is_missing_is_said(ada, allow, browser, fields):
    allow(ada)

    page = browser(ada).send("upload", **fields)

    assert page.response.status_code == 409
    assert "We can't use this" in page.text
    assert not Source.objects.exists()


def test_an_address_is_noted_with_its_trouble_shown_and_its_password_renewed(ada, allow, browser):
    allow(ada)
    page = browser(ada).send("address", kind="contacts", address="https://dav.example/me/", user="ada", password=" word ")
    assert "The address is noted" in page.text
    source = Source.objects.get()
    assert lent.open_lent(source) == Lent("https://dav.example/me/", "ada", " word ")
    Source.objects.update(state=SourceState.PARKED, next_at=None, failures=1, last_error="source_password_refused")

    page = browser(ada)
    assert "The server does not let us in with this name and password." in page.text
    page.send("renew", source=source.reference, user="ada", password="better")
    assert lent.open_lent(Source.objects.get()).password == "better"
    assert " word " not in page.response.content.decode()


def test_nobody_acts_on_what_somebody_else_lent_or_without_a_visit(ada, ben, allow, lend, browser, client):
    allow(ada), allow(ben)
    source = lend(ada, cards("x@y.example"))

    assert browser(ben).send("remove", source=source.reference).response.status_code == 409
    assert client.post("/preferences/lent/remove/", {"visit": "x" * 43, "source": source.reference}).status_code == 410
    assert client.get("/preferences/lent/remove/").status_code == 302
    assert Source.objects.count() == 1


def test_the_answer_to_an_upload_is_the_same_whether_somebody_is_known_or_not(ada, cora, allow, browser):
    allow(ada), allow(cora)
    page = browser(ada)
    answers = set()
    for guess in ("cora@mercy.example", "nobody@nowhere.example"):
        page.send("upload", kind="contacts", file=file(cards(guess), "guess.vcf"))
        answers.add((page.response.status_code, page.text))

    assert len(answers) == 1


def test_a_calendar_shows_as_lent_and_never_what_is_in_it(ada, allow, browser):
    allow(ada, "calendar")

    page = browser(ada).send("upload", kind="calendar", file=file(calendar((NOON, NOON.replace(hour=14))), "cal.ics"))

    assert "Your calendar is taken in: 1 entry in the coming weeks." in page.text
    assert "A secret" not in page.response.content.decode()
