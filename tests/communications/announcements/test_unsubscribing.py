"""One click withdraws the consent: from the mail program's button by one POST, from the page by its button, never by looking."""

from urllib.parse import urlsplit

import pytest
from django.test import Client

from apps.communications.models import Delivery
from apps.communications.services.circulars import sending, wording
from apps.consents.models import ConsentEvent, Standing
from apps.mail.models import OutgoingMail
from tests.communications.announcements import circulars
from tests.communications.announcements.circulars import EMAIL, IN_APP

pytestmark = pytest.mark.django_db

BROWSER = {"HTTP_ACCEPT": "text/html"}


@pytest.fixture
def ada(house):
    (reader,) = circulars.readers(1)
    circulars.allow(reader, IN_APP)
    return reader


@pytest.fixture
def link(ada):
    """The path in the mail that Ada got."""
    circulars.approved()
    sending.sweep(at=circulars.NOON)
    return urlsplit(OutgoingMail.objects.get().unsubscribe_url).path


def stands(person, purpose=EMAIL) -> bool:
    return Standing.objects.get(person=person, purpose_id=purpose).stands


def one_click(link, client=None):
    return (client or Client(enforce_csrf_checks=True)).post(link, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")


def test_the_button_of_a_mail_program_needs_one_post_and_no_page(ada, link):
    client = Client(enforce_csrf_checks=True)
    answer = one_click(link, client)
    assert (answer.status_code, answer.content) == (200, b"Unsubscribed.\n")
    assert not answer.cookies
    assert not client.cookies
    assert not stands(ada)
    assert stands(ada, IN_APP)  # another channel
    event = ConsentEvent.objects.get(person=ada, purpose_id=EMAIL, act="withdrawn")
    assert (event.how, event.where) == ("one_click", Delivery.objects.get().circular.reference)


def test_a_form_of_several_parts_is_understood_too(ada, link):
    assert Client().post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not stands(ada)


def test_looking_at_the_link_changes_nothing_and_shows_a_button(ada, link):
    for method in ("get", "head"):
        answer = getattr(Client(), method)(link)
        assert answer.status_code == 200
        assert stands(ada)
    page = Client().get(link)
    body = page.content.decode()
    assert '<button type="submit"' in body
    assert "<script" not in body
    assert "reader1" not in body
    assert ada.reference not in body
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_the_button_of_the_page_does_it_and_says_so(ada, link):
    answer = Client(enforce_csrf_checks=True).post(link)
    assert answer.status_code == 200
    assert "Announcements are stopped" in answer.content.decode()
    assert not stands(ada)


def test_twice_is_once(ada, link):
    for _time in range(3):
        assert one_click(link).status_code == 200
    assert ConsentEvent.objects.filter(person=ada, purpose_id=EMAIL, act="withdrawn").count() == 1


def test_an_old_link_works_for_a_consent_that_was_given_anew(ada, link):
    one_click(link)
    circulars.allow(ada, at=circulars.NOON + circulars.timedelta(days=1))
    assert stands(ada)
    one_click(link)
    assert not stands(ada)


@pytest.mark.parametrize("token", [wording.SAMPLE, "x", "a" * 44, "%00", "ü" * 43, "../admin"])
def test_a_link_that_is_not_known_changes_nothing(ada, link, token):
    for answer in (Client().get(f"/unsubscribe/{token}/"), one_click(f"/unsubscribe/{token}/")):
        assert answer.status_code == 404
    assert stands(ada)


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_no_other_method_is_taken(ada, link, method):
    assert getattr(Client(), method)(link).status_code == 405
    assert stands(ada)


def test_the_token_reaches_no_log(ada, link, capsys, caplog):
    caplog.set_level("DEBUG")
    one_click(link)
    Client().get(link)
    token = link.split("/")[2]
    said = capsys.readouterr()
    assert token not in caplog.text + said.out + said.err
    assert "/unsubscribe/" in caplog.text + said.out + said.err  # that somebody came is logged, by the route
