"""The public form: anybody may write, once a click; machines, floods and forged posts get in nothing; no cookie, and nothing told of anybody."""

import re
from datetime import timedelta

import pytest
from django.core import signing
from django.core.cache import cache
from django.test import Client

from apps.communications import forms, texts
from apps.communications.models import Inquiry
from apps.communications.services.inquiries import opening
from apps.communications.states import Channel, InquiryState
from apps.foundation import clock
from apps.foundation.references import new_reference
from apps.mail.models import OutgoingMail
from tests import cast
from tests.cast import DAY, NOON
from tests.communications.inquiries import given

TYPED = {"topic": "privacy", "email": given.ADA, "subject": "A question", "text": given.TEXT, "website": ""}


@pytest.fixture
def visitor(house, monkeypatch):
    cache.clear()
    monkeypatch.setattr(clock, "now", lambda: NOON)
    return Client(enforce_csrf_checks=True)


def at(monkeypatch, moment) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)


def token(visitor) -> str:
    return re.search(r'name="token" value="([^"]+)"', visitor.get("/contact/").content.decode())[1]


@pytest.fixture
def send(visitor, monkeypatch):
    def post(*, after=timedelta(seconds=20), with_token="", **typed):
        carried = with_token or token(visitor)
        at(monkeypatch, clock.now() + after)
        return visitor.post("/contact/", TYPED | {"token": carried} | typed)

    return post


def test_what_is_typed_becomes_an_inquiry_and_the_page_says_what_happens_next(send):
    answer = send(topic="child")

    inquiry = Inquiry.objects.get()
    words = texts.open_words(inquiry.messages.get())
    assert answer.status_code == 201
    assert inquiry.reference in answer.content.decode()
    assert "24 months" in answer.content.decode()
    assert (inquiry.topic, inquiry.channel, inquiry.state) == ("child", Channel.FORM, InquiryState.OPEN)
    assert (words.subject, words.text, texts.open_sender(inquiry)) == ("A question", given.TEXT, given.ADA)
    assert inquiry.policy_version.number == 1


def test_neither_page_sets_a_cookie_nor_is_kept_nor_loads_a_script(visitor, send):
    for answer in (visitor.get("/contact/"), send(), send(email="no address")):
        assert answer.cookies == {}
        assert answer.headers["Cache-Control"] == "no-store"
        assert "<script" not in answer.content.decode()


def test_the_answer_is_the_same_whether_the_address_is_known_or_not(send):
    cast.ada(cast.client())
    pages = [re.sub(r"INQ-\w+", "INQ", send(email=email).content.decode()) for email in (given.ADA, given.EVE)]
    assert pages[0] == pages[1]
    assert {inquiry.person is None for inquiry in Inquiry.objects.all()} == {True, False}


def test_the_confirmation_goes_to_the_address_without_what_was_typed(send):
    send(subject="Buy my pills", text="at http://pills.example")
    mail = OutgoingMail.objects.get()
    assert mail.to_address == given.ADA
    assert not re.search("pills", mail.subject + mail.body, re.IGNORECASE)


def test_an_address_is_told_once_a_day_however_it_is_written(send):
    for email in (given.ADA, given.ADA.upper(), given.EVE):
        send(email=email)
    assert Inquiry.objects.count() == 3
    assert sorted(OutgoingMail.objects.values_list("to_address", flat=True)) == sorted([given.ADA, given.EVE])


def test_the_same_form_sent_twice_is_one_inquiry(send, visitor):
    carried = token(visitor)
    pages = [send(with_token=carried) for _time in range(2)]
    assert [page.status_code for page in pages] == [201, 201]
    assert (Inquiry.objects.count(), given.said(Inquiry.objects.get())) == (1, [given.TEXT])


def test_a_form_that_was_changed_and_sent_again_adds_to_its_inquiry(send, visitor):
    carried = token(visitor)
    send(with_token=carried)
    send(with_token=carried, text="I forgot something.")
    assert given.said(Inquiry.objects.get()) == [given.TEXT, "I forgot something."]


def test_a_form_that_was_sent_can_not_be_sent_for_another_address(send, visitor):
    carried = token(visitor)
    send(with_token=carried)
    answer = send(with_token=carried, email=given.EVE, text="Mine")
    assert answer.status_code == 409
    assert given.said(Inquiry.objects.get()) == [given.TEXT]


def test_who_fills_in_the_hidden_field_is_thanked_and_forgotten(send):
    assert send(website="http://x.example").status_code == 201
    assert (Inquiry.objects.count(), OutgoingMail.objects.count()) == (0, 0)


@pytest.mark.parametrize("after", [timedelta(seconds=1), timedelta(hours=9), timedelta(seconds=-5)])
def test_a_form_sent_too_fast_or_too_late_is_shown_again_with_what_was_typed(send, after):
    answer = send(after=after)
    assert answer.status_code == 409
    assert given.TEXT in answer.content.decode()
    assert Inquiry.objects.count() == 0


@pytest.mark.parametrize(
    "carried",
    [
        "", "x", "a" * 10_000, signing.dumps(["INQ-1234567", 1], salt="another"), signing.dumps("INQ-1234567", salt=forms.SALT),
        signing.dumps(["INQ-<script>", int(NOON.timestamp())], salt=forms.SALT),
    ],
    ids=range(6),
)  # fmt: skip
def test_a_post_without_our_token_takes_nothing_in(visitor, monkeypatch, carried):
    at(monkeypatch, NOON + timedelta(minutes=1))
    assert visitor.post("/contact/", TYPED | {"token": carried}).status_code == 409
    assert Inquiry.objects.count() == 0


@pytest.mark.parametrize(
    "typed",
    [
        {"email": "nobody"}, {"email": "a@b.example\nBcc: c@d.example"}, {"topic": "sale"}, {"subject": ""}, {"subject": "x" * 121}, {"text": ""},
        {"text": "x" * 10_001},
    ],
    ids=range(7),
)  # fmt: skip
def test_what_is_not_right_is_said_beside_its_field(send, typed):
    answer = send(**typed)
    assert answer.status_code == 422
    assert 'class="wrong"' in answer.content.decode()
    assert Inquiry.objects.count() == 0


def test_a_flood_from_one_network_is_stopped(send, settings):
    settings.INQUIRY_FORM_RATE = "3/h/ip"
    assert [send().status_code for _time in range(4)] == [201, 201, 201, 429]
    assert Inquiry.objects.count() == 3


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_the_page_knows_no_other_method(visitor, method):
    assert getattr(visitor, method)("/contact/").status_code == 405


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"topic": "sale"}, opening.TopicUnknown),
        ({"text": " \n"}, opening.TextMissing),
        ({"text": "x" * 10_001}, opening.TextMissing),
        ({"email": "nobody"}, opening.details.DetailNotValid),
        ({"subject": "a\nb"}, opening.details.DetailNotValid),
    ],
)
def test_the_service_refuses_what_no_form_should_have_let_through(house, changed, refusal):
    given_words = {"email": given.ADA, "topic": "privacy", "subject": "x", "text": "y"} | changed
    with pytest.raises(refusal):
        opening.from_form(reference=new_reference("INQ"), **given_words, at=NOON)
    assert Inquiry.objects.count() == 0


def test_the_link_on_every_public_page_leads_to_the_form(visitor):
    assert 'href="/contact/"' in visitor.get("/privacy/").content.decode()


def test_the_day_after_the_address_is_told_again(house):
    given.inquiry()
    given.inquiry(at=NOON + DAY)
    assert OutgoingMail.objects.count() == 2
