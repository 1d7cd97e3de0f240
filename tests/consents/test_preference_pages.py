"""The preference page: every purpose with its text and how it stands, one click each way, and nothing for who has no token."""

import html
import re
from datetime import timedelta

import pytest
import time_machine
from django.core import signing
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Person
from apps.accounts.services import registration, tokens
from apps.accounts.states import PersonStanding
from apps.consents import preferences, visits
from apps.consents.doors import new_token
from apps.consents.models import ConsentEvent, ConsentPurpose, PurposeText, Standing, Visit
from apps.consents.services import asking, links, receipts, texts
from apps.foundation.actors import SYSTEM
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON
from tests.consents import borrowing

MINUTE = timedelta(minutes=1)
#: visit, policy with its news, signals, standings, purposes, texts, history with its erasures
MOST_QUERIES = 15
HIDDEN = re.compile(r'name="visit" value="([A-Za-z0-9_-]{43})"')


@pytest.fixture(autouse=True)
def noon(settings):
    """The page without the sections of other apps, which have tests of their own."""
    settings.PREFERENCE_SECTIONS = ()
    cache.clear()
    with time_machine.travel(NOON, tick=False) as travelling:
        yield travelling


class Browser:
    """Somebody at the page: knows its token and the notes beside the buttons, as forms carry them."""

    def __init__(self, client, person):
        self.client = client
        url, _until = links.make(person=person, by=SYSTEM, at=NOON)
        self.path = url.removeprefix("http://127.0.0.1:8000")
        self.visit = HIDDEN.search(client.get(self.path).content.decode())[1]
        self.take(client.post(self.path, {"visit": self.visit}))

    def take(self, response):
        self.response, self.page = response, html.unescape(response.content.decode())
        self.text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.page))
        return self

    def note(self, purpose):
        return re.search(rf'id="{purpose}".*?name="note" value="([^"]+)"', self.page, re.S)[1]

    def buttons(self, purpose):
        return re.findall(r'value="(give|refuse|withdraw)"', re.search(rf'<section class="choice" id="{purpose}".*?</section>', self.page, re.S)[0])

    def say(self, purpose, answer, **more):
        fields = {"visit": self.visit, "note": self.note(purpose), "answer": answer} | more
        return self.take(self.client.post("/preferences/say/", {name: value for name, value in fields.items() if value is not None}))


@pytest.fixture
def browser(client, ada):
    return Browser(client, ada)


def test_the_page_shows_each_purpose_with_its_text_what_is_collected_and_what_is_lost(browser):
    shown = PurposeText.objects.in_force(NOON)
    assert len(shown) == 5
    for text in shown:
        for words in (text.purpose.title, text.words, text.collected, text.lost_without):
            assert words in browser.page
        assert browser.buttons(text.purpose_id) == ["give", "refuse"]
    assert browser.text.count("You said neither yes nor no, so nothing is collected.") == 5


def test_one_click_gives_another_takes_back_and_each_stands_in_the_ledger_with_its_proof(browser, ada):
    browser.say("contacts", "give")
    assert (browser.response.status_code, "You allow it from now on: Your contacts." in browser.text) == (200, True)
    assert browser.buttons("contacts") == ["withdraw"]
    assert "Allowed since March 8, 2026, 12:00 UTC ( preference page, text 1)" in browser.text.replace("(preference", "( preference")
    given = ConsentEvent.objects.get()
    text = PurposeText.objects.get(purpose="contacts")
    assert (given.act, given.how, given.where, given.shown_at, bytes(given.shown_digest)) == (
        "given", "preference_page", "preferences", NOON, bytes(text.digest)
    )  # fmt: skip
    assert asking.may(person_id=ada.pk, purpose="contacts", at=NOON)

    browser.say("contacts", "withdraw")
    assert "You took it back: Your contacts." in browser.text
    assert not asking.may(person_id=ada.pk, purpose="contacts", at=NOON)
    assert browser.buttons("contacts") == ["give"]
    assert [event.act for event in ConsentEvent.objects.order_by("id")] == ["given", "withdrawn"]


