"""The public pages: the version in force, earlier ones and what changed; no cookie, no draft, nothing from elsewhere."""

import re
from datetime import timedelta

import pytest
import time_machine

from apps.policies.demo_policy import FIRST, SECOND
from tests.policies.conftest import JANUARY, NOON

PAGES = ("/privacy/", "/privacy/versions/", "/privacy/versions/1/", "/privacy/versions/2/", "/privacy/changes/1/2/")


def test_the_root_leads_to_the_policy(client, db):
    response = client.get("/")
    assert (response.status_code, response.headers["Location"]) == (302, "/privacy/")


def test_without_a_policy_the_page_says_so(client, db):
    response = client.get("/privacy/")
    assert response.status_code == 200
    assert "No version has been published" in response.content.decode()
    assert "No version has been published yet" in client.get("/privacy/versions/").content.decode()


def test_the_version_in_force_is_shown_whole_with_its_date_and_promises(client, second):
    page = client.get("/privacy/").content.decode()
    assert 'Revised On <time datetime="2026-03-08">March 8, 2026</time>' in page
    assert re.findall(r'data-clause="([^"]+)"', page) == [clause["code"] for clause in SECOND["clauses"]]
    for clause in SECOND["clauses"]:
        assert f'<a href="#{clause["code"]}">{clause["heading"]}</a>' in page
    assert re.search(r'<span class="code">P20</span> Who asks to be deleted is gone within 60 days\.', page)


def test_the_page_changes_at_the_moment_of_publication_and_not_before(client, second):
    with time_machine.travel(NOON - timedelta(seconds=1), tick=False):
        assert 'data-version="1"' in client.get("/privacy/").content.decode()
        assert client.get("/privacy/versions/2/").status_code == 404
    with time_machine.travel(NOON, tick=False):
        assert 'data-version="2"' in client.get("/privacy/").content.decode()
    with time_machine.travel(JANUARY - timedelta(seconds=1), tick=False):
        assert "No version has been published" in client.get("/privacy/").content.decode()


def test_an_earlier_version_says_until_when_it_was_in_force(client, second):
    page = client.get("/privacy/versions/1/").content.decode()
    assert "was in force until March 8, 2026, 12:00 UTC" in page
    assert len(re.findall("data-clause", page)) == len(FIRST["clauses"])


def test_what_changed_is_shown_word_by_word(client, second):
    page = client.get("/privacy/changes/1/2/").content.decode()
    assert "<del>a set time</del> <ins>90 days at the latest</ins>" in page
    assert "1 clause added" in re.sub(r"\s+", " ", page)
    assert client.get("/privacy/changes/2/1/").headers["Location"] == "/privacy/changes/1/2/"


def test_a_draft_is_nowhere(client, draft):
    for path in ("/privacy/versions/2/", "/privacy/changes/1/2/"):
        assert client.get(path).status_code == 404
    for path in ("/privacy/", "/privacy/versions/"):
        assert "ersion 2" not in client.get(path).content.decode()


@pytest.mark.parametrize(
    "path",
    ["/privacy/versions/3/", "/privacy/versions/0/", "/privacy/versions/99999999999999/", "/privacy/changes/1/1/", "/nothing/"],
)
def test_what_is_not_there_is_answered_in_plain_words(client, second, path):
    response = client.get(path)
    assert response.status_code == 404
    page = response.content.decode()
    assert "<h1" in page
    assert 'href="/"' in page


@pytest.mark.parametrize("path", [*PAGES, "/", "/nothing/"])
def test_no_public_page_sets_a_cookie_or_loads_anything_from_elsewhere(client, second, path):
    response = client.get(path)
    assert not response.cookies
    assert "Cookie" not in response.headers.get("Vary", "")
    page = response.content.decode()
    assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*', page) == []
    assert re.findall(r"<script|<style|\sstyle=|\son\w+=", page) == []
    if response.status_code == 200:
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", PAGES)
def test_a_browser_that_knows_the_page_is_told_so(client, second, path):
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, first.headers["Cache-Control"]) == (200, 304, "no-cache")
    assert first.headers["Last-Modified"] == "Tue, 07 Apr 2026 12:00:00 GMT"  # when the news about version 2 was over


@pytest.mark.parametrize("path", PAGES)
def test_public_pages_are_for_reading_only(client, second, path):
    assert client.post(path).status_code in (403, 405)
