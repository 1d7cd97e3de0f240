"""Providers in whatever standing a test needs, made by the services that make them in production."""

from datetime import date, datetime, timedelta

from apps.accounts.models import Organization
from apps.foundation.clock import day_of
from apps.providers import clauses
from apps.providers.models import Agreement, Grant, Provider, SecurityReview
from apps.providers.services import agreeing, granting, lives, reviewing
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON

PDF = b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\nsigned by Quentina Marlow\n%%EOF\n"


def dana() -> StaffMember:
    """Dana, privacy analyst: proposes."""
    return StaffMember.objects.filter(username="dana").first() or cast.staff("dana", Role.PRIVACY_ANALYST)


def ezra() -> StaffMember:
    """Ezra, counsel: hands agreements in and confirms them."""
    return StaffMember.objects.filter(username="ezra").first() or cast.staff("ezra", Role.COUNSEL)


def proposed(name: str = "Harbor Hosting, Inc.", *, at: datetime = NOON, **given) -> Provider:
    facts = {
        "legal_name": name, "role": "processor", "service": "hosts our servers", "countries": ["US"], "contact_name": "Quentina Marlow",
        "contact_email": "quentina@provider.example", "owner": dana(), "by": dana(), "at": at,
    }  # fmt: skip
    return lives.propose(**facts | given)


def agreed(
    provider: Provider, kind: str = "dpa", *, at: datetime = NOON, starts_on: date | None = None, ends_on: date | None = None,
    supersedes: Agreement | None = None, title: str = "Addendum 2026",
) -> Agreement:  # fmt: skip
    """Handed in by Dana, complete, confirmed by Ezra; from the day before for a year unless said otherwise."""
    agreement = handed_in(provider, kind, at=at, starts_on=starts_on, ends_on=ends_on, supersedes=supersedes, title=title)
    complete(agreement, at=at)
    agreeing.ask(agreement=agreement, by=dana(), at=at)
    return agreeing.confirm(agreement=agreement, by=ezra(), at=at)


def handed_in(provider: Provider, kind: str = "dpa", *, at: datetime = NOON, starts_on=None, ends_on=None, supersedes=None, title="Addendum 2026"):
    return agreeing.propose(
        provider=provider, kind=kind, title=title, starts_on=starts_on or day_of(at - DAY), ends_on=ends_on or day_of(at + 364 * DAY), content=PDF,
        supersedes=supersedes, by=dana(), at=at,
    )  # fmt: skip


def complete(agreement: Agreement, *, at: datetime = NOON) -> Agreement:
    return agreeing.tick(agreement=agreement, found=[clause.code for clause in clauses.REQUIRED[agreement.kind]], by=dana(), at=at)


def reviewed(provider: Provider, *, kind: str = "review", result: str = "passed", at: datetime = NOON, days: int = 365, conditions: str = "") -> SecurityReview:
    return reviewing.record(
        provider=provider, kind=kind, result=result, conditions=conditions, evidence="SOC 2 Type II report of 2026", evidence_digest=b"\x11" * 32,
        reviewed_on=day_of(at), next_due_on=day_of(at + timedelta(days=days)), by=dana(), at=at,
    )  # fmt: skip


def activated(provider: Provider, *, at: datetime = NOON) -> Provider:
    if provider.state == "proposed":
        lives.begin_review(provider=provider, by=dana(), at=at)
    lives.ask_activation(provider=provider, by=dana(), at=at)
    return lives.activate(provider=provider, by=cast.cleo(), at=at)


def in_use(name: str = "Harbor Hosting, Inc.", *, at: datetime = NOON, baa: bool = False, **given) -> Provider:
    """Active, with a data processing agreement, and a business associate agreement where asked for; without a grant."""
    provider = proposed(name, at=at, **given)
    agreed(provider, at=at)
    if baa:
        agreed(provider, "baa", at=at, title="Business Associate Agreement")
    reviewed(provider, at=at)
    return activated(provider, at=at)


def granted(
    provider: Provider, *categories: str, purposes: tuple[str, ...] = ("operation",), agreement: Agreement | None = None, at: datetime = NOON, **given
) -> Grant:
    """Proposed by Dana, approved by Cleo."""
    return granting.approve(grant=wanted(provider, *categories, purposes=purposes, agreement=agreement, at=at, **given), by=cast.cleo(), at=at)


def wanted(
    provider: Provider, *categories: str, purposes: tuple[str, ...] = ("operation",), agreement: Agreement | None = None, at: datetime = NOON, **given
) -> Grant:
    """Proposed by Dana."""
    facts = {"necessity": "The servers can't run without them.", "by": dana(), "at": at}
    resting = agreement or provider.agreements.filter(state="confirmed").earliest("pk")
    return granting.propose(agreement=resting, categories=categories or ("contact", "identity"), purposes=purposes, **facts | given)


def client(name: str = "Hill Clinic") -> Organization:
    return Organization.objects.filter(name=name).first() or cast.client(name)
