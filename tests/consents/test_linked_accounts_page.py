"""A person's way on the page: to a real provider and back, what it told, unlinking; and every way that somebody else could try."""

import re

import pytest
import requests
from django.test import Client

from apps.accounts.models import LinkedAccount, LinkedClaim
from apps.audit.models import Event
from apps.consents.doors import new_token
from apps.consents.linked_accounts import COOKIE
from apps.consents.services import links
from apps.foundation import clock
from apps.foundation.actors import SYSTEM
from tests import cast
from tests.accounts.linking import provider as peer

pytestmark = pytest.mark.django_db(transaction=True)
BEGIN, BACK, UNLINK = (f"/preferences/linked-accounts/{step}/" for step in ("begin", "back", "unlink"))


@pytest.fixture(scope="module")
def elsewhere():
    with peer.running() as address:
        yield address


@pytest.fixture(autouse=True)
def offered(settings, elsewhere, home):
    settings.PERSON_SIGN_ON_APPS = [peer.app(elsewhere)]
    settings.BASE_URL = "http://testserver"
    settings.ALLOWED_HOSTS = ["testserver"]


@pytest.fixture
def ada(offered, db):
    cast.house()
    return cast.ada(cast.client())


def come_in(person):
    """The token of a visit of that person."""
    url, _ends = links.make(person=person, by=SYSTEM, at=clock.now())
    token, visit = url.rstrip("/").rpartition("/")[2], new_token()
    links.spend(token=token, visit=visit, at=clock.now())
    return visit


def leave_for(browser, visit, *scopes):
    """The address of the provider, as the page links it."""
    page = browser.post(BEGIN, {"visit": visit, "provider": "elsewhere", "scope": scopes})
    assert page.status_code == 200
    return re.search(r'class="button" href="([^"]+)"', page.content.decode())[1].replace("&amp;", "&")


def say_yes(url, sub="ada-4711"):
    return requests.post(url, data={"sub": sub}, allow_redirects=False, timeout=10).headers["location"]


def test_the_whole_way(ada):
    browser, visit = Client(), come_in(ada)
    page = browser.post("/preferences/page/", {"visit": visit}).content.decode()
    assert "Link an account at Elsewhere" in page
    assert "your e-mail address there" in page
    location = say_yes(leave_for(browser, visit, "email"))
    assert browser.cookies[COOKIE]["httponly"] is True
    assert browser.cookies[COOKIE]["path"] == "/preferences/linked-accounts/"
    back = browser.get(location)
    assert (back.status_code, browser.cookies[COOKIE].value) == (200, "")
    words = back.content.decode()
    assert "E-mail: ada@elsewhere.example" in words
    assert not [told for told in ("Northgate", "AB", "+1202") if told in words]
    opened = re.search(r'action="(/preferences/open/[^"]+)"[\s\S]*?name="visit" value="([^"]+)"', words)
    page = browser.post(opened[1], {"visit": opened[2]}).content.decode()
    assert "ada@elsewhere.example" in page
    assert "Link an account at Elsewhere" not in page
    done = browser.post(UNLINK, {"visit": opened[2], "account": LinkedAccount.objects.get().reference}).content.decode()
    assert "what it told us is erased" in done
    assert (LinkedClaim.objects.count(), LinkedAccount.objects.get().revoked_how) == (0, "person")
    again = browser.post(UNLINK, {"visit": opened[2], "account": LinkedAccount.objects.get().reference})
    assert (again.status_code, "unlinked already" in again.content.decode()) == (409, True)


def test_no_script_and_no_cookie_before_a_provider_is_chosen(ada):
    browser, visit = Client(), come_in(ada)
    page = browser.post("/preferences/page/", {"visit": visit})
    assert (dict(browser.cookies), "<script" in page.content.decode()) == ({}, False)


