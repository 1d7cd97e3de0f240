"""The API of registrations: who is let in, what comes back, and that no answer repeats what was sent."""

import json

import pytest
from django.db import connection

from apps.accounts.models import (
    ExternalIdentity,
    Organization,
    Person,
    PersonEmail,
    RememberedRequest,
)
from apps.accounts.services import tokens
from apps.audit.models import Event
from apps.foundation.actors import SYSTEM
from apps.policies.models import PolicyVersion
from tests.accounts.conftest import NOON

HOSPITAL = {
    "name": "Mercy General", "country": "US", "hipaa_covered": True, "archive_entitlement": "hosted",
    "contact_name": "Cora Contact", "contact_email": "cora@mercy.example",
}  # fmt: skip


@pytest.fixture
def post(client, token):
    def send(path, body, *, words=token, **headers):
        content = body if isinstance(body, str | bytes) else json.dumps(body)
        headers |= {"Authorization": f"Bearer {words}"} if words else {}
        return client.post(f"/api/v1/{path}", content, content_type="application/json", headers=headers)

    return send


def ada(client, **more):
    person = {
        "organization": client.reference, "given_name": "Ada", "family_name": "Almeida", "emails": ["ada@mercy.example"],
        "phones": ["202-555-0123"], "birth_date": "1990-05-01", "state": "CA",
        "identities": [{"source": "slack", "external_id": "U1"}],
    }  # fmt: skip
    return person | more


def refused(response, status, code):
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert error["what"]
    assert error["mend"]
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    return error


def test_an_organization_is_registered_and_answered_by_its_reference(post):
    response = post("organizations", HOSPITAL)
    row = Organization.objects.get()
    assert response.status_code == 201
    assert response.json().keys() == {"reference", "registered_at", "policy_version"}
    assert (response.json()["reference"], response.json()["policy_version"]) == (row.reference, 1)
    assert (row.name, row.hipaa_covered, row.archive_entitlement, row.contact_phone) == ("Mercy General", True, "hosted", "")
    assert Event.objects.get(verb="organization.registered").actor.startswith("service:TOK-")


def test_a_person_is_registered_and_no_detail_comes_back(post, mercy):
    response = post("people", ada(mercy))
    person = Person.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "reference": person.reference, "organization": mercy.reference, "policy_version": 1,
        "registered_at": response.json()["registered_at"],
    }  # fmt: skip
    assert (person.given_name, str(person.birth_date), person.state) == ("Ada", "1990-05-01", "CA")
    assert person.phones.get().number == "+12025550123"


def test_the_same_identity_twice_is_the_same_person(post, mercy):
    first = post("people", ada(mercy))
    again = post("people", ada(mercy, given_name="Adeline", emails=[]))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert list(Person.objects.values_list("given_name", flat=True)) == ["Ada"]


def test_the_same_key_twice_is_one_registration_and_another_body_under_it_is_refused(post, mercy):
    key = {"Idempotency-Key": "9c1b6c0e"}
    body = ada(mercy, identities=[])
    first, again = post("people", body, **key), post("people", body, **key)
    assert (first.status_code, again.status_code, Person.objects.count()) == (201, 200, 1)
    assert first.json() == again.json()
    refused(post("people", ada(mercy, given_name="Bo"), **key), 409, "idempotency_key_reused")
    refused(post("organizations", HOSPITAL, **key), 409, "idempotency_key_reused")
    organizations = [post("organizations", HOSPITAL, **{"Idempotency-Key": "other"}) for _ in range(2)]
    assert [response.status_code for response in organizations] == [201, 200]
    assert organizations[0].json() == organizations[1].json()


def test_a_key_is_of_its_token_and_stands_nowhere_in_the_clear(post, mercy):
    _row, other = tokens.issue(name="other", scopes=["people"], organization=None, by=SYSTEM, at=NOON)
    key = {"Idempotency-Key": "ada@mercy.example"}
    assert post("people", ada(mercy, identities=[], emails=[]), **key).status_code == 201
    assert post("people", ada(mercy, identities=[], emails=[]), words=other, **key).status_code == 201
    assert RememberedRequest.objects.count() == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(r::text, ' ') FROM accounts_rememberedrequest r")
        assert b"ada@mercy.example".hex() not in cursor.fetchone()[0]


