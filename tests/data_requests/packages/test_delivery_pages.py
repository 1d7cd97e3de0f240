"""The two pages by which a package is fetched: a GET changes nothing, the answers tell nobody anything, and the download is what was made."""

import re

import pytest
import time_machine
from django.urls import reverse

from apps.data_requests.models import Package, RequestLink
from apps.data_requests.services.packages import sealing
from apps.gate.models import Disclosure
from apps.mail.models import OutgoingMail
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests.packages.mailed import waiting
from tests.data_requests.packages.opened import read, sha256

NEVER = "A" * 43
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(house):
    return cast.ada(cast.client())


@pytest.fixture
def offer(ada):
    with time_machine.travel(NOON, tick=False):
        yield waiting(ada)


def page(kind, token) -> str:
    return reverse(f"data_requests:{kind}", args=[token])


def fresh() -> str:
    return re.search(r"/requests/fetch/([A-Za-z0-9_-]{43})/", OutgoingMail.objects.filter(body__contains="/requests/fetch/").latest("pk").body)[1]


def test_from_the_letter_to_the_file(client, offer, ada):
    assert client.get(page("ready", offer)).status_code == 200
    assert client.post(page("ready", offer)).status_code == 200
    assert client.get(page("fetch", fresh())).status_code == 200

    answer = client.post(page("fetch", fresh()))

    package = Package.objects.get()
    content = b"".join(answer.streaming_content)
    assert sha256(content) == bytes(package.digest).hex()
    assert read(content).data["person"] == ada.reference
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{package.reference}.zip"'
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    assert Disclosure.objects.get().recipient == ada.reference


def test_whoever_reads_mail_ahead_of_its_person_spends_and_sends_nothing(client, offer):
    client.post(page("ready", offer))
    token = fresh()
    mails = OutgoingMail.objects.count()

    for _time in range(3):
        for method in (client.get, client.head):
            assert method(page("ready", offer)).status_code == 200
            assert method(page("fetch", token)).status_code == 200

    assert OutgoingMail.objects.count() == mails
    assert not RequestLink.objects.filter(spent_at__isnull=False, purpose__in=("delivery", "fetch")).exists()
    assert not Disclosure.objects.exists()


def test_the_second_click_gets_nothing(client, offer):
    client.post(page("ready", offer))
    token = fresh()
    b"".join(client.post(page("fetch", token)).streaming_content)

    again = client.post(page("fetch", token))

    assert again.status_code == 410
    assert Disclosure.objects.count() == 1


def test_a_link_over_one_of_the_other_kind_and_one_that_never_was_are_answered_alike(client, offer):
    client.post(page("ready", offer))
    token = fresh()
    b"".join(client.post(page("fetch", token)).streaming_content)

    for method in (client.get, client.post):
        answers = [method(page("fetch", one)) for one in (token, offer, NEVER)] + [method(page("ready", one)) for one in (token, NEVER)]
        assert {answer.status_code for answer in answers} == {410}
        assert len({answer.content for answer in answers}) == 1


def test_after_its_days_both_pages_are_over(client, ada):
    with time_machine.travel(NOON, tick=False):
        offer = waiting(ada)
    with time_machine.travel(NOON + 7 * DAY, tick=False):
        assert client.get(page("ready", offer)).status_code == client.post(page("ready", offer)).status_code == 410


def test_no_page_names_anybody_or_says_what_is_in_the_package(client, offer, ada):
    shown = client.get(page("ready", offer)).content + client.post(page("ready", offer)).content + client.get(page("fetch", fresh())).content
    for word in (b"Ada", b"Lovell", b"client.example", b"Hill Clinic", ada.reference.encode()):
        assert word not in shown


def test_the_answer_to_the_button_is_the_same_when_no_mail_is_sent_any_more(client, offer):
    answers = [client.post(page("ready", offer)) for _click in range(7)]

    assert len({answer.content for answer in answers}) == 1
    assert OutgoingMail.objects.filter(body__contains="/requests/fetch/").count() == 5


def test_a_damaged_package_is_not_handed_over_and_the_page_says_what_to_do(client, offer):
    client.post(page("ready", offer))
    sealing.path_of(Package.objects.get().reference).unlink()

    answer = client.post(page("fetch", fresh()))

    assert answer.status_code == 409
    assert "we make it anew" in answer.content.decode()
    assert not Disclosure.objects.exists()


def test_what_the_gate_refuses_is_told_without_its_reasons(client, offer):
    client.post(page("ready", offer))
    Package.objects.update(categories=["no_such_category"])

    answer = client.post(page("fetch", fresh()))

    assert answer.status_code == 409
    assert "vocabulary" not in answer.content.decode()
    assert "no_such_category" not in answer.content.decode()

