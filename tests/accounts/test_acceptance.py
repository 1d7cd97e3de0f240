"""A person accepts the policy in force, or goes on using the service under it: recorded once, of the version in force then, and kept as it was said."""

from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction

from apps.accounts.models import PolicyAcceptance
from apps.accounts.services import acceptance, tokens
from apps.audit.models import Event
from apps.foundation.actors import SYSTEM, Actor
from apps.policies.models import PolicyVersion
from apps.policies.services import publication
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def ada(settings, tmp_path, db):
    settings.COVENANT_HOME = tmp_path
    cast.house()
    return cast.ada(cast.client(hipaa=False))


@pytest.fixture
def second(ada):
    """A second version, in force from noon on."""
    return publish(NOON)


def publish(at) -> PolicyVersion:
    previous = PolicyVersion.objects.in_force(at).get()
    draft = publication.draft_from(previous=previous, by=SYSTEM, at=at)
    publication.set_clauses(
        version=draft, by=SYSTEM, at=at,
        clauses=[{"code": "all", "heading": "All of it", "text": f"We keep our word, also in version {draft.number}.", "promises": ["P06", "P26"]}],
    )  # fmt: skip
    cleo, ezra = cast.cleo(), cast.staff(f"ezra{draft.number}", cast.Role.COUNSEL)
    publication.ask(version=draft, by=cleo, at=at)
    return publication.publish(version=draft, by=ezra, at=at)


def accept(person, version=2, how="accepted", at=LATER, **more):
    return acceptance.record(person=person, version=version, how=how, by=Actor("person", person.reference), at=at, **more)


def test_what_a_person_accepted_stands_once_with_its_version_and_moment(ada, second):
    row, is_new = accept(ada)
    again, is_newer = accept(ada, at=LATER + DAY)

    assert (is_new, is_newer, again.pk) == (True, False, row.pk)
    assert (row.policy_version_id, row.how, row.at, row.by) == (second.pk, "accepted", LATER, f"person:{ada.reference}")
    event = Event.objects.get(object=row.reference)
    assert (event.verb, event.facts["version"], event.facts["how"]) == ("policy.accepted", "POL-2", "accepted")


def test_continued_use_is_recorded_beside_an_acceptance(ada, second):
    accept(ada, how="continued_use")
    accept(ada, at=LATER + DAY)

    assert sorted(PolicyAcceptance.objects.values_list("how", flat=True)) == ["accepted", "continued_use"]


def test_only_the_version_in_force_at_that_moment_is_accepted(ada, second):
    for version in (1, 3):
        with pytest.raises(acceptance.VersionNotInForce):
            accept(ada, version)
    with pytest.raises(acceptance.VersionNotInForce):
        accept(ada, 2, said_at=NOON - timedelta(seconds=1))
    assert accept(ada, 1, said_at=NOON - timedelta(seconds=1))[0].at == NOON - timedelta(seconds=1)


def test_nobody_accepts_in_the_future_or_before_they_were_there(ada, second):
    for moment in (LATER + timedelta(hours=1), ada.registered_at - timedelta(seconds=1)):
        with pytest.raises(acceptance.MomentNotFit):
            accept(ada, said_at=moment)
    assert accept(ada, said_at=LATER + timedelta(minutes=1))[0].at == LATER


def test_who_left_accepts_nothing(ada, second):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_person SET standing = 'closed' WHERE id = %s", [ada.pk])
    with pytest.raises(acceptance.RegistrationClosed):
        accept(ada)


def test_what_a_person_knows_is_the_newest_they_accepted_or_the_one_they_registered_under(ada, second):
    assert acceptance.known_by(ada).number == 1
    accept(ada, how="continued_use")
    assert acceptance.known_by(ada).number == 1
    accept(ada)
    assert acceptance.known_by(ada).number == 2


def test_accepting_changes_nothing_of_what_was_collected_before(ada, second):
    before = (ada.policy_version_id, *ada.emails.values_list("policy_version_id", flat=True))
    accept(ada)
    ada.refresh_from_db()

    assert (ada.policy_version_id, *ada.emails.values_list("policy_version_id", flat=True)) == before


OF_AN_EARLIER_VERSION = """
INSERT INTO accounts_policyacceptance (reference, how, at, by, person_id, policy_version_id)
SELECT 'PAC-X', 'continued_use', at, by, person_id, policy_version_id - 1 FROM accounts_policyacceptance
"""


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE accounts_policyacceptance SET at = at - interval '1 minute'", "UPDATE accounts_policyacceptance SET how = 'continued_use'",
        "DELETE FROM accounts_policyacceptance", "TRUNCATE accounts_policyacceptance",
        OF_AN_EARLIER_VERSION,
    ],
)  # fmt: skip
def test_the_database_keeps_what_was_accepted(ada, second, sql):
    accept(ada)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert PolicyAcceptance.objects.get().at == LATER


def test_what_was_accepted_goes_with_its_person(ada, second):
    accept(ada)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_personemail WHERE person_id = %s", [ada.pk])
        cursor.execute("DELETE FROM accounts_person WHERE id = %s", [ada.pk])
    assert not PolicyAcceptance.objects.exists()


# The API


@pytest.fixture
def post(client, ada, second):
    words = tokens.issue(name="product", scopes=["people"], organization=None, by=SYSTEM, at=NOON)[1]

    def send(body, *, person=ada.reference, token=words):
        with time_machine.travel(LATER, tick=False):
            return client.post(
                f"/api/v1/people/{person}/policy-acceptance", body, content_type="application/json", headers={"Authorization": f"Bearer {token}"}
            )

    return send


def test_the_product_tells_what_a_person_accepted_and_telling_again_changes_nothing(post, ada):
    first, again = post({"version": 2}), post({"version": 2})

    row = PolicyAcceptance.objects.get()
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert (first.json()["reference"], first.json()["version"], first.json()["how"]) == (row.reference, 2, "accepted")
    assert row.by.startswith("service:TOK-")


def test_the_product_tells_of_continued_use_with_its_moment(post):
    answer = post({"version": 2, "how": "continued_use", "at": "2026-03-08T12:30:00Z"})

    assert (answer.status_code, PolicyAcceptance.objects.get().at) == (201, NOON + timedelta(minutes=30))


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"version": 1}, 422, "version_not_in_force"), ({"version": 0}, 422, None), ({}, 422, None), ({"version": "2"}, 422, None),
        ({"version": 2, "how": "silence"}, 422, None), ({"version": 2, "at": "yesterday"}, 422, "moment_not_fit"),
        ({"version": 2, "at": "2026-03-08T12:30:00"}, 422, "moment_not_fit"), ({"version": 2, "at": "2027-03-08T12:30:00Z"}, 422, "moment_not_fit"),
        ({"version": 2, "name": "Ada"}, 422, None), ([2], 422, None),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_nothing_stands(post, body, status, code):
    answer = post(body)

    assert answer.status_code == status
    assert code is None or answer.json()["error"]["code"] == code
    assert not PolicyAcceptance.objects.exists()


def test_only_a_service_that_reaches_the_person_tells_it(post, ada):
    other = cast.client("Northgate")
    limited = tokens.issue(name="other", scopes=["people"], organization=other, by=SYSTEM, at=NOON)[1]
    wrong = tokens.issue(name="wrong", scopes=["gate"], organization=None, by=SYSTEM, at=NOON)[1]

    assert [post({"version": 2}, token=token).status_code for token in (limited, wrong, "nobody")] == [403, 403, 401]
    assert post({"version": 2}, person="PER-0000000").status_code == 404
    assert not PolicyAcceptance.objects.exists()
