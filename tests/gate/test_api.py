"""The API of the gate: a service asks and is answered with a permit or with every reason, and says when it leaves."""

import json
from datetime import UTC, datetime

import pytest
import time_machine
from django.db import connection

from apps.accounts.services import tokens
from apps.foundation.actors import SYSTEM
from apps.gate.models import Disclosure, GateRefusal, Permit, RememberedDecision
from tests import cast
from tests.cast import DAY, NOON
from tests.gate import agreed, given

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False) as moment:
        yield moment


@pytest.fixture
def token(house):
    return tokens.issue(name="product", scopes=["gate"], organization=None, by=SYSTEM, at=NOON)[1]


@pytest.fixture
def post(client, token):
    def send(path, body, *, words=token, **headers):
        content = body if isinstance(body, str | bytes) else json.dumps(body)
        return client.post(f"/api/v1/gate/{path}", content, content_type="application/json", headers=headers | {"Authorization": f"Bearer {words}"})

    return send


@pytest.fixture
def asked(cirrus, ada):
    def body(**changed):
        return {
            "recipient": cirrus.reference, "about": {"person": ada.reference}, "categories": ["contact", "identity"], "fields": ["email", "given_name"],
            "purpose": "support", "ground": "service_provider", "patient_information": False, "digest": given.DIGEST.hex(), "size": 120,
            "object": "EXP-7F3K2M9/part 1", "countries": ["US"],
        } | changed  # fmt: skip

    return body


@pytest.fixture
def use(post, cirrus):
    def used(permit, **changed):
        body = {"permit": permit, "recipient": cirrus.reference, "fields": ["email", "given_name"], "digest": given.DIGEST.hex()}
        return post("spendings", body | changed)

    return used


def test_what_may_leave_is_answered_with_a_permit_that_serves_once(post, use, asked):
    answer = post("decisions", asked())

    row, permit = Disclosure.objects.get(), Permit.objects.get()
    assert (answer.status_code, answer.json()["disclosure"]) == (201, row.reference)
    assert datetime.fromisoformat(answer.json()["expires_at"]) == permit.lapses_at
    assert row.by == permit.by
    assert row.by.startswith("service:TOK-")
    first, second = use(answer.json()["permit"]), use(answer.json()["permit"])
    assert (first.status_code, datetime.fromisoformat(first.json()["spent_at"]).astimezone(UTC)) == (200, NOON)
    assert (second.status_code, second.json()["error"]["code"]) == (409, "permit_spent")


def test_what_may_not_leave_is_answered_with_every_reason_and_the_refusal(post, asked):
    answer = post("decisions", asked(purpose="sale", countries=["CA"], ground="law"))

    said = answer.json()
    assert (answer.status_code, said["error"]["code"]) == (403, "gate_refused")
    assert [reason["code"] for reason in said["reasons"]] == ["no_such_purpose", "not_yet", "no_grant", "country_outside"]
    assert all(reason["text"] and reason["mend"] for reason in said["reasons"])
    assert GateRefusal.objects.get().reference == said["refusal"]
    assert Disclosure.objects.count() == 0


def test_a_set_of_people_an_organization_and_the_person_themself_can_be_asked_for(post, asked, clinic, ada):
    people = post("decisions", asked(about={"people": [ada.reference]}))
    whole = post("decisions", asked(
        recipient=clinic.reference, about={"organization": clinic.reference, "count": 3}, ground="client", purpose="archiving",
        categories=["message"], fields=[],
    ))  # fmt: skip
    own = post("decisions", asked(recipient=ada.reference, ground="person", purpose="answering"))

    assert [answer.status_code for answer in (people, whole, own)] == [201, 201, 201]
    assert sorted(Disclosure.objects.values_list("about_kind", "about_count")) == [("organization", 3), ("people", 1), ("person", 1)]


def test_on_consent_the_purpose_that_people_consented_to_is_named(post, asked, house, ada):
    somebody = given.provider("Somebody Else", role="independent")
    agreed.purpose(somebody)
    body = asked(recipient=somebody.reference, ground="consent", consent="survey")
    before = post("decisions", body)
    agreed.give(ada)
    answer = post("decisions", body)

    assert (before.status_code, [reason["code"] for reason in before.json()["reasons"]]) == (403, ["no_consent"])
    assert (answer.status_code, Disclosure.objects.get().consent) == (201, "survey")
    assert [reason["code"] for reason in post("decisions", body | {"consent": None}).json()["reasons"]] == ["consent_not_named"]
    assert post("decisions", body | {"consent": "Ada said yes"}).status_code == 422


