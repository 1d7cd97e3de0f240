"""Who looks at the tests' admin site, and what is there to look at."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.models import Organization, Person, PersonEmail
from apps.audit.models import Event
from apps.policies.models import PolicyVersion
from apps.staff.models import StaffMember
from tests.foundation import admin_urls

NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def own_site(settings, monkeypatch):
    settings.ROOT_URLCONF = "tests.foundation.admin_urls"
    monkeypatch.setattr("config.dashboard.DASHBOARD_PANELS", ())  # panels lead to lists that this site does not have
    admin_urls.DONE.clear()


@pytest.fixture
def browser_of(db):
    """Signs a new member of staff with these roles in."""

    def sign_in(*roles: str) -> Client:
        number = StaffMember.objects.count()
        member = StaffMember.objects.create(
            username=f"s{number}", email=f"s{number}@covenant.example", full_name=f"Staff {number}", roles=list(roles)
        )
        client = Client()
        client.force_login(member)
        client.member = member
        return client

    return sign_in


@pytest.fixture
def auditor(browser_of):
    return browser_of("auditor")


@pytest.fixture
def officer(browser_of):
    """May try again and reveal, but not sweep."""
    return browser_of("compliance_officer")


@pytest.fixture
def manager(browser_of):
    """May change organizations, try again and sweep."""
    return browser_of("records_manager")


@pytest.fixture
def analyst(browser_of):
    """May change people and reveal them."""
    return browser_of("privacy_analyst")


@pytest.fixture
def version(db):
    return PolicyVersion.objects.create(number=1, created_at=NOON)


@pytest.fixture
def add_organizations(version):
    def add(*names: str, **fields) -> list[Organization]:
        defaults = {
            "country": "US", "contact_name": "Ada Lovelace", "contact_email": "ada@harbor.org",
            "contact_phone": "+1 555 010 7721", "registered_at": NOON, "policy_version": version,
        }  # fmt: skip
        return [Organization.objects.create(name=name, **(defaults | fields)) for name in names]

    return add


@pytest.fixture
def ada(add_organizations, version):
    (organization,) = add_organizations("Harbor Clinic")
    person = Person.objects.create(
        given_name="Ada", family_name="Lovelace", birth_date=datetime(1985, 12, 10).date(), organization=organization,
        registered_at=NOON, policy_version=version,
    )  # fmt: skip
    PersonEmail.objects.create(
        person=person, organization=organization, address="ada@harbor.org", normalised="ada@harbor.org", added_at=NOON,
        policy_version=version,
    )  # fmt: skip
    return person


@pytest.fixture
def add_events(db):
    def add(count: int, **fields) -> list[Event]:
        defaults = {"actor": "system:covenant", "verb": "test.done", "object": "ORG-TEST", "facts": {"number": 1}}
        rows = [Event(at=NOON + timedelta(minutes=number), **(defaults | fields)) for number in range(count)]
        return Event.objects.bulk_create(rows)

    return add
