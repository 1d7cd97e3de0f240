"""Organizations, people, who acts for minors, and service tokens, with personal details that no page may show unmasked."""

from datetime import date, timedelta

from django.core.files.uploadedfile import SimpleUploadedFile

from apps.accounts.models import LinkedAccount, MinorCase, Organization, Person, PolicyAcceptance, Representative, ServiceToken
from apps.accounts.services import acceptance as accepting
from apps.accounts.services import documents, linking, minors, registration, representing, tokens
from apps.foundation.actors import SYSTEM
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON
from tests.house_web.rows.declared import FORMULAS, PRESENT, Rows, Scene


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


def member(username: str, role: Role) -> StaffMember:
    return StaffMember.objects.filter(username=username).first() or cast.staff(username, role)


def representative(number: int) -> Representative:
    return representing.register(
        full_name=f"Paulina{number} Zephyrworth", email=f"paulina{number}@zephyrworth.example", authority="parent", valid_from=date(2026, 3, 1),
        valid_until=None, minor_given_name=f"Kimberly{number}", minor_birth_date=date(2010, 12, 10 + number), content=b"%PDF-1.7 I am her mother",
        by=member("dana", Role.PRIVACY_ANALYST), at=NOON - 60 * DAY,
    )  # fmt: skip


def taken(row: Representative, *members: StaffMember) -> Representative:
    for each in members:
        documents.take(representative=row, reason="identity_check", by=each, at=NOON - 59 * DAY)
    return row


def asked(decider: StaffMember) -> Representative:
    dana = member("dana", Role.PRIVACY_ANALYST)
    return representing.ask(representative=taken(representative(0), dana, decider), by=dana, at=NOON - 59 * DAY)


def verified() -> Representative:
    cleo = member("cleo", Role.COMPLIANCE_OFFICER)
    return representing.approve(representative=asked(cleo), by=cleo, at=NOON - 58 * DAY)


def minor_case(number: int) -> MinorCase:
    return minors.report(person=person(number), how="report", by=SYSTEM, at=NOON - 10 * DAY)


def proof() -> SimpleUploadedFile:
    return SimpleUploadedFile("proof.pdf", b"%PDF-1.7 I am her mother", content_type="application/pdf")


def paulina(**child) -> dict:
    return {
        "full_name": "Paulina Zephyrworth", "email": "paulina@zephyrworth.example", "authority": "guardian", "valid_from": "2026-03-01",
        "document": proof(),
    } | child  # fmt: skip


def acceptance(number: int) -> PolicyAcceptance:
    how = ("accepted", "continued_use", "accepted")[number]
    return accepting.record(person=person(number), version=1, how=how, by=SYSTEM, at=PRESENT - timedelta(hours=3 - number))[0]


ROWS = {
    PolicyAcceptance: Rows(acceptance, queries=5, more="the versions to filter by"),
    MinorCase: Rows(minor_case),
    Representative: Rows(representative),
    LinkedAccount: Rows(linked, queries=5, more="the scopes granted"),
    Organization: Rows(organization, planted=True),
    Person: Rows(person, queries=5, more="the organizations to filter by"),
    ServiceToken: Rows(token, queries=5, more="the organizations to filter by", planted=True, scans=("name",)),
}

SCENES = {
    (Organization, "see"): Scene(lambda _member: organization(0), {"reason": "legal"}),
    (Person, "see"): Scene(lambda _member: person(0), {"reason": "legal"}),
    (Person, "minor"): Scene(lambda _member: person(0), {"how": "staff"}),
    (Person, "close"): Scene(lambda _member: person(0), {"how": "person"}),
    (Representative, "register"): Scene(
        lambda _member: None, lambda _nothing: paulina(minor_given_name="Kimberly", minor_birth_date="2010-12-10")
    ),
    (Representative, "see"): Scene(lambda _member: representative(0), {"reason": "legal"}),
    (Representative, "document"): Scene(lambda _member: representative(0), {"reason": "legal"}),
    (Representative, "ask"): Scene(
        lambda member: taken(representative(0), member), {"is_readable": "on", "names_both": "on", "shows_authority": "on"}
    ),
    (Representative, "approve"): Scene(asked),
    (Representative, "reject"): Scene(asked, {"reason": "doubtful"}),
    (Representative, "end"): Scene(lambda _member: verified(), {"reason": "withdrew"}),
    (MinorCase, "represent"): Scene(lambda _member: minor_case(0), lambda case: paulina(person=case.person.reference)),
    (MinorCase, "mistaken"): Scene(lambda _member: minor_case(0)),
    (MinorCase, "remove"): Scene(lambda _member: minor_case(0)),
    (MinorCase, "evidence"): Scene(lambda _member: minor_case(0)),
    (LinkedAccount, "see"): Scene(lambda _member: linked(0), {"reason": "legal"}),
    (LinkedAccount, "unlink"): Scene(lambda _member: linked(0)),
    (ServiceToken, "issue"): Scene(lambda _member: None, {"name": "messaging-us-1", "scopes": ["people"], "organization": ""}),
    (ServiceToken, "revoke"): Scene(lambda _member: token(0)),
}
