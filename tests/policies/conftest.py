"""Members of staff who may draft and publish, and the first version of the demo's policy."""

from datetime import UTC, datetime

import pytest

from apps.foundation.actors import SYSTEM
from apps.policies.demo_policy import FIRST, SECOND
from apps.policies.services import publication
from apps.staff.models import StaffMember
from apps.staff.roles import Role

JANUARY = datetime(2026, 1, 5, 9, tzinfo=UTC)
NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)  # a day on which the clocks change, on purpose


def member(username, *roles):
    return StaffMember.objects.create(
        username=username, email=f"{username}@covenant.example", full_name=username.title(), roles=list(roles)
    )


@pytest.fixture
def cleo(db):
    """Cleo, compliance officer: drafts and asks."""
    return member("cleo", Role.COMPLIANCE_OFFICER)


@pytest.fixture
def carl(db):
    """Carl, counsel: approves."""
    return member("carl", Role.COUNSEL)


@pytest.fixture
def first(db):
    return publication.publish_first(**FIRST, by=SYSTEM, at=JANUARY)


@pytest.fixture
def draft(first, cleo):
    version = publication.draft_from(previous=first, by=cleo, at=NOON)
    return publication.set_clauses(version=version, clauses=SECOND["clauses"], by=cleo, at=NOON)


@pytest.fixture
def second(draft, cleo, carl):
    publication.ask(version=draft, by=cleo, at=NOON)
    return publication.publish(version=draft, by=carl, at=NOON)