def test_a_refused_registration_may_be_mended_under_its_key(post, mercy):
    key = {"Idempotency-Key": "k"}
    refused(post("people", ada(mercy, phones=["12"] + ["x" * 5]), **key), 422, "body_not_valid")
    refused(post("people", ada(mercy, phones=["xxxxx"]), **key), 422, "phone_not_valid")
    assert post("people", ada(mercy), **key).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201, "clé"])
def test_a_key_that_can_not_be_kept_is_refused(post, mercy, key):
    response = post("people", ada(mercy), **{"Idempotency-Key": key})
    assert response.status_code == 422
    assert Person.objects.count() == 0


def test_without_the_right_token_nothing_is_read(post, policy):
    response = post("people", "not even JSON", words="")
    refused(response, 401, "token_missing")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    refused(post("people", b"x" * 10_000_000, words="cov_wrong"), 401, "token_unknown")


def test_a_token_opens_its_scope_and_its_organization_only(post, mercy, hill):
    _row, words = tokens.issue(name="one client", scopes=["people"], organization=mercy, by=SYSTEM, at=NOON)
    refused(post("organizations", HOSPITAL, words=words), 403, "token_not_for_this")
    refused(post("people", ada(hill), words=words), 403, "token_not_for_this")
    refused(post("people", ada(mercy, organization=None, identities=[]), words=words), 403, "token_not_for_this")
    assert post("people", ada(mercy), words=words).status_code == 201


def test_a_token_for_one_organization_registers_no_other(post, mercy):
    _row, words = tokens.issue(name="one client", scopes=["organizations"], organization=mercy, by=SYSTEM, at=NOON)
    refused(post("organizations", HOSPITAL, words=words), 403, "token_not_for_this")


def test_no_body_at_all_is_refused(post):
    refused(post("organizations", ""), 422, "body_not_valid")


@pytest.mark.parametrize("body", ["{", "[]", "null", "1", '"x"', '{"name": NaN}', "\xff", "[" * 50_000, b"\xff\xfe", b'{"a": "\xc3"}'])
def test_a_body_that_is_no_json_object_is_refused(post, body):
    refused(post("organizations", body), 422, "body_not_json")


def test_a_body_that_is_too_large_is_refused(post):
    refused(post("organizations", b'{"name": "' + b"x" * 10_000_000 + b'"}'), 413, "body_too_large")
    refused(post("organizations", b'{"name": "' + b"x" * 70_000 + b'"}'), 413, "body_too_large")


SECRET = "Zebediah-Quux"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"given_name": [SECRET]}, "given_name"),
        ({"given_name": ""}, "given_name"),
        ({"family_name": SECRET * 20}, "family_name"),
        ({"emails": SECRET}, "emails"),
        ({"emails": [1]}, "emails.0"),
        ({"emails": ["a@b.example"] * 11}, "emails"),
        ({"birth_date": SECRET}, "birth_date"),
        ({"birth_date": 631152000}, "birth_date"),
        ({"state": SECRET}, "state"),
        ({"organization": SECRET}, "organization"),
        ({"identities": [{"source": SECRET * 9, "external_id": "1"}]}, "identities.0.source"),
        ({"identities": [{"source": "slack"}]}, "identities.0.external_id"),
        ({SECRET: 1}, "(unknown)"),
        ({"shoe_size": SECRET}, "shoe_size"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_by_the_name_of_its_field_alone(post, mercy, change, field):
    response = post("people", ada(mercy, **change))
    error = refused(response, 422, "body_not_valid")
    assert field in [each["field"] for each in error["fields"]]
    assert SECRET not in response.content.decode()
    assert Person.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"organization": "ORG-0000000"}, 404, "organization_unknown"),
        ({"birth_date": "2999-01-01"}, 422, "birth_date_not_valid"),
        ({"birth_date": "1990-02-30"}, 422, "birth_date_not_valid"),
        ({"birth_date": "2020-01-01"}, 422, "minor_not_represented"),
        ({"country": "XX"}, 422, "country_unknown"),
        ({"state": "ZZ"}, 422, "state_unknown"),
        ({"emails": [SECRET]}, 422, "email_not_valid"),
        ({"phones": [SECRET]}, 422, "phone_not_valid"),
        ({"given_name": f"{SECRET}\x00"}, 422, "detail_not_valid"),
        ({"city": f"{SECRET}\ud800"}, 422, None),
        ({"organization": None}, 422, "identity_needs_organization"),
    ],
)
def test_what_can_not_be_registered_is_refused_with_its_mend_and_not_repeated(post, mercy, change, status, code):
    response = post("people", ada(mercy, **change))
    refused(response, status, code or response.json()["error"]["code"])
    assert response.status_code == status
    assert SECRET not in response.content.decode()
    assert Person.objects.count() == 0