def test_a_no_is_remembered_for_a_year_and_may_be_turned_into_a_yes(browser, ada):
    browser.say("calendar", "refuse")
    assert "You said no on March 8, 2026; we do not ask you before March 8, 2027." in browser.text
    assert browser.buttons("calendar") == ["give"]
    assert not asking.may_ask(person_id=ada.pk, purpose="calendar", at=NOON + 300 * DAY)
    browser.say("calendar", "give")
    assert Standing.objects.get().stands


def test_the_history_shows_all_and_only_ones_own_and_each_has_a_signed_receipt(browser, ada, give):
    other = registration.register_person(organization=ada.organization, given_name="Ben", emails=["ben@client.example"], by=SYSTEM, at=NOON - DAY)
    foreign = give(other, "contacts")
    browser.say("contacts", "give").say("contacts", "withdraw").say("calendar", "refuse")
    listed = re.findall(r'name="reference" value="([^"]+)"', browser.page)
    assert listed == [event.reference for event in ConsentEvent.objects.filter(person=ada).order_by("-at", "-id")]
    assert foreign.reference not in browser.page

    response = browser.client.post("/preferences/receipt/", {"visit": browser.visit, "reference": listed[0]})
    assert response.headers["Content-Disposition"] == f'attachment; filename="consent-receipt-{listed[0]}.json"'
    assert receipts.verify(response.content)["receipt_metadata"]["receipt_id"] == listed[0]
    assert response.headers["Cache-Control"] == "no-store"
    for wrong in (foreign.reference, "CNS-XXXXXXXXX", "", "' OR 1=1"):
        refused = browser.take(browser.client.post("/preferences/receipt/", {"visit": browser.visit, "reference": wrong}))
        assert (refused.response.status_code, "no such entry of yours" in refused.text) == (409, True)


def test_what_was_erased_and_what_a_hold_keeps_is_said(browser, settings, ada):
    settings.CONSENT_ERASERS = {"contacts": borrowing.ERASER}
    borrowing.run(borrowing.MAKE)
    browser.say("contacts", "give")
    borrowing.borrow(ada, rows=3)
    browser.say("contacts", "withdraw")
    assert "except for what the law makes us keep for now" in browser.text
    assert "Borrowed: 3 erased, 2 kept apart for now because the law asks for it." in browser.text
    assert borrowing.borrowed() == 0


# -- who comes in, and how long


def test_no_page_sets_a_cookie_is_kept_by_a_cache_or_tells_where_it_was(browser):
    client, got = browser.client, [browser.response]
    got += [client.get("/preferences/"), client.get("/preferences/sent/"), client.get(browser.path)]
    got += [client.post("/preferences/", {"email": "ada@client.example"}), client.post("/preferences/say/", {"visit": "x"})]
    got += [client.post("/preferences/leave/", {"visit": browser.visit})]
    for response in got:
        assert not response.cookies
        said = [response.headers[name] for name in ("Cache-Control", "Referrer-Policy", "X-Robots-Tag")]
        assert said == ["no-store", "no-referrer", "noindex"]
    assert not client.cookies


def test_the_page_needs_no_script_and_loads_nothing_from_elsewhere(browser):
    assert "<script" not in browser.page
    sources = re.findall(r'(?:src|href|action)="([^"#]+)"', browser.page)
    assert sources
    assert [source for source in sources if not source.startswith(("/", "data:"))] == []


def test_the_token_of_a_visit_is_in_no_address_of_its_page(browser):
    assert browser.page.count(browser.visit) >= 6
    assert [address for address in re.findall(r'(?:src|href|action)="([^"]+)"', browser.page) if browser.visit in address] == []


def test_looking_at_the_link_changes_nothing_so_that_a_scanner_of_mail_opens_nothing(client, ada):
    url, _until = links.make(person=ada, by=SYSTEM, at=NOON)
    path = url.removeprefix("http://127.0.0.1:8000")
    pages = [client.get(path).content.decode() for _look in range(3)]
    assert all("Open my page" in page and ada.reference not in page for page in pages)
    assert len({HIDDEN.search(page)[1] for page in pages}) == 3
    assert client.head(path).status_code == 200
    assert Visit.objects.count() == 0


