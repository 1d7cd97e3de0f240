"""The API by which the product shows what a person may allow and takes their answer: bad input, other tokens, and twice."""

import json

import pytest
import time_machine

from apps.accounts.services import tokens
from apps.consents.models import ConsentEvent, Standing
from apps.consents.services import asking, receipts
from apps.foundation.actors import SYSTEM
from tests import cast
from tests.cast import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def token(house):
    return tokens.issue(name="product", scopes=["people"], organization=None, by=SYSTEM, at=NOON)[1]


@pytest.fixture
def get(client, token):
    return lambda path, words=token: client.get(f"/api/v1/people/{path}", headers={"Authorization": f"Bearer {words}"})


@pytest.fixture
def post(client, token):
    def send(path, body, words=token):
        content = body if isinstance(body, bytes) else json.dumps(body)
        return client.post(f"/api/v1/people/{path}", content, content_type="application/json", headers={"Authorization": f"Bearer {words}"})

    return send


@pytest.fixture
def yes(house):
    text = asking.text_in_force(purpose="contacts", at=NOON)
    return {"act": "give", "text": text.number, "shown": bytes(text.digest).hex(), "shown_at": NOON.isoformat(), "where": "settings/privacy"}


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_the_product_learns_what_to_show_and_whom_it_may_ask(ada, get, give, refuse):
    given, refused = give(ada, "calendar"), refuse(ada, "announcements_sms")

    told = {one["purpose"]: one for one in get(f"{ada.reference}/consents").json()["consents"]}

    assert set(told) == {"contacts", "calendar", "announcements_email", "announcements_in_app", "announcements_sms"}
    state = {code: (one["stands"], one["may_be_asked"], one["act"], one["consent"]) for code, one in told.items()}
    assert state["contacts"] == (False, True, "", "")
    assert state["calendar"] == (True, False, "given", given.reference)
    assert state["announcements_sms"] == (False, False, "refused", refused.reference)
    text = asking.text_in_force(purpose="contacts", at=NOON)
    assert told["contacts"]["text"] == {
        "number": 1, "digest": bytes(text.digest).hex(), "what_for": text.words, "collected": text.collected, "lost_without": text.lost_without,
        "categories": ["contact", "identity"], "months": None,
    }  # fmt: skip


def test_a_yes_is_recorded_once_and_stands(ada, post, yes):
    first = post(f"{ada.reference}/consents/contacts", yes)
    again = post(f"{ada.reference}/consents/contacts", yes)

    event = ConsentEvent.objects.get()
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json() == {"consent": event.reference, "stands": True}
    assert (event.how, event.where) == ("api", "settings/privacy")


def test_a_no_and_a_withdrawal_are_recorded(ada, post, yes):
    assert post(f"{ada.reference}/consents/contacts", yes | {"act": "refuse"}).json()["stands"] is False
    post(f"{ada.reference}/consents/contacts", yes)
    gone = post(f"{ada.reference}/consents/contacts", {"act": "withdraw"})

    assert gone.json() == {"consent": Standing.objects.get().event.reference, "stands": False}
    assert post(f"{ada.reference}/consents/contacts", {"act": "withdraw"}).json() == {"consent": "", "stands": False}


def test_the_receipt_is_the_person_s_own(ada, clinic, get, give):
    event, ben = give(ada), cast.ada(clinic, "ben@client.example")

    assert receipts.verify(get(f"{ada.reference}/consents/receipts/{event.reference}").content)["record_header"]["record_id"] == event.reference
    assert code(get(f"{ben.reference}/consents/receipts/{event.reference}")) == (404, "consent_unknown")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"text": 2}, (409, "text_not_in_force")), ({"text": None}, (409, "text_not_in_force")), ({"shown": None}, (422, "text_not_shown")),
        ({"shown": "00" * 32}, (422, "text_not_shown")), ({"shown_at": None}, (422, "text_not_shown")),
        ({"shown_at": "yesterday"}, (422, "text_not_shown")), ({"shown_at": "2026-03-08T12:00:00"}, (422, "text_not_shown")),
        ({"shown_at": "0001-01-01T00:00:00+23:59"}, (422, "text_not_shown")), ({"shown_at": "9999-12-31T23:59:59-23:59"}, (422, "text_not_shown")),
        ({"text": True}, (422, "body_not_valid")), ({"text": "1"}, (422, "body_not_valid")), ({"text": 10**30}, (422, "body_not_valid")),
        ({"shown": "zz"}, (422, "body_not_valid")), ({"act": "force"}, (422, "body_not_valid")), ({"where": "at home"}, (422, "body_not_valid")),
        ({"note": "more"}, (422, "body_not_valid")), ({"act": None}, (422, "body_not_valid")),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_fit_is_refused_and_records_nothing(ada, post, yes, change, expected):
    assert code(post(f"{ada.reference}/consents/contacts", yes | change)) == expected
    assert ConsentEvent.objects.count() == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"give"', b"{\"act\": NaN}", b"\xff\xfe"])
def test_a_body_that_is_none_is_refused(ada, post, body):
    assert post(f"{ada.reference}/consents/contacts", body).status_code == 422


def test_what_is_not_there_is_not_found(ada, get, post, yes):
    assert code(get("PER-0000000/consents")) == (404, "person_unknown")
    assert code(post("PER-0000000/consents/contacts", yes)) == (404, "person_unknown")
    assert code(post(f"{ada.reference}/consents/nothing", yes)) == (404, "purpose_unknown")
    assert code(post(f"{ada.reference}/consents/nothing", {"act": "withdraw"})) == (404, "purpose_unknown")
    assert get("ada@client.example/consents").status_code == 422
    assert post(f"{ada.reference}/consents/{'x' * 41}", yes).status_code == 422


def test_a_token_of_another_organization_or_scope_opens_nothing(ada, get, post, yes):
    other = tokens.issue(name="other", scopes=["people"], organization=cast.client("Northgate"), by=SYSTEM, at=NOON)[1]
    gate = tokens.issue(name="gate", scopes=["gate"], organization=None, by=SYSTEM, at=NOON)[1]

    for words, status in ((other, 403), (gate, 403), ("nonsense", 401)):
        assert get(f"{ada.reference}/consents", words).status_code == status
        assert post(f"{ada.reference}/consents/contacts", yes, words).status_code == status
    assert ConsentEvent.objects.count() == 0


def test_no_answer_names_the_person(ada, get, post, yes, give):
    event = give(ada)
    answers = [get(f"{ada.reference}/consents"), post(f"{ada.reference}/consents/contacts", yes), get(f"{ada.reference}/consents/receipts/{event.reference}")]

    for answer in answers:
        assert "Ada" not in answer.content.decode()
        assert "ada@client.example" not in answer.content.decode()
