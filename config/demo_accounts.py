"""The demo's people below 18 and their representatives, made by the real services: one represented, one waiting for approval, one case open.

Names and documents are made up. It belongs to demo.py's installation, which has staff and people already.
"""

from datetime import date, datetime, timedelta

import typst

from apps.accounts.models import Organization, Person, Representative
from apps.accounts.services import documents, linking, minors, registration, representing
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.staff.models import StaffMember

PAPER = "#set page(width: 21cm, height: 14cm)\n= Authority to act for a minor\n{name} acts for {child}.\n\nA made-up document of the demo."
YEAR = 365.25


def make(*, now: datetime) -> None:
    """Two representatives, a minor, a case and a linked account, as of some days before `now`."""
    dana, cleo = (StaffMember.objects.get(username=username) for username in ("dana", "cleo"))
    clinic = Organization.objects.order_by("pk").first()
    born = _born(now, years=16)
    acting = _checked("Petra Quist", "Mika", born, until=now + timedelta(days=25), dana=dana, at=now - timedelta(days=6))
    documents.take(representative=acting, reason="identity_check", by=cleo, at=now - timedelta(days=5))
    representing.approve(representative=acting, by=cleo, at=now - timedelta(days=5))
    mika = registration.register_person(
        organization=clinic, given_name="Mika", family_name="Quist", emails=["mika.quist@hillclinic.example"], birth_date=born,
        representative=acting.reference, by=SYSTEM, at=now - timedelta(days=4),
    )  # fmt: skip
    _checked("Oskar Lind", "Juno", _born(now, years=15), until=None, dana=dana, at=now - timedelta(days=1))
    reported, linked = Person.objects.filter(organization=clinic).exclude(pk=mika.pk).order_by("-pk")[:2]  # the first are others' examples
    minors.report(person=reported, how="report", by=dana, at=now - timedelta(days=2))
    linking.link(
        person=linked, provider="google", subject="104729", scopes=["email", "profile"],
        claims={"email": "linked@mail.example", "given_name": "Made", "family_name": "Up"}, how="api", by=SYSTEM, at=now - timedelta(days=3),
    )  # fmt: skip


def _born(now: datetime, *, years: int) -> date:
    return day_of(now - timedelta(days=years * YEAR + 40))


def _checked(name: str, child: str, born: date, *, until: datetime | None, dana: StaffMember, at: datetime) -> Representative:
    """Registered and found in order by Dana; a second person is asked."""
    row = representing.register(
        full_name=name, email=f"{name.split()[0].lower()}@family.example", authority="parent", valid_from=day_of(at),
        valid_until=day_of(until) if until else None, minor_given_name=child, minor_birth_date=born,
        content=typst.compile(PAPER.format(name=name, child=child).encode()), by=dana, at=at,
    )  # fmt: skip
    documents.take(representative=row, reason="identity_check", by=dana, at=at)
    return representing.ask(representative=row, by=dana, at=at)
