"""A new version is said on every public page for some days, with what changed clause by clause."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from apps.policies.services import force, publication
from tests.policies.conftest import JANUARY, NOON

DAY = timedelta(days=1)
WORDS = "Our privacy policy changed"
PAGES = ["/privacy/", "/privacy/versions/", "/privacy/versions/1/", "/privacy/changes/1/2/", "/providers/", "/preferences/"]


def page(client, path, at, **headers):
    with time_machine.travel(at, tick=False):
        return client.get(path, headers=headers)


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES)
def test_every_public_page_says_that_there_is_a_new_version_and_links_what_changed(client, second, path):
    text = page(client, path, NOON + DAY).content.decode()

    assert text.count(WORDS) == 1
    assert "March 8, 2026: version 2 is in force" in " ".join(text.split())
    assert f'href="{reverse("policies:changes", args=[1, 2])}"' in text


def test_the_page_of_what_changed_shows_each_clause(client, second):
    text = page(client, "/privacy/changes/1/2/", NOON + DAY).content.decode()

    assert '<span class="kind">changed</span>' in text
    assert "<ins>" in text


@pytest.mark.django_db
def test_after_its_days_it_is_news_no_more(client, second, settings):
    settings.POLICY_NEWS_DAYS = 10

    assert WORDS in page(client, "/privacy/", NOON + 10 * DAY - timedelta(seconds=1)).content.decode()
    assert WORDS not in page(client, "/privacy/", NOON + 10 * DAY).content.decode()
    assert WORDS not in page(client, "/providers/", NOON + 10 * DAY).content.decode()


@pytest.mark.django_db
def test_the_first_version_is_news_to_nobody_and_neither_is_a_draft(client, draft):
    assert force.news(NOON + DAY) is None
    assert WORDS not in page(client, "/privacy/", JANUARY + DAY).content.decode()


@pytest.mark.django_db
def test_before_any_version_pages_are_there_without_news(client):
    assert page(client, "/privacy/", NOON).status_code == 200
    assert force.last_changed(NOON) is None


@pytest.mark.django_db
def test_a_browser_that_kept_a_page_asks_again_once_the_news_is_over(client, second, settings):
    settings.POLICY_NEWS_DAYS = 10
    kept = page(client, "/privacy/versions/1/", NOON + DAY).headers["Last-Modified"]

    assert page(client, "/privacy/versions/1/", NOON + 2 * DAY, **{"If-Modified-Since": kept}).status_code == 304
    assert page(client, "/privacy/versions/1/", NOON + 11 * DAY, **{"If-Modified-Since": kept}).status_code == 200


@pytest.mark.django_db
def test_a_publication_rings_for_who_tells_people(draft, cleo, carl, django_capture_on_commit_callbacks, monkeypatch):
    rung = []
    monkeypatch.setattr("apps.foundation.doorbell._send", rung.append)
    publication.ask(version=draft, by=cleo, at=NOON)
    with django_capture_on_commit_callbacks(execute=True):
        publication.publish(version=draft, by=carl, at=NOON)

    assert rung == ["communications.send_circulars"]
