"""The demo's service providers, made by the real services: a host in use, an analytics provider, and one whose agreement ends soon.

Names and documents are made up. It belongs to demo.py, which calls it once on an empty installation.
"""

from datetime import datetime, timedelta

import typst

from apps.foundation.clock import day_of
from apps.providers import clauses
from apps.providers.models import Agreement, Provider
from apps.providers.services import agreeing, chaining, granting, lives, reviewing
from apps.staff.models import StaffMember

#: what each demo agreement looks like
PAPER = "#set page(width: 21cm, height: 29.7cm)\n= {title}\n{name}\n\nA made-up agreement of the demo.\n\n{clauses}"
LONGEST_DAYS = 364


def make(*, staff: dict[str, StaffMember], at: datetime, now: datetime) -> None:
    """Three providers, as of `at`; the third one's agreement ends 20 days after `now`."""
    harbor = _in_use(
        "Harbor Hosting, Inc.", "processor", "hosts our servers and their backups", {"dpa": LONGEST_DAYS, "baa": LONGEST_DAYS}, staff, at, hipaa=True,
        chain=("Lakeside Data Centers LLC", "houses and powers the servers"),
    )  # fmt: skip
    dpa, baa = (harbor.agreements.get(kind=kind) for kind in ("dpa", "baa"))
    _grant(dpa, ["contact", "identity", "credential", "communication"], ["operation", "security"], "The servers can't run without them.", staff, at)
    _grant(baa, ["message", "contact", "identity"], ["operation", "delivery"], "Messages are stored and delivered by its servers.", staff, at, patients=True)
    pulse = _in_use("Pulse Metrics Corp.", "analytics", "counts how our pages are used", {"dpa": LONGEST_DAYS}, staff, at)
    _grant(
        pulse.agreements.get(), ["usage", "network_address"], ["analytics"], "It counts visits by page, and tells robots by address.", staff, at,
        fields=["page", "referring_page", "occurred_at", "duration_seconds", "browser_family", "ip_address"],
    )  # fmt: skip
    days = (day_of(now) - day_of(at)).days + 20
    courier = _in_use("Courier Mail Services, Inc.", "sub_processor", "delivers our mail", {"dpa": days}, staff, at)
    _grant(courier.agreements.get(), ["contact", "communication"], ["delivery"], "A mail needs its address and its words.", staff, at)
    planned = chaining.propose(
        provider=harbor, legal_name="Summit Tape Vaults, Inc.", service="keeps encrypted backups on tape", countries=["US"], by=staff["dana"], at=now
    )
    chaining.announce(sub=planned, by=staff["cleo"], at=now)
    lives.propose(
        legal_name="Fernweh Support GmbH", role="processor", service="answers questions by phone", countries=["DE"], contact_name="Sales",
        contact_email="sales@fernweh.example", owner=staff["dana"], by=staff["dana"], at=now,
    )  # fmt: skip


def _in_use(
    name: str, role: str, service: str, agreements: dict[str, int], staff: dict[str, StaffMember], at: datetime, *, hipaa: bool = False,
    chain: tuple[str, str] | None = None,
) -> Provider:  # fmt: skip
    """Proposed and asked for by Dana, its agreements confirmed by Ezra, activated by Cleo."""
    provider = lives.propose(
        legal_name=name, role=role, service=service, countries=["US"], contact_name="Privacy office",
        contact_email=f"privacy@{name.split()[0].lower()}.example", owner=staff["dana"], hipaa_relevant=hipaa, by=staff["dana"], at=at,
    )  # fmt: skip
    lives.begin_review(provider=provider, by=staff["dana"], at=at)
    for kind, days in agreements.items():
        _agreement(provider, kind, days, staff, at)
    reviewing.record(
        provider=provider, kind="review", result="passed", evidence="SOC 2 Type II report of this year",
        content=_paper(f"Report on {name}", name, ()), reviewed_on=day_of(at), next_due_on=day_of(at + timedelta(days=LONGEST_DAYS)),
        by=staff["dana"], at=at,
    )  # fmt: skip
    if chain:
        sub = chaining.propose(provider=provider, legal_name=chain[0], service=chain[1], countries=["US"], by=staff["dana"], at=at)
        chaining.announce(sub=sub, by=staff["cleo"], at=at)
    lives.ask_activation(provider=provider, by=staff["dana"], at=at)
    return lives.activate(provider=provider, by=staff["cleo"], at=at + timedelta(hours=2))


def _agreement(provider: Provider, kind: str, days: int, staff: dict[str, StaffMember], at: datetime) -> Agreement:
    title = {"dpa": "Data Processing Addendum", "baa": "Business Associate Agreement"}[kind]
    required = clauses.REQUIRED[kind]
    agreement = agreeing.propose(
        provider=provider, kind=kind, title=title, starts_on=day_of(at), ends_on=day_of(at + timedelta(days=days)),
        content=_paper(title, provider.legal_name, required), by=staff["dana"], at=at,
    )  # fmt: skip
    agreeing.tick(agreement=agreement, found=[clause.code for clause in required], by=staff["dana"], at=at)
    agreeing.ask(agreement=agreement, by=staff["dana"], at=at)
    return agreeing.confirm(agreement=agreement, by=staff["ezra"], at=at)


def _grant(
    agreement: Agreement, categories: list[str], purposes: list[str], necessity: str, staff: dict[str, StaffMember], at: datetime, *,
    fields: list[str] | tuple[str, ...] = (), patients: bool = False,
) -> None:  # fmt: skip
    proposed = granting.propose(
        agreement=agreement, categories=categories, purposes=purposes, necessity=necessity, fields=fields, patient_information=patients,
        by=staff["dana"], at=at,
    )  # fmt: skip
    granting.approve(grant=proposed, by=staff["cleo"], at=at + timedelta(hours=3))


def _paper(title: str, name: str, required: tuple[clauses.Clause, ...]) -> bytes:
    """A PDF that can be opened."""
    listed = "\n".join(f"+ {clause.words}" for clause in required)
    return typst.compile(PAPER.format(title=title, name=name, clauses=listed).encode())
