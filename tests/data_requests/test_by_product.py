"""The product hands over what people ask: once under a key, within the reach of its token, and hears a state and a day."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from apps.accounts.models import ServiceToken
from apps.accounts.services import tokens
from apps.audit.models import Event
from apps.data_requests.models import Arrival, DataRequest
from apps.data_requests.services import by_product, proving
from apps.data_requests.states import Channel, Kind, State
from apps.data_requests.words import open_words
from apps.foundation.actors import SYSTEM
from apps.mail.models import OutgoingMail
from tests import cast
from tests.cast import NOON
from tests.data_requests import asked

pytestmark = pytest.mark.usefixtures("house")


@pytest.fixture
def ada():
    return cast.ada(cast.client())


@pytest.fixture
def product(client, ada):
    """Calls of the API as the service of Ada's client makes them."""
    _token, words = tokens.issue(name="product", scopes=["people"], organization=ada.organization, by=SYSTEM, at=NOON)
    return Product(client, words, ada.reference)


class Product:
    def __init__(self, client, token, person):
        self.client, self.token, self.person = client, token, person

    def ask(self, *, key=None, token="", **body):
        headers = {"Authorization": f"Bearer {token or self.token}"} | ({"Idempotency-Key": key} if key else {})
        body = {"person": self.person, "kind": "deletion"} | body
        return self.client.post("/api/v1/requests", body, content_type="application/json", headers=headers)

    def stands(self, reference, token=""):
        return self.client.get(f"/api/v1/requests/{reference}", headers={"Authorization": f"Bearer {token or self.token}"})


def stranger(scopes=("people",)):
    return tokens.issue(name="other", scopes=list(scopes), organization=cast.client("Mercy General"), by=SYSTEM, at=NOON)[1]


def test_a_request_of_a_person_waits_for_proof_and_its_words_are_sealed(product, ada):
    answer = product.ask(text="Please delete me.", state_of_residence="CA")

    request = DataRequest.objects.get()
    assert (answer.status_code, answer.json()["reference"], answer.json()["state"]) == (201, request.reference, "received")
    assert set(answer.json()) == {"reference", "state", "received_at", "due_at"}
    assert (request.kind, request.channel, request.person, request.verified_at) == (Kind.DELETION, Channel.API, ada, None)
    assert (open_words(request).text, open_words(request).state_of_residence) == ("Please delete me.", "CA")
    assert b"delete me" not in bytes(request.words)
    assert Event.objects.get(verb="request.received").actor.startswith("service:TOK-")


def test_the_link_goes_to_the_contact_on_file(product):
    product.ask()
    proving.begin_due(at=NOON)
    assert DataRequest.objects.get().state == State.IDENTIFYING
    assert [mail.to_address for mail in OutgoingMail.objects.all()] == ["ada@client.example"]


def test_the_same_key_answers_the_same_and_another_body_under_it_is_refused(product):
    first, again, other = product.ask(key="one"), product.ask(key="one"), product.ask(key="one", kind="access")
    assert (first.status_code, again.status_code, first.json()) == (201, 200, again.json())
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_reused")
    assert (DataRequest.objects.count(), Arrival.objects.count()) == (1, 1)


def test_a_key_of_another_service_is_another_key(product):
    product.ask(key="one")
    everywhere = tokens.issue(name="second", scopes=["people"], organization=None, by=SYSTEM, at=NOON)[1]
    assert product.ask(key="one", kind="access", token=everywhere).status_code == 201
    assert DataRequest.objects.count() == 2


def test_the_same_asked_again_is_one_work_with_one_clock_and_a_record_each(product):
    first, second = product.ask(), product.ask()
    assert (first.status_code, second.status_code, DataRequest.objects.filter(state=State.MERGED).count()) == (201, 201, 1)
    assert first.json()["reference"] != second.json()["reference"]
    assert (first.json()["due_at"], first.json()["state"]) == (second.json()["due_at"], second.json()["state"])


def test_it_is_not_told_that_the_person_asked_in_another_way_too(product, ada):
    by_form = asked.request(person=ada)
    answer = product.ask()
    assert answer.json()["reference"] != by_form.reference
    assert product.stands(by_form.reference).status_code == 404
    assert product.stands(answer.json()["reference"]).json()["due_at"] == answer.json()["due_at"]


def test_a_service_hears_of_its_clients_people_only(product):
    reference, foreign = product.ask().json()["reference"], stranger()
    assert product.ask(token=foreign).status_code == 403
    unseen, unknown = product.stands(reference, token=foreign), product.stands("REQ-0000000")
    assert (unseen.status_code, unknown.status_code) == (404, 404)
    assert unseen.json() == unknown.json()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "closing"}, 422, "body_not_valid"),
        ({"kind": "minor"}, 422, "body_not_valid"),
        ({"person": "PER-0000000"}, 404, "person_unknown"),
        ({"email": "ada@client.example"}, 422, "body_not_valid"),
        ({"text": "x" * 10_001}, 422, "body_not_valid"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(product, body, status, code):
    answer = product.ask(key="one", **body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert (DataRequest.objects.count(), Arrival.objects.count()) == (0, 0)


def test_a_token_of_another_scope_is_refused(product):
    assert product.ask(token=stranger(["messages"])).status_code == 403
    assert product.client.post("/api/v1/requests", {}, content_type="application/json").status_code == 401


def test_the_schema_describes_both(client):
    described = client.get("/api/v1/openapi.json").json()["paths"]
    assert set(described["/api/v1/requests"]) == {"post"}
    assert set(described["/api/v1/requests/{reference}"]) == {"get"}


@pytest.mark.django_db(transaction=True)
def test_the_same_call_twice_at_once_is_one_request(product, ada):
    token, both = ServiceToken.objects.get(), Barrier(2, timeout=20)

    def hand_over() -> tuple[str, bool]:
        try:
            both.wait()
            request, is_new = by_product.hand_over(asked.what(email=""), person=ada, token=token, key="one", body=b"{}", at=NOON)
            return request.reference, is_new
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as callers:
        answers = [one.result() for one in [callers.submit(hand_over) for _caller in range(2)]]
    assert len({reference for reference, _is_new in answers}) == 1
    assert sorted(is_new for _reference, is_new in answers) == [False, True]
    assert DataRequest.objects.count() == 1
