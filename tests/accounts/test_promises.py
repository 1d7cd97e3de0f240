"""Each check of P01, P04 and P26 finds its violation, planted by raw SQL, and names it; on an empty database it saw nothing."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.accounts import promises
from apps.accounts.services import linking, registration
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import keystore, setting_up
from apps.policies.demo_policy import SECOND
from apps.policies.services import publication
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests.accounts.conftest import NOON

ALL = [check.run for check in promises.CHECKS if check.promise != "P24"]  # minors have tests of their own
LATER = NOON + timedelta(days=1)


def plant(sql, parameters=()):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, parameters)
        cursor.execute("SET LOCAL session_replication_role = origin")


def found(check):
    return {(violation.object, violation.why) for violation in check(LATER).violations}


@pytest.fixture
def ada(mercy):
    return registration.register_person(
        organization=mercy, given_name="Ada", emails=["ada@mercy.example"], phones=["+12025550123"],
        identities=[("slack", "U1")], by=SYSTEM, at=NOON,
    )  # fmt: skip


@pytest.fixture
def newer(policy):
    asker, decider = (
        StaffMember.objects.create(username=name, email=f"{name}@c.example", full_name=name, roles=[Role.COMPLIANCE_OFFICER])
        for name in ("cleo", "carl")
    )
    draft = publication.draft_from(previous=policy, by=asker, at=NOON)
    publication.set_clauses(version=draft, clauses=SECOND["clauses"], by=asker, at=NOON)
    publication.ask(version=draft, by=asker, at=NOON)
    return publication.publish(version=draft, by=decider, at=NOON + timedelta(hours=1))


@pytest.mark.parametrize("check", ALL)
def test_an_empty_database_gives_nothing_to_check(db, check):
    assert (check(NOON).rows, check(NOON).violations) == (0, ())


@pytest.mark.parametrize("check", ALL)
def test_sound_registrations_break_nothing_also_after_a_newer_policy(linked, newer, check):
    looked = check(LATER)
    assert looked.violations == ()
    one_linked = {promises.rows_know_their_policy: 7, promises.nothing_beyond_what_was_granted: 1, promises.tokens_are_sealed_and_end: 1}
    assert looked.rows == one_linked.get(check, 2)


def test_a_person_without_a_name_is_found(ada):
    plant("UPDATE accounts_person SET given_name = ' '")
    assert found(promises.required_details_are_there) == {(ada.reference, "it has no given name")}


def test_an_organization_without_a_contact_is_found(mercy):
    plant("UPDATE accounts_organization SET contact_email = ''")
    assert found(promises.required_details_are_there) == {(mercy.reference, "it has no contact")}


def test_an_optional_detail_that_the_database_demands_is_found(ada):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("UPDATE accounts_person SET birth_date = '1990-01-01', street = 'x'")
        cursor.execute("ALTER TABLE accounts_person ALTER birth_date SET NOT NULL")
        cursor.execute("ALTER TABLE accounts_person ADD CONSTRAINT planted CHECK (street <> '')")
    assert found(promises.optional_details_may_be_left_out) == {
        ("accounts_person.birth_date", "it is called optional, and the database demands it"),
        ("accounts_person.street", "it is called optional, and the database demands it"),
    }


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("accounts_organization", lambda ada: ada.organization.reference),
        ("accounts_person", lambda ada: ada.reference),
        ("accounts_personemail", lambda ada: f"e-mail {ada.emails.get().pk}"),
        ("accounts_personphone", lambda ada: f"phone {ada.phones.get().pk}"),
        ("accounts_externalidentity", lambda ada: f"identity {ada.identities.get().pk}"),
    ],
)
def test_a_row_under_a_later_policy_than_that_of_its_time_is_found(ada, newer, table, name):
    plant(f"UPDATE {table} SET policy_version_id = %s", [newer.pk])
    assert found(promises.rows_know_their_policy) == {
        (name(ada), "the policy it names was not in force when it was collected")
    }


def test_rows_under_a_policy_that_was_never_published_are_found(ada):
    plant("UPDATE policies_policyversion SET state = 'draft'")
    assert len(found(promises.rows_know_their_policy)) == 5


@pytest.fixture
def linked(ada, settings, tmp_path):
    settings.COVENANT_HOME = tmp_path
    setting_up.set_up(keystore(), new=True)
    return linking.link(
        person=ada, provider="elsewhere", subject="ada-4711", scopes=["email"], claims={"email": "a@b.example"},
        tokens={"access_token": "t"}, how="api", by=SYSTEM, at=NOON,
    )  # fmt: skip


CLAIM = "INSERT INTO accounts_linkedclaim (account_id, scope, claim, value, told_at, policy_version_id) VALUES (%s, %s, %s, %s, %s, %s)"


@pytest.mark.parametrize(
    ("scope", "claim", "why"),
    [
        ("phone", "phone_number", "its scope was not granted"),
        ("email", "phone_number", "no scope of that name covers it"),
        ("email", "employer", "no scope of that name covers it"),
    ],
)
def test_a_claim_beyond_what_was_granted_is_named(linked, scope, claim, why):
    plant(CLAIM, [linked.pk, scope, claim, b"x" * 40, NOON, linked.policy_version_id])
    assert found(promises.nothing_beyond_what_was_granted) == {(f"{linked.reference} / {claim}", why)}


def test_what_an_unlinked_account_still_says_is_named(linked):
    plant("UPDATE accounts_linkedaccount SET revoked_at = linked_at, subject = '', tokens = NULL")
    assert found(promises.nothing_beyond_what_was_granted) == {
        (f"{linked.reference} / email", "the account is unlinked, and no hold keeps it"),
    }


def test_a_token_in_clear_one_that_stays_and_a_value_in_clear_are_named(linked):
    plant("UPDATE accounts_linkedaccount SET tokens = convert_to('{\"access_token\": \"abcdefghijklmnop\"}', 'UTF8')")
    assert found(promises.tokens_are_sealed_and_end) == {(linked.reference, "its token does not look sealed")}
    plant(
        "UPDATE accounts_linkedaccount SET tokens = %s, revoked_at = linked_at, linked_at = linked_at - interval '3 days', tell_at = now(),"
        " subject = ''", [b"\x01" * 60],
    )  # fmt: skip
    plant("UPDATE accounts_linkedaccount SET revoked_at = revoked_at - interval '3 days'")
    plant("UPDATE accounts_linkedclaim SET value = 'short'")
    assert found(promises.tokens_are_sealed_and_end) == {
        (linked.reference, "its token is there two days after it was unlinked"),
        (f"{linked.reference} / email", "its value does not look sealed"),
    }
