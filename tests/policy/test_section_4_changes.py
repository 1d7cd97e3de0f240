"""Section 4, changes of the policy: posted with its date, effective on posting, and what was collected stays under its own (P26)."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from apps.accounts import promises as account_promises
from apps.accounts.services import amending, registration
from apps.assurance.registry import CHECKS
from apps.foundation.actors import SYSTEM
from apps.policies import promises
from apps.policies.demo_policy import FIRST, SECOND
from apps.policies.services import publication
from apps.policies.services.force import version_in_force
from tests.policies.conftest import JANUARY, NOON, member

LATER = NOON + timedelta(days=30)


@pytest.fixture
def ada(db):
    publication.publish_first(**FIRST, by=SYSTEM, at=JANUARY)
    clinic = registration.register_organization(
        name="Hill Clinic", country="US", hipaa_covered=True, archive_entitlement="none", contact_name="Records",
        contact_email="records@hill.example", by=SYSTEM, at=JANUARY,
    )  # fmt: skip
    return registration.register_person(
        organization=clinic, given_name="Ada", emails=["ada@hill.example"], phones=["+12025550123"], by=SYSTEM, at=JANUARY
    )


@pytest.fixture
def second(ada):
    cleo, carl = member("cleo", "compliance_officer"), member("carl", "counsel")
    draft = publication.draft_from(previous=version_in_force(JANUARY), by=cleo, at=NOON)
    publication.set_clauses(version=draft, clauses=SECOND["clauses"], by=cleo, at=NOON)
    publication.ask(version=draft, by=cleo, at=NOON)
    return publication.publish(version=draft, by=carl, at=NOON)


def test_a_new_version_is_posted_with_its_date_and_effective_on_posting(second):
    with time_machine.travel(NOON, tick=False):
        page = Client().get("/privacy/").content.decode()
    assert 'data-version="2"' in page
    assert "March 8, 2026" in page
    assert (second.revised_on, second.published_at) == (NOON.date(), NOON)


def test_what_was_collected_before_stays_under_the_version_of_its_time(ada, second):
    ada.refresh_from_db()
    assert {ada.policy_version.number, ada.emails.get().policy_version.number, ada.organization.policy_version.number} == {1}


def test_what_is_collected_afterwards_falls_under_the_new_version_also_about_the_same_person(ada, second):
    email = amending.add_email(person=ada, address="ada@home.example", by=SYSTEM, at=LATER)
    newcomer = registration.register_person(organization=ada.organization, given_name="Bo", by=SYSTEM, at=LATER)
    assert (email.policy_version, newcomer.policy_version) == (second, second)
    assert account_promises.rows_know_their_policy(LATER).violations == ()


def test_the_moment_of_posting_itself_belongs_to_the_new_version(ada, second):
    at_once = registration.register_person(organization=ada.organization, given_name="Bo", by=SYSTEM, at=NOON)
    just_before = registration.register_person(
        organization=ada.organization, given_name="Cy", by=SYSTEM, at=NOON - timedelta(microseconds=1)
    )
    assert (at_once.policy_version.number, just_before.policy_version.number) == (2, 1)
    assert account_promises.rows_know_their_policy(LATER).violations == ()


def test_every_check_of_this_promise_and_of_the_first_is_on_the_board():
    ours = {check.code for check in (*promises.CHECKS, *account_promises.CHECKS)}
    assert ours <= {check.code for check in CHECKS}