def test_the_same_key_gives_the_same_permit_and_discloses_once(post, asked, use):
    body = asked()
    first, again = (post("decisions", body, **{"Idempotency-Key": "k-1"}) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert (Disclosure.objects.count(), Permit.objects.count()) == (1, 1)
    assert use(again.json()["permit"]).status_code == 200


def test_the_same_key_with_another_body_or_of_another_service_is_another_matter(post, asked):
    assert post("decisions", asked(), **{"Idempotency-Key": "k-1"}).status_code == 201
    other = tokens.issue(name="other", scopes=["gate"], organization=None, by=SYSTEM, at=NOON)[1]

    reused = post("decisions", asked(size=121), **{"Idempotency-Key": "k-1"})
    assert (reused.status_code, reused.json()["error"]["code"]) == (409, "idempotency_key_reused")
    assert post("decisions", asked(), words=other, **{"Idempotency-Key": "k-1"}).status_code == 201
    assert Disclosure.objects.count() == 2


def test_a_refused_decision_can_be_asked_again_under_its_key(post, asked, cirrus):
    body = asked(purpose="operation")
    assert post("decisions", body, **{"Idempotency-Key": "k-1"}).status_code == 403
    given.grant(cirrus, purposes=["operation"], at=NOON - DAY)

    assert post("decisions", body, **{"Idempotency-Key": "k-1"}).status_code == 201


def test_after_three_days_a_key_is_forgotten(post, asked, noon):
    first = post("decisions", asked(), **{"Idempotency-Key": "k-1"})
    noon.shift(3 * 86_400 + 1)
    again = post("decisions", asked(), **{"Idempotency-Key": "k-1"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["permit"] != again.json()["permit"]
    assert RememberedDecision.objects.count() == 1


def test_neither_the_token_of_a_permit_nor_a_key_stands_in_the_database_or_the_log(post, asked, capsys):
    permit = post("decisions", asked(), **{"Idempotency-Key": "k-of-ours-1"}).json()["permit"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT string_agg(p::text, '') FROM gate_permit p) || (SELECT string_agg(r::text, '') FROM gate_remembereddecision r)"
        )
        (stored,) = cursor.fetchone()

    for secret in (permit, permit.encode().hex(), "k-of-ours-1", b"k-of-ours-1".hex()):
        assert secret not in stored
    said = capsys.readouterr()
    assert permit not in said.out + said.err


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"recipient": "Ada Lovell"}, "recipient"), ({"about": {"person": "ada@client.example"}}, "about.person"),
        ({"purpose": "because Ada asked"}, "purpose"),
        ({"digest": "abc"}, "digest"), ({"patient_information": "no"}, "patient_information"), ({"countries": ["Canada"]}, "countries.0"),
        ({"note": "for Ada"}, "note"), ({"size": -1}, "size"), ({"object": ""}, "object"), ({"about": {"people": []}}, "about.people"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_the_name_of_its_field(post, asked, changed, field):
    answer = post("decisions", asked(**changed))

    assert (answer.status_code, [one["field"] for one in answer.json()["error"]["fields"]]) == (422, [field])
    assert "ada" not in answer.content.decode().lower().replace("canada", "")
    assert Disclosure.objects.count() == 0


@pytest.mark.parametrize("about", [{}, {"person": "PER-0000000", "organization": "ORG-0000000"}, {"person": "PER-0000000", "count": 1}])
def test_a_package_is_about_exactly_one_thing(post, asked, about):
    answer = post("decisions", asked(about=about))

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "about_not_clear")


def test_a_token_without_the_scope_and_no_token_open_nothing(post, client, asked):
    other = tokens.issue(name="messages", scopes=["messages"], organization=None, by=SYSTEM, at=NOON)[1]

    assert post("decisions", asked(), words=other).json()["error"]["code"] == "token_not_for_this"
    assert client.post("/api/v1/gate/decisions", "{}", content_type="application/json").status_code == 401
    assert client.post("/api/v1/gate/spendings", "{}", content_type="application/json").status_code == 401


def test_a_token_of_one_organization_asks_for_that_organization_only(post, asked, clinic, ada):
    other = cast.client("Northgate", hipaa=False)
    ben = cast.ada(other, "ben@northgate.example")
    words = tokens.issue(name="clinic", scopes=["gate"], organization=clinic, by=SYSTEM, at=NOON)[1]

    assert post("decisions", asked(), words=words).status_code == 201
    for about in ({"person": ben.reference}, {"organization": other.reference}, {"people": [ada.reference, ben.reference]}, {"person": "PER-0000000"}):
        assert post("decisions", asked(about=about), words=words).json()["error"]["code"] == "token_not_for_this"


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"permit": "prm_guessed"}, 404, "permit_unknown"), ({"recipient": "PRV-0000000"}, 409, "recipient_differs"), ({"fields": []}, 409, "package_changed"),
        ({"digest": None}, 409, "package_changed"), ({"digest": "0" * 64}, 409, "package_changed"),
    ],
)  # fmt: skip
def test_a_permit_that_does_not_serve_is_answered_with_why(post, use, asked, changed, status, code):
    permit = post("decisions", asked()).json()["permit"]
    answer = use(**{"permit": permit} | changed)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert GateRefusal.objects.get().codes == [code]


def test_a_permit_that_lapsed_or_lost_its_ground_is_answered_with_why(post, use, asked, cirrus, noon):
    late, gone = (post("decisions", asked()).json()["permit"] for _ in range(2))
    given.granting.withdraw(grant=cirrus.grants.get(), by=cast.cleo(), at=NOON)
    no_ground = use(gone)
    noon.shift(15 * 60)
    too_late = use(late)

    assert (no_ground.status_code, [reason["code"] for reason in no_ground.json()["reasons"]]) == (403, ["no_grant"])
    assert (too_late.status_code, too_late.json()["error"]["code"]) == (410, "permit_lapsed")


def test_the_document_describes_both_doors(client, house):
    paths = client.get("/api/v1/openapi.json").json()["paths"]

    assert set(paths["/api/v1/gate/decisions"]["post"]["responses"]) >= {"200", "201", "403", "409", "422"}
    assert set(paths["/api/v1/gate/spendings"]["post"]["responses"]) >= {"200", "403", "404", "409", "410"}
