"""Consents in the admin: proposing, drafting, what a text changes, the proof for a past time, a receipt to take away, a word told to staff."""

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from apps.audit.models import Event
from apps.consents.models import ConsentEvent, ConsentPurpose, PurposeText, Standing
from apps.consents.services import receipts, texts
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.django_db

WORDS = {"words": "We compare them.", "collected": "Addresses.", "lost_without": "You see nobody.", "categories": ["contact"], "months": ""}


@pytest.fixture(autouse=True)
def present():
    with time_machine.travel(NOON + 10 * DAY, tick=False):
        yield


def browser_of(member) -> Client:
    browser = Client()
    browser.force_login(member)
    return browser


@pytest.fixture
def bea(house):
    return cast.staff("bea", Role.PRIVACY_ANALYST)


@pytest.fixture
def analyst(bea):
    return browser_of(bea)


@pytest.fixture
def officer(house):
    return browser_of(cast.cleo())


def url(page, *args):
    return reverse(f"admin:consents_{page}", args=args)


def act(browser, page, thing, form=None):
    """Confirm an act as its page asks to."""
    place = url(page, thing.pk)
    return browser.post(place, (form or {}) | {"once": browser.get(place).context["once"]}, follow=True)


PROPOSAL = {"code": "survey", "title": "A survey", "recipient": "PRV-7F3K2MP", "disclosure_purpose": "analytics"}


def test_a_purpose_is_proposed_drafted_asked_for_and_opened_by_two(analyst, officer):
    answer = analyst.post(url("consentpurpose_add"), PROPOSAL, follow=True)
    assert answer.status_code == 200
    purpose = ConsentPurpose.objects.get(pk="survey")
    assert (purpose.is_open, purpose.recipient) == (False, "PRV-7F3K2MP")

    act(analyst, "consentpurpose_draft", purpose, WORDS)
    text = PurposeText.objects.get(purpose=purpose)
    act(analyst, "purposetext_ask", text)
    assert "It is the first text of this purpose, and opens it." in officer.get(url("purposetext_publish", text.pk)).text
    act(officer, "purposetext_publish", text)

    purpose.refresh_from_db()
    assert purpose.is_open


@pytest.mark.parametrize(
    "change",
    [
        {"code": "contacts"}, {"code": "no blanks"}, {"code": ""}, {"title": ""}, {"title": "x" * 81}, {"recipient": "Pulse"}, {"recipient": ""},
        {"disclosure_purpose": "sale"}, {"disclosure_purpose": ""},
    ],
)  # fmt: skip
def test_a_proposal_that_does_not_fit_is_shown_again_and_makes_nothing(analyst, change):
    before = ConsentPurpose.objects.count()
    answer = analyst.post(url("consentpurpose_add"), PROPOSAL | change)

    assert answer.status_code == 200
    assert "errorlist" in answer.text or "errornote" in answer.text
    assert ConsentPurpose.objects.count() == before


@pytest.mark.parametrize("change", [{"words": ""}, {"categories": []}, {"categories": ["everything"]}, {"months": "0"}, {"months": "x"}, {"words": "x" * 1001}])
def test_a_draft_that_does_not_fit_is_shown_again_and_makes_nothing(analyst, change):
    act(analyst, "consentpurpose_draft", ConsentPurpose.objects.get(pk="contacts"), WORDS | change)

    assert PurposeText.objects.filter(purpose="contacts").count() == 1


def test_a_draft_begins_with_the_words_of_the_last_text(analyst):
    last = PurposeText.objects.get(purpose="contacts")
    page = analyst.get(url("consentpurpose_draft", "contacts"))

    assert page.context["form"].initial["words"] == last.words
    assert page.context["form"].initial["categories"] == last.categories


def test_who_decides_reads_what_changes_word_by_word(analyst, officer, bea):
    text = texts.draft(
        purpose=ConsentPurpose.objects.get(pk="announcements_sms"), words="We send you a letter.", collected="Your phone number.",
        lost_without="Nothing.", categories=["contact", "usage"], months=6, by=bea, at=NOON,
    )  # fmt: skip
    texts.ask(text=text, by=bea, at=NOON)

    page = officer.get(url("purposetext_change", text.pk)).text
    assert "<ins>letter.</ins>" in page
    assert "<del>" in page
    confirm = officer.get(url("purposetext_publish", text.pk)).text
    assert "From now on: “We send you a letter.”" in confirm
    assert "ends after 6 months" in confirm
    assert "It extends nothing" in confirm


