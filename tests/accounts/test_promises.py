"""Each check of P01 and P26 finds its violation, planted by raw SQL, and names it; on an empty database it saw nothing."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.accounts import promises
from apps.accounts.services import registration
from apps.foundation.actors import SYSTEM
from apps.policies.demo_policy import SECOND
from apps.policies.services import publication
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests.accounts.conftest import NOON

ALL = [check.run for check in promises.CHECKS]
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
def test_sound_registrations_break_nothing_also_after_a_newer_policy(ada, newer, check):
    looked = check(LATER)
    assert looked.violations == ()
    assert looked.rows == (5 if check is promises.rows_know_their_policy else 2)


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
