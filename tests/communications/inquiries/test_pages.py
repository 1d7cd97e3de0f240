"""What staff see of inquiries: lists and pages without a word of them, one page with all of it, and their work on the first page."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import Event
from apps.communications.models import Inquiry, ReceivedMail
from apps.communications.services import mailboxes
from apps.communications.services.inquiries import receiving, working
from apps.communications.states import InquiryState
from apps.foundation import clock
from apps.mail.models import OutgoingMail
from tests.cast import DAY, NOON
from tests.communications.inquiries import given

LIST = "/admin/communications/inquiry/"


@pytest.fixture
def browser(house, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOON + 3 * DAY)
    client = Client()
    client.force_login(given.dana())
    return client


def page_of(inquiry, act: str = "change") -> str:
    return reverse(f"admin:communications_inquiry_{act}", args=[inquiry.pk])


def listed(browser, query: str = "") -> set[str]:
    return set(re.findall(r"INQ-[0-9A-Z]{7}(?=</a>)", browser.get(LIST + query).content.decode()))


def test_no_list_page_or_file_shows_a_word_of_it(browser):
    inquiry = given.inquiry(subject="Unspoken subject")
    for address in (LIST, f"{LIST}export.csv", page_of(inquiry), page_of(inquiry, "answer")):
        answer = browser.get(address)
        shown = b"".join(answer.streaming_content if answer.streaming else [answer.content]).decode()
        assert inquiry.reference in shown
        assert not any(word in shown for word in (given.TEXT, "Unspoken subject", given.ADA))


def test_the_page_of_the_thread_shows_all_of_it_escaped_and_is_not_kept(browser):
    inquiry = given.inquiry(subject="<b>bold</b>", text="<script>alert(1)</script>")
    working.note(inquiry=inquiry, text="Among us", by=given.dana(), at=NOON)

    answer = browser.post(page_of(inquiry, "read"), {"reason": "person_asked", "once": "1"})

    shown = answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert all(word in shown for word in (given.ADA, "&lt;script&gt;alert(1)", "&lt;b&gt;bold", "Among us", "Nobody is known by this address"))
    assert "<script>alert" not in shown
    assert Event.objects.get(verb="inquiry.read").facts == {"messages": 2, "reason": "person_asked"}


def test_without_a_reason_nothing_is_shown(browser):
    inquiry = given.inquiry()
    shown = browser.post(page_of(inquiry, "read"), {"once": "1"}).content.decode()
    assert given.TEXT not in shown
    assert not Event.objects.filter(verb="inquiry.read").exists()


def test_the_answer_is_sent_from_the_page_of_the_thread_once(browser):
    inquiry = given.inquiry()
    page = browser.post(page_of(inquiry, "read"), {"reason": "person_asked", "once": "1"}).content.decode()
    action = re.search(r'<form method="post" action="([^"]+/answer/)"', page)[1]
    once = re.search(r'name="once" value="([^"]+)"', page)[1]
    for _twice in range(2):
        browser.post(action, {"text": "Here it is.", "once": once})
    assert Inquiry.objects.get().state == InquiryState.ANSWERED
    assert OutgoingMail.objects.filter(template="communications/inquiry_answer").count() == 1


def test_the_list_is_filtered_by_owner_and_by_how_long_it_waits(browser):
    dana = given.dana()
    old, new = given.inquiry(), given.inquiry(email=given.EVE, at=NOON + 2 * DAY)
    working.hand_over(inquiry=old, to=dana, by=dana, at=NOON)
    answered = given.inquiry(email="third@elsewhere.example")
    working.answer(inquiry=answered, text="x", by=dana, at=NOON)
    assert listed(browser) == {old.reference, new.reference, answered.reference}
    assert listed(browser, "?whose=mine") == {old.reference, answered.reference}
    assert listed(browser, "?whose=nobody") == {new.reference}
    assert listed(browser, "?waiting=any") == {old.reference, new.reference}
    assert listed(browser, "?waiting=2") == {old.reference}
    assert listed(browser, "?waiting=7") == set()


def test_the_first_page_says_what_waits(browser):
    given.inquiry()
    row = mailboxes.claim(receiving.CODE, NOON)
    ReceivedMail.objects.create(mailbox=row, uid_validity=1, uid=1, size=1, outcome="refused", code="too_large", received_at=NOON)
    shown = browser.get("/admin/").content.decode()
    assert "Answer inquiries" in shown
    assert "one has waited for 3 days" in shown
    assert "Look at mail that could not be read" in shown


def test_what_is_kept_for_a_hold_shows_as_such_and_offers_nothing(browser, by_force):
    inquiry = given.closed(at=NOON - timedelta(days=1))
    by_force("UPDATE communications_inquiry SET state = 'kept'")
    shown = browser.get(page_of(inquiry)).content.decode()
    assert "past its life, kept for a hold" in shown
    assert not any(page_of(inquiry, act) in shown for act in ("read", "answer", "note", "close", "reopen", "hand_over"))
    assert browser.post(page_of(inquiry, "read"), {"reason": "legal", "once": "1"}).status_code == 409