def test_who_asked_sees_no_button_to_approve(officer, bea):
    both = cast.staff("dan", Role.PRIVACY_ANALYST, Role.COMPLIANCE_OFFICER)
    text = texts.draft(
        purpose=ConsentPurpose.objects.get(pk="contacts"), words="a", collected="b", lost_without="c", categories=["contact"], months=None,
        by=both, at=NOON,
    )  # fmt: skip
    texts.ask(text=text, by=both, at=NOON)

    page = url("purposetext_change", text.pk)
    assert "Approve and publish" in officer.get(page).text
    assert "Approve and publish" not in browser_of(both).get(page).text
    assert act(browser_of(both), "purposetext_publish", text).status_code == 409
    assert PurposeText.objects.published().filter(purpose="contacts").count() == 1


def test_the_proof_says_what_stood_at_a_past_time_and_by_what(ada, analyst, give, withdraw):
    first = give(ada, at=NOON)
    withdraw(ada, at=NOON + 2 * DAY)
    page = url("standing_proof", Standing.objects.get().pk)

    def told(at):
        return analyst.get(page, {"at": at}).text

    assert "did not stand" in told("2026-03-08T11:59")
    assert "Nothing had been said by then." in told("2026-03-08T11:59")
    stood = told("2026-03-09T12:00")
    assert ">stood<" in stood
    assert first.reference in stood
    assert "did not stand" in told("2026-03-10T12:00")
    assert "did not stand" in analyst.get(page).text


@pytest.mark.parametrize("at", ["yesterday", "2026-02-30T12:00", "", "9999-99-99T00:00", "0001-01-01T00:00"])
def test_a_moment_that_is_none_is_said_so_and_nothing_breaks(ada, analyst, give, at):
    give(ada)

    assert analyst.get(url("standing_proof", Standing.objects.get().pk), {"at": at}).status_code == 200


def test_the_proof_is_for_who_may_see_the_ledger(ada, give):
    give(ada)
    page = url("standing_proof", Standing.objects.get().pk)

    for role, status in ((Role.AUDITOR, 200), (Role.COUNSEL, 200), (Role.RECORDS_MANAGER, 403), (Role.ADMINISTRATOR, 403)):
        assert browser_of(cast.staff(f"s-{role}", role)).get(page).status_code == status


def test_a_receipt_is_taken_away_signed_and_recorded(ada, analyst, give):
    event = give(ada)
    answer = analyst.get(url("consentevent_receipt", event.pk))

    assert receipts.verify(answer.content)["record_header"]["record_id"] == event.reference
    assert answer.headers["Content-Disposition"] == f'attachment; filename="receipt-{event.reference}.json"'
    assert "no-store" in answer.headers["Cache-Control"]
    assert Event.objects.filter(verb="consent.receipt_taken", object=event.reference).count() == 1
    assert analyst.get(url("consentevent_receipt", event.pk + 999)).status_code == 302


def test_a_receipt_is_refused_to_whose_role_lacks_it(ada, give):
    event = give(ada)

    assert browser_of(cast.staff("max", Role.RECORDS_MANAGER)).get(url("consentevent_receipt", event.pk)).status_code == 403
    assert not Event.objects.filter(verb="consent.receipt_taken").exists()


def test_staff_withdraw_as_the_person_told_them_and_say_where_that_is_on_file(ada, analyst, give, bea):
    give(ada)
    standing = Standing.objects.get()
    act(analyst, "standing_withdraw", standing, {"where": "Ada Lovell called"})
    assert Standing.objects.get().stands

    act(analyst, "standing_withdraw", standing, {"where": "INQ-7F3K2MP"})

    event = ConsentEvent.objects.get(act="withdrawn")
    assert (event.how, event.where) == ("staff", "INQ-7F3K2MP")
    assert Event.objects.get(verb="consent.withdrawn").actor == str(bea.actor)


def test_lists_name_people_by_reference_only(ada, analyst, give, withdraw):
    give(ada)
    withdraw(ada)

    for page in ("consentevent_changelist", "standing_changelist"):
        shown = analyst.get(url(page)).text
        assert ada.reference in shown
        assert "Lovell" not in shown
        assert "ada@client.example" not in shown
