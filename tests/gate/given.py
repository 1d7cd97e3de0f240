"""What the tests of the gate stand on: a provider in use, made by the verbs of the registry, and packages that may leave."""

from datetime import timedelta

from apps.accounts.models import Organization
from apps.gate.services import exceptions
from apps.gate.services.deciding import About, Ground, Package, Recipient
from apps.gate.states import GROUND_OF, NOT_YET
from apps.providers import clauses
from apps.providers.models import Agreement, Grant, Provider
from apps.providers.services import agreeing, granting, lives, reviewing
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON

PDF = b"%PDF-1.7\nsigned by both\n%%EOF\n"
DIGEST = bytes(range(32))
SINCE = NOON - 60 * DAY


def member(username: str, role: Role) -> StaffMember:
    return StaffMember.objects.filter(username=username).first() or cast.staff(username, role)


def dana() -> StaffMember:
    """Dana, privacy analyst: proposes, and asks for exceptions."""
    return member("dana", Role.PRIVACY_ANALYST)


def ezra() -> StaffMember:
    """Ezra, counsel."""
    return member("ezra", Role.COUNSEL)


def agreement(provider: Provider, kind: str = "dpa", *, ends_on=None, at=SINCE) -> Agreement:
    """An agreement in force: found complete, confirmed by a second person."""
    proposed = agreeing.propose(
        provider=provider, kind=kind, title=f"{kind} 2026", starts_on=at.date(), ends_on=ends_on, content=PDF, by=dana(), at=at
    )
    ticked = agreeing.tick(agreement=proposed, found=[clause.code for clause in clauses.REQUIRED[kind]], by=dana(), at=at)
    return agreeing.confirm(agreement=agreeing.ask(agreement=ticked, by=dana(), at=at), by=cast.cleo(), at=at)


def provider(name: str = "Cirrus Hosting", *, role: str = "processor", countries=("US",), baa: bool = False, at=SINCE) -> Provider:
    """A provider in use since two months, without a grant."""
    made = lives.propose(
        legal_name=name, role=role, service="hosts our servers", countries=list(countries), contact_name="Quentina Marlow",
        contact_email="desk@provider.example", owner=dana(), by=dana(), at=at,
    )  # fmt: skip
    lives.begin_review(provider=made, by=dana(), at=at)
    for kind in ("dpa", "baa") if baa else ("dpa",):
        agreement(made, kind, at=at)
    reviewing.record(
        provider=made, kind="review", result="passed", evidence="SEC-26", reviewed_on=at.date(), next_due_on=at.date() + timedelta(days=365),
        by=dana(), at=at, evidence_digest=DIGEST,
    )  # fmt: skip
    lives.ask_activation(provider=made, by=dana(), at=at)
    return lives.activate(provider=made, by=cast.cleo(), at=at)


def grant(
    to: Provider, *, categories=("contact", "identity"), purposes=("support",), fields=(), patient_information=False, ends_on=None, at=SINCE
) -> Grant:
    """A grant on the provider's first agreement, approved by a second person."""
    proposed = granting.propose(
        agreement=to.agreements.order_by("pk").first(), categories=list(categories), purposes=list(purposes), fields=list(fields),
        patient_information=patient_information, necessity="It answers who asks for help.", ends_on=ends_on, by=dana(), at=at,
    )  # fmt: skip
    return granting.approve(grant=proposed, by=cast.cleo(), at=at)


def to_provider(to: Provider, about: About, **changed) -> Package:
    """What the provider of the grant above may have."""
    return Package(**{
        "recipient": Recipient.provider(to.reference), "about": about, "categories": frozenset({"contact", "identity"}),
        "fields": frozenset({"email", "given_name"}), "purpose": "support", "ground": Ground.SERVICE_PROVIDER, "patient_information": False,
        "digest": DIGEST, "size": 120, "what": "EXP-7F3K2M9/part 1", "countries": ("US",),
    } | changed)  # fmt: skip


def to_client(organization: Organization, **changed) -> Package:
    """A client's own messages."""
    return Package(**{
        "recipient": Recipient.client(organization.reference), "about": About.organization(organization.reference, 12),
        "categories": frozenset({"message", "identity"}), "fields": frozenset(), "purpose": "archiving", "ground": Ground.CLIENT,
        "patient_information": organization.hipaa_covered, "digest": DIGEST, "size": 9_000, "what": "ARC-7F3K2M9/part 1", "countries": ("US",),
    } | changed)  # fmt: skip


def to_person(person, **changed) -> Package:
    """A person's own data, with all that it is linked with."""
    return Package(**{
        "recipient": Recipient.person(person.reference), "about": About.person(person.reference),
        "categories": frozenset({"contact", "identity", "network_address", "device"}), "fields": frozenset(), "purpose": "answering",
        "ground": Ground.PERSON, "patient_information": False, "digest": DIGEST, "size": 900, "what": "REQ-7F3K2M9", "countries": ("US",),
    } | changed)  # fmt: skip


def deciding_grounds() -> set[str]:
    return set(GROUND_OF)


def not_yet() -> set[str]:
    return set(NOT_YET)


def a_lapsing_exception():
    """An exception for a country ends in a week: who asked for it hears."""
    cirrus = provider()
    asked = exceptions.ask(
        recipient=Recipient.provider(cirrus.reference), country="CA", starts_at=NOON, ends_at=NOON + 7 * DAY, reason="Its second site.",
        by=dana(), at=NOON,
    )  # fmt: skip
    exceptions.approve(exception=asked, by=cast.cleo(), at=NOON)
    exceptions.warn_of_lapses(at=NOON)
    return NOON, ["dana@covenant.example", asked.reference, cirrus.reference, "CA until 2026-03-15 12:00 UTC", "7 days at most"]