def test_an_address_that_is_taken_is_refused_and_fine_in_another_organization(post, mercy, hill):
    assert post("people", ada(mercy)).status_code == 201
    other = {"identities": [{"source": "slack", "external_id": "U2"}]}
    response = post("people", ada(mercy, emails=["ADA@mercy.example"], **other))
    refused(response, 409, "email_taken")
    assert b"mercy.example" not in response.content.lower()
    assert post("people", ada(hill)).status_code == 201
    assert (PersonEmail.objects.count(), ExternalIdentity.objects.count()) == (2, 2)


def test_an_unknown_country_of_an_organization_is_refused(post):
    refused(post("organizations", HOSPITAL | {"country": "XX"}), 422, "country_unknown")
    refused(post("organizations", HOSPITAL | {"country": "us"}), 422, "body_not_valid")


def test_without_a_policy_in_force_nothing_is_registered(client, db):
    _row, words = tokens.issue(name="early", scopes=["organizations"], organization=None, by=SYSTEM, at=NOON)
    assert PolicyVersion.objects.count() == 0
    response = client.post(
        "/api/v1/organizations", HOSPITAL, content_type="application/json", headers={"Authorization": f"Bearer {words}"}
    )
    refused(response, 503, "no_policy_in_force")


def test_a_defect_is_answered_without_data_and_logged_without_data(post, mercy, monkeypatch, capfd):
    def broken(**given):
        raise RuntimeError(f"could not store {given}")

    monkeypatch.setattr("apps.accounts.services.registration.register_person_once", broken)
    response = post("people", ada(mercy, given_name=SECRET))
    refused(response, 500, "unexpected")
    assert SECRET not in response.content.decode()
    assert SECRET not in "".join(capfd.readouterr())


def test_the_description_names_the_security_scheme_and_what_is_lost_without_each_optional_field(client, db):
    response = client.get("/api/v1/openapi.json")
    document = response.json()
    assert (response.status_code, document["openapi"]) == (200, "3.1.0")
    assert document["components"]["securitySchemes"]["ServiceTokenAuth"] == {
        "type": "http", "scheme": "bearer", "bearerFormat": "cov_…",
        "description": "The token of a sending service. An administrator issues it; it is shown once.",
    }  # fmt: skip
    for path in ("/api/v1/organizations", "/api/v1/people"):
        assert document["paths"][path]["post"]["security"] == [{"ServiceTokenAuth": []}]
    person = document["components"]["schemas"]["PersonIn"]
    assert person["required"] == ["given_name"]
    for name, field in person["properties"].items():
        if name not in ("given_name", "organization", "emails", "identities"):
            assert "Without it:" in field["description"], name


def test_get_is_not_a_way_to_register(client, token):
    response = client.get("/api/v1/people", headers={"Authorization": f"Bearer {token}"})
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
