"""Organizations, people and service tokens, with personal details that no page may show unmasked."""

from datetime import date

from apps.accounts.models import LinkedAccount, Organization, Person, ServiceToken
from apps.accounts.services import linking, registration, tokens
from apps.foundation.actors import SYSTEM
from tests.cast import DAY, NOON
from tests.house_web.rows.declared import FORMULAS, Rows, Scene


def organization(number: int) -> Organization:
    return registration.register_organization(
        name=FORMULAS[number], country="US", hipaa_covered=True, archive_entitlement="none", contact_name="Quentin Contactworth",
        contact_email=f"quentin{number}@contactworth.example", contact_phone=f"+1202555010{number}", by=SYSTEM, at=NOON - 100 * DAY,
    )  # fmt: skip


def a_client() -> Organization:
    return Organization.objects.first() or organization(0)


def person(number: int) -> Person:
    return registration.register_person(
        organization=a_client(), given_name=f"Adelaide{number}", family_name=f"Quuxworth{number}", birth_date=date(1985, 12, 10 + number),
        emails=[f"adelaide{number}@quuxworth.example"], phones=[f"+1202555012{number}"], street=f"{number} Elmwood Street",
        city="Sacramento", postal_code="94203", state="CA", country="US", identities=[("slack", f"U{number}-SLACKID")],
        by=SYSTEM, at=NOON - 90 * DAY,
    )  # fmt: skip


def token(number: int) -> ServiceToken:
    return tokens.issue(name=FORMULAS[number], scopes=["people"], organization=organization(number), by=SYSTEM, at=NOON - 80 * DAY)[0]


def linked(number: int) -> LinkedAccount:
    return linking.link(
        person=person(number), provider="elsewhere", subject=f"{number}-SUBJECTID", scopes=["email"],
        claims={"email": f"adelaide{number}@elsewhere.example"}, how="api", by=SYSTEM, at=NOON - 70 * DAY,
    )  # fmt: skip


ROWS = {
    LinkedAccount: Rows(linked, queries=5, more="the scopes granted"),
    Organization: Rows(organization, planted=True),
    Person: Rows(person, queries=5, more="the organizations to filter by"),
    ServiceToken: Rows(token, queries=5, more="the organizations to filter by", planted=True, scans=("name",)),
}

SCENES = {
    (Organization, "see"): Scene(lambda _member: organization(0), {"reason": "legal"}),
    (Person, "see"): Scene(lambda _member: person(0), {"reason": "legal"}),
    (LinkedAccount, "see"): Scene(lambda _member: linked(0), {"reason": "legal"}),
    (LinkedAccount, "unlink"): Scene(lambda _member: linked(0)),
    (ServiceToken, "issue"): Scene(lambda _member: None, {"name": "messaging-us-1", "scopes": ["people"], "organization": ""}),
    (ServiceToken, "revoke"): Scene(lambda _member: token(0)),
}