def test_another_browser_can_not_end_the_way(ada):
    location = say_yes(leave_for(Client(), come_in(ada), "email"))
    answer = Client().get(location)
    assert (answer.status_code, LinkedAccount.objects.count()) == (410, 0)
    assert "began in another browser" in answer.content.decode()


def test_the_way_back_ends_once(ada):
    browser = Client()
    location = say_yes(leave_for(browser, come_in(ada), "email"))
    half = browser.cookies[COOKIE].value
    assert browser.get(location).status_code == 200
    browser.cookies[COOKIE] = half
    assert browser.get(location).status_code == 410
    assert LinkedAccount.objects.count() == 1


def test_a_no_at_the_provider_links_nothing_and_its_words_are_not_shown(ada):
    browser = Client()
    url = leave_for(browser, come_in(ada), "email")
    state = re.search(r"state=([^&]+)", url)[1]
    answer = browser.get(BACK, {"state": state, "error": "access_denied", "error_description": "Ada said <b>no</b>"})
    assert (answer.status_code, LinkedAccount.objects.count()) == (409, 0)
    assert "you did not agree" in answer.content.decode()
    assert "Ada said" not in answer.content.decode()


@pytest.mark.parametrize("given", [{}, {"state": "x"}, {"state": "x" * 5000, "code": "y"}, {"state": "\x00", "code": "\ud800"}])
def test_a_way_back_that_is_none_is_over(ada, given):
    answer = Client().get(BACK, {name: value.encode("utf-8", "surrogatepass") for name, value in given.items()})
    assert answer.status_code == 410


def test_a_code_that_is_none_links_nothing(ada):
    browser = Client()
    state = re.search(r"state=([^&]+)", leave_for(browser, come_in(ada), "email"))[1]
    answer = browser.get(BACK, {"state": state, "code": "made-up"})
    assert (answer.status_code, LinkedAccount.objects.count()) == (409, 0)
    assert "did not answer as it should" in answer.content.decode()


@pytest.mark.parametrize("sent", [{"provider": "nowhere"}, {"provider": "elsewhere", "scope": ["address"]}, {"provider": "elsewhere", "scope": ["x"]}])
def test_what_is_not_offered_is_refused_on_the_page(ada, sent):
    answer = Client().post(BEGIN, {"visit": come_in(ada)} | sent)
    assert (answer.status_code, "Your choices" in answer.content.decode()) == (409, True)


def test_a_provider_that_is_gone_is_said_plainly(ada, settings):
    settings.PERSON_SIGN_ON_APPS = [peer.app("http://127.0.0.1:9")]
    answer = Client().post(BEGIN, {"visit": come_in(ada), "provider": "elsewhere", "scope": ["email"]})
    assert (answer.status_code, "Try again in some minutes" in answer.content.decode()) == (409, True)


def test_somebody_elses_account_can_not_be_unlinked(ada):
    browser = Client()
    browser.get(say_yes(leave_for(browser, come_in(ada), "email")))
    ben = cast.ada(cast.client("Mercy General"), email="ben@client.example")
    answer = Client().post(UNLINK, {"visit": come_in(ben), "account": LinkedAccount.objects.get().reference})
    assert (answer.status_code, LinkedAccount.objects.get().revoked_at) == (409, None)


def test_neither_state_nor_code_nor_value_stands_in_the_ledger(ada):
    browser = Client()
    location = say_yes(leave_for(browser, come_in(ada), "email"))
    browser.get(location)
    written = str([(event.verb, event.facts, event.object) for event in Event.objects.all()])
    secrets = [*re.findall(r"(?:state|code)=([^&]+)", location), "ada@elsewhere.example", "ada-4711"]
    assert not [secret for secret in secrets if secret in written]


def test_where_nothing_is_offered_there_is_no_section(ada, settings):
    settings.PERSON_SIGN_ON_APPS = []
    page = Client().post("/preferences/page/", {"visit": come_in(ada)}).content.decode()
    assert "Accounts you linked" not in page
