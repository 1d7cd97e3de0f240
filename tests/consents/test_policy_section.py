"""The policy on the preference page: what is in force, what changed since the person knew it, and one click to accept it."""

import html
import re
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache

from apps.accounts.models import PolicyAcceptance
from apps.consents import policy_acceptance
from apps.consents.services import links
from apps.foundation.actors import SYSTEM
from tests.accounts.test_acceptance import publish
from tests.cast import NOON

pytestmark = pytest.mark.django_db
SECTION = re.compile(r'<section class="choice" id="policy".*?</section>', re.S)
ACCEPT = "/preferences/policy/accept/"
HIDDEN = re.compile(r'name="visit" value="([A-Za-z0-9_-]{43})"')


@pytest.fixture(autouse=True)
def noon(settings):
    settings.PREFERENCE_SECTIONS = ("apps.consents.policy_acceptance.section",)
    cache.clear()
    with time_machine.travel(NOON, tick=False) as travelling:
        yield travelling


class Browser:
    """Somebody at their page, who came in by a link."""

    def __init__(self, client, person):
        url, _until = links.make(person=person, by=SYSTEM, at=NOON)
        path = "/preferences/" + url.partition("/preferences/")[2]
        self.visit = HIDDEN.search(client.get(path).content.decode())[1]
        self.take(client.post(path, {"visit": self.visit}))

    def take(self, response):
        self.page = html.unescape(response.content.decode())
        self.text = " ".join(re.sub(r"<[^>]+>", " ", self.page).split())


def shown(browser) -> str:
    part = SECTION.search(browser.page)[0]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", part).split()))


def test_who_was_registered_under_the_version_in_force_has_nothing_to_accept(client, ada):
    browser = Browser(client, ada)

    assert "Version 1 is in force" in shown(browser)
    assert "You know it." in shown(browser)
    assert ACCEPT not in browser.page


def test_a_new_version_shows_what_changed_and_is_accepted_by_one_click(client, ada):
    publish(NOON - timedelta(hours=1))
    browser = Browser(client, ada)

    assert "You know version 1." in shown(browser)
    assert "0 clauses added, 1 changed, 0 removed" in shown(browser)
    assert 'href="/privacy/changes/1/2/#change-all"' in browser.page
    browser.take(client.post(ACCEPT, {"visit": browser.visit, "version": "2"}))
    row = PolicyAcceptance.objects.get()
    assert (row.person_id, row.policy_version.number, row.how, row.at, row.by) == (ada.pk, 2, "accepted", NOON, f"person:{ada.reference}")
    assert "You accepted version 2 of the policy." in browser.text
    assert (ACCEPT in browser.page, row.reference in shown(browser)) == (False, True)
    browser.take(client.post(ACCEPT, {"visit": browser.visit, "version": "2"}))
    assert "You had accepted version 2 already." in browser.text
    assert PolicyAcceptance.objects.count() == 1


def test_a_version_that_was_replaced_meanwhile_is_not_accepted(client, ada):
    publish(NOON - timedelta(hours=2))
    browser = Browser(client, ada)
    publish(NOON - timedelta(hours=1))
    answer = client.post(ACCEPT, {"visit": browser.visit, "version": "2"})

    assert answer.status_code == 409
    assert "That version of the policy was not in force at that moment." in html.unescape(answer.content.decode())
    assert not PolicyAcceptance.objects.exists()


@pytest.mark.parametrize("version", ["", "two", "-1", "²", "9" * 30, "99"])
def test_what_is_no_version_is_refused(client, ada, version):
    browser = Browser(client, ada)

    assert client.post(ACCEPT, {"visit": browser.visit, "version": version}).status_code == 409
    assert not PolicyAcceptance.objects.exists()


def test_without_a_visit_nobody_accepts_anything(client, ada):
    publish(NOON - timedelta(hours=1))

    assert client.post(ACCEPT, {"visit": "x" * 43, "version": "2"}).status_code == 410
    assert client.get(ACCEPT).status_code == 302
    assert not PolicyAcceptance.objects.exists()


def test_the_section_says_nothing_of_anybody_else(client, ada, clinic):
    other = policy_acceptance.section(ada, at=NOON).context["said"]

    assert other == []