def test_a_second_click_and_a_reload_show_the_page_and_another_browser_finds_it_over(browser, client, ada):
    again = client.post(browser.path, {"visit": browser.visit})
    assert (again.status_code, ada.reference in again.content.decode()) == (200, True)
    other = client.post(browser.path, {"visit": new_token()})
    assert (other.status_code, ada.reference in other.content.decode()) == (410, False)
    late = client.get(browser.path)
    assert (late.status_code, "Ask for a new link" in late.content.decode()) == (410, True)


@pytest.mark.parametrize("visit", [None, "", "x", "A" * 43, "A" * 10_000, "\x00" * 43, "é" * 43])
@pytest.mark.parametrize("where", ["say", "receipt", "leave", "page"])
def test_without_a_visit_nothing_is_shown_or_done(browser, where, visit):
    fields = {"answer": "give", "note": browser.note("contacts")} | ({} if visit is None else {"visit": visit})
    response = browser.client.post(f"/preferences/{where}/", fields)
    assert (response.status_code, ConsentEvent.objects.count()) == (410, 0)
    assert "This visit is over" in response.content.decode()


@pytest.mark.parametrize("where", ["say", "receipt", "leave", "page"])
def test_an_address_typed_by_hand_leads_to_the_form(client, house, where):
    response = client.get(f"/preferences/{where}/")
    assert (response.status_code, response.headers["Location"]) == (302, "/preferences/")


@pytest.mark.parametrize("token", ["x", "A" * 42, "A" * 44, "A" * 42 + "%0A", "..%2F" * 8])
def test_what_is_no_link_is_not_there(client, house, token):
    assert client.get(f"/preferences/open/{token}/").status_code == 404


def test_a_well_formed_link_that_never_was_is_over_like_one_that_was(client, ada):
    link, _until = links.make(person=ada, by=SYSTEM, at=NOON - 2 * DAY)
    answers = [client.get(path) for path in (link.removeprefix("http://127.0.0.1:8000"), f"/preferences/open/{new_token()}/")]
    assert [answer.status_code for answer in answers] == [410, 410]
    assert answers[0].content == answers[1].content


def test_after_leaving_no_tab_shows_or_changes_anything(browser):
    note = browser.note("contacts")
    assert "You have left your page" in browser.client.post("/preferences/leave/", {"visit": browser.visit}).content.decode()
    response = browser.client.post("/preferences/say/", {"visit": browser.visit, "note": note, "answer": "give"})
    assert (response.status_code, ConsentEvent.objects.count()) == (410, 0)
    assert browser.client.post(browser.path, {"visit": browser.visit}).status_code == 410


def test_after_half_an_hour_the_page_is_over(browser, noon):
    noon.move_to(NOON + 30 * MINUTE)
    browser.say("contacts", "give")
    assert (browser.response.status_code, ConsentEvent.objects.count()) == (410, 0)


# -- answers that do not fit


def test_two_tabs_that_say_the_same_say_it_once_and_that_disagree_in_their_order(browser):
    first_tab = browser.page
    browser.say("contacts", "give").say("contacts", "give")
    assert ConsentEvent.objects.count() == 1
    browser.say("contacts", "withdraw").say("contacts", "withdraw")
    assert "You had taken that back already." in browser.text
    browser.page = first_tab
    browser.say("contacts", "give")
    browser.page = first_tab
    browser.say("contacts", "refuse")
    assert browser.response.status_code == 409
    assert "withdrawn, not refused" in browser.text
    assert [event.act for event in ConsentEvent.objects.order_by("id")] == ["given", "withdrawn", "given"]


def test_a_note_of_another_visit_or_one_that_was_made_up_is_no_answer(browser, client, ada):
    other = Browser(client, ada)
    sealed = ["contacts", 1, "00" * 32, NOON.isoformat(), Visit.objects.get(token_hash=links.digest_of(browser.visit, door="visit")).pk]
    wrong = [
        other.note("contacts"), "", None, "nonsense", browser.note("contacts")[:-1] + "0", signing.dumps(sealed, salt="another"),
        signing.dumps(["too short"], salt=preferences.SALT), signing.dumps({"a": "dict"}, salt=preferences.SALT), "\x00", "é" * 300,
    ]  # fmt: skip
    for note in wrong:
        browser.say("contacts", "give", note=note)
        assert (browser.response.status_code, "no answer to what was asked" in browser.text) == (409, True)
    for answer in ("", "maybe", None, "GIVE", ["give", "maybe"]):
        browser.say("contacts", answer)
        assert browser.response.status_code == 409
    assert ConsentEvent.objects.count() == 0


