"""A policy in force, an organization, a token: what nearly every test of accounts needs."""

from datetime import UTC, datetime

import pytest

from apps.accounts.services import registration, tokens
from apps.foundation.actors import SYSTEM
from apps.policies.demo_policy import FIRST
from apps.policies.services import publication

PUBLISHED = datetime(2026, 1, 5, 9, tzinfo=UTC)
NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)  # a day on which the clocks change, on purpose


@pytest.fixture
def policy(db):
    return publication.publish_first(**FIRST, by=SYSTEM, at=PUBLISHED)


@pytest.fixture
def mercy(policy):
    """Mercy General, a hospital that pays for its archive."""
    return organization("Mercy General", archive_entitlement="hosted")


@pytest.fixture
def hill(policy):
    """Hill Clinic, which has no archive."""
    return organization("Hill Clinic")


def organization(name, **more):
    given = {
        "name": name, "country": "US", "hipaa_covered": True, "archive_entitlement": "none",
        "contact_name": "Cora Contact", "contact_email": "cora@contact.example", "contact_phone": "+12025550100",
    }  # fmt: skip
    return registration.register_organization(**(given | more), by=SYSTEM, at=NOON)


@pytest.fixture
def token(policy):
    """The words of a token for everything, for all organizations."""
    _row, words = tokens.issue(
        name="messaging-us-1", scopes=["organizations", "people"], organization=None, by=SYSTEM, at=NOON
    )
    return words