def test_a_digest_that_is_not_the_texts_is_refused_even_with_a_sound_seal(browser):
    pk = Visit.objects.get().pk
    note = signing.dumps(["contacts", 1, "00" * 32, NOON.isoformat(), pk], salt=preferences.SALT)
    browser.say("contacts", "give", note=note)
    assert (browser.response.status_code, ConsentEvent.objects.count()) == (409, 0)
    assert "Nothing proves that the person was shown this text" in browser.text


def newer(purpose, at):
    """Another text of a purpose, published by a second person."""
    last = PurposeText.objects.get(purpose=purpose)
    drafted = texts.draft(
        purpose=last.purpose, words="We compare more than before.", collected="More than before.", lost_without=last.lost_without,
        categories=last.categories, months=None, by=cast.staff("pia", Role.PRIVACY_ANALYST), at=at,
    )  # fmt: skip
    texts.ask(text=drafted, by=drafter(), at=at)
    return texts.publish(text=drafted, by=cast.cleo(), at=at)


def drafter():
    return cast.StaffMember.objects.get(username="pia")


def test_a_yes_to_a_text_that_was_replaced_meanwhile_is_not_taken_and_the_new_text_is_shown(browser, noon):
    noon.move_to(NOON + 2 * MINUTE)
    newer("contacts", NOON + MINUTE)
    browser.say("contacts", "give")
    assert (browser.response.status_code, ConsentEvent.objects.count()) == (409, 0)
    assert "We compare more than before." in browser.text
    browser.say("contacts", "give")
    assert ConsentEvent.objects.get().text.number == 2


def test_a_yes_to_an_older_text_stands_by_its_words_until_the_new_one_is_allowed(browser, noon):
    browser.say("contacts", "give")
    noon.move_to(NOON + 2 * MINUTE)
    newer("contacts", NOON + MINUTE)
    browser.take(browser.client.post("/preferences/page/", {"visit": browser.visit}))
    assert "Your yes covers only what it said then:" in browser.text
    assert browser.buttons("contacts") == ["give", "withdraw"]
    browser.say("contacts", "give")
    assert [event.text.number for event in ConsentEvent.objects.order_by("id")] == [1, 2]


def test_a_purpose_that_was_closed_is_gone_from_the_page_unless_it_stands(browser, by_force):
    browser.say("contacts", "give")
    by_force("UPDATE consents_consentpurpose SET is_open = false, closed_at = %s WHERE code IN ('contacts', 'calendar')", NOON)
    browser.take(browser.client.post("/preferences/page/", {"visit": browser.visit}))
    assert 'id="calendar"' not in browser.page
    assert browser.buttons("contacts") == ["withdraw"]


def test_a_suspended_person_can_take_back_and_say_no_and_allow_nothing(browser, ada):
    browser.say("contacts", "give")
    note = browser.note("calendar")
    Person.objects.filter(pk=ada.pk).update(standing=PersonStanding.SUSPENDED)
    browser.take(browser.client.post("/preferences/page/", {"visit": browser.visit}))
    assert "Your account is suspended" in browser.text
    assert (browser.buttons("contacts"), browser.buttons("calendar")) == (["withdraw"], ["refuse"])
    browser.say("calendar", "give", note=note)
    assert (browser.response.status_code, "not active" in browser.text) == (409, True)
    browser.say("contacts", "withdraw").say("calendar", "refuse")
    assert [event.act for event in ConsentEvent.objects.order_by("id")] == ["given", "withdrawn", "refused"]


def test_a_closed_account_has_no_page(browser, ada):
    Person.objects.filter(pk=ada.pk).update(standing=PersonStanding.CLOSED)
    browser.say("contacts", "withdraw")
    assert browser.response.status_code == 410


def test_a_body_of_nonsense_is_refused_and_no_defect(browser):
    for body, kind in ((b"\xff\xfe\x00", "application/x-www-form-urlencoded"), (b"{}", "application/json"), (b"--x", "multipart/form-data; boundary=x")):
        response = browser.client.generic("POST", "/preferences/say/", body, content_type=kind)
        assert response.status_code in (400, 410)


def test_a_name_with_markup_is_shown_as_text(client, house):
    organization = cast.client("<script>alert(1)</script> & Sons")
    page = client.post("/preferences/page/", {"visit": Browser(client, cast.ada(organization)).visit}).content.decode()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


# -- sections of other apps


def a_section(person, *, at):
    return visits.Section(title=f"Of {person.reference}", template="consents/visit_field.html", context={"at": at}, anchor="a-section")


def no_section(_person, *, at):
    return None


def test_other_apps_have_their_sections_in_the_order_of_the_setting(browser, settings, ada):
    settings.PREFERENCE_SECTIONS = (f"{__name__}.no_section", f"{__name__}.a_section")
    browser.take(browser.client.post("/preferences/page/", {"visit": browser.visit}))
    assert re.search(rf'<h2 id="title-a-section">Of {ada.reference}</h2>\s*<input type="hidden" name="visit" value="{browser.visit}"', browser.page)
    assert '<a href="#a-section">' in browser.page


def test_the_page_costs_the_same_number_of_queries_with_one_entry_and_with_many(browser):
    browser.say("contacts", "give")
    counts = []
    for _turn in range(2):
        with CaptureQueriesContext(connection) as captured:
            browser.client.post("/preferences/page/", {"visit": browser.visit})
        counts.append(len(captured))
        browser.say("contacts", "withdraw").say("contacts", "give").say("calendar", "refuse").say("announcements_email", "give")
    assert counts[0] == counts[1] <= MOST_QUERIES


def test_a_long_history_is_cut_and_says_so(browser, ada, give, withdraw, monkeypatch):
    monkeypatch.setattr(preferences, "LONGEST_HISTORY", 2)
    browser.say("contacts", "give").say("contacts", "withdraw").say("calendar", "refuse")
    assert len(re.findall(r'name="reference"', browser.page)) == 2
    assert "Older entries are kept too" in browser.text


def test_a_page_of_a_house_without_open_purposes_says_so(browser, by_force):
    by_force("UPDATE consents_consentpurpose SET is_open = false, closed_at = %s", NOON)
    browser.take(browser.client.post("/preferences/page/", {"visit": browser.visit}))
    assert "At present we ask for nothing." in browser.text
    assert ConsentPurpose.objects.filter(is_open=True).count() == 0


# -- the product


def test_the_product_gets_a_link_with_a_token_for_people(client, ada):
    response = client.post(f"/api/v1/people/{ada.reference}/preference-links", headers=bearer("people"))
    assert (response.status_code, response.headers["Cache-Control"]) == (201, "no-store")
    assert response.json()["expires_at"] == "2026-03-08T12:30:00Z"
    path = response.json()["url"].removeprefix("http://127.0.0.1:8000")
    assert "Open my page" in client.get(path).content.decode()


def bearer(*scopes, organization=None):
    """The header of a service with a token of its own."""
    _row, words = tokens.issue(name="product", scopes=list(scopes), organization=organization, by=SYSTEM, at=NOON)
    return {"Authorization": f"Bearer {words}"}


@pytest.mark.parametrize(("scopes", "reference", "status"), [
    (["organizations"], None, 403), (["people"], "PER-0000000", 404), (["people"], "nobody", 422),
])  # fmt: skip
def test_nobody_else_gets_a_link(client, ada, scopes, reference, status):
    headers = bearer(*scopes)
    assert client.post(f"/api/v1/people/{reference or ada.reference}/preference-links", headers=headers).status_code == status
    assert client.post(f"/api/v1/people/{ada.reference}/preference-links").status_code == 401


def test_a_service_of_another_organization_gets_no_link_and_too_many_are_refused(client, ada):
    headers = bearer("people", organization=cast.client("Mercy General"))
    assert client.post(f"/api/v1/people/{ada.reference}/preference-links", headers=headers).status_code == 403
    headers = bearer("people")
    codes = [client.post(f"/api/v1/people/{ada.reference}/preference-links", headers=headers).status_code for _one in range(6)]
    assert codes == [201] * 5 + [429]
    Person.objects.filter(pk=ada.pk).update(standing=PersonStanding.CLOSED)
    assert client.post(f"/api/v1/people/{ada.reference}/preference-links", headers=headers).json()["error"]["code"] == "account_closed"
