"""What left in the demo: mail that was delivered, pages that were counted, people who were answered, and what the gate refused.

Every row is made by the gate itself, with times in the past; nothing is sent anywhere. `prepare` calls it once, after demo.py has made
people and providers.
"""

import random
from datetime import UTC, datetime, time, timedelta

from apps.accounts.models import Organization, Person
from apps.foundation.actors import SYSTEM
from apps.foundation.digests import sha256
from apps.gate.models import Permit
from apps.gate.services import analytics, deciding, exceptions, permits
from apps.gate.services.deciding import About, Ground, Package, Recipient
from apps.providers.models import Provider
from apps.staff.models import StaffMember

DAYS_BACK = 18
PAGES = ("/inbox", "/inbox/thread", "/settings", "/search")


def make(*, now: datetime) -> None:
    """Some disclosures a day, two refusals, and an exception that waits for its second person."""
    chance = random.Random(528)
    people = list(Person.objects.select_related("organization").order_by("pk"))
    pulse, courier = (Provider.objects.get(legal_name__startswith=name) for name in ("Pulse", "Courier"))
    answered = dict(zip(chance.sample(range(1, 10), 3), chance.sample(people, 3), strict=True))
    for back in range(DAYS_BACK, 0, -1):
        at = datetime.combine((now - timedelta(days=back)).date(), time(9), UTC)
        for number, person in enumerate(chance.sample(people, chance.randint(2, 6))):
            _mailed(courier, person, f"MAIL-{at:%Y%m%d}/letter {number + 1}", at + timedelta(minutes=7 * number))
        for organization in Organization.objects.order_by("pk"):
            _counted(pulse, organization, chance, at + timedelta(hours=14))
        if back in answered:
            _answered(answered[back], at + timedelta(hours=14, minutes=30))
    _refused(courier, people[0], now - timedelta(days=2), purpose="sale")
    _refused(courier, people[1], now - timedelta(days=1), categories=frozenset({"contact", "network_address"}))
    abroad = Provider.objects.get(legal_name__startswith="Fernweh")
    exceptions.ask(
        recipient=Recipient.provider(abroad.reference), country="DE", starts_at=now, ends_at=now + timedelta(days=90),
        reason="It answers questions at night; its only office is there.", by=StaffMember.objects.get(username="dana"), at=now,
    )  # fmt: skip


def _mailed(courier: Provider, person: Person, what: str, at: datetime) -> None:
    _use(deciding.decide(package=_mail(courier, person, what), by=SYSTEM, at=at), at)


def _mail(courier: Provider, person: Person, what: str, **changed) -> Package:
    return Package(**{
        "recipient": Recipient.provider(courier.reference), "about": About.person(person.reference),
        "categories": frozenset({"contact", "communication"}), "fields": frozenset({"email", "subject", "text"}), "purpose": "delivery",
        "ground": Ground.SERVICE_PROVIDER, "patient_information": False, "digest": sha256(what.encode()), "size": 2_048, "what": what,
        "countries": ("US",),
    } | changed)  # fmt: skip


def _counted(pulse: Provider, organization: Organization, chance: random.Random, at: datetime) -> None:
    rows = [
        {"page": chance.choice(PAGES), "occurred_at": at - timedelta(minutes=number), "duration_seconds": chance.randint(1, 300),
         "browser_family": chance.choice(("firefox", "chrome", "safari"))}
        for number in range(20)
    ]  # fmt: skip
    about, what = About.organization(organization.reference), f"USE-{at:%Y%m%d}/{organization.reference}"
    permit = analytics.let_out(
        export=analytics.package(rows), provider=pulse.reference, about=about, what=what, countries=("US",), by=SYSTEM, at=at
    )
    _use(permit, at)


def _answered(person: Person, at: datetime) -> None:
    package = Package(
        recipient=Recipient.person(person.reference), about=About.person(person.reference), categories=frozenset({"contact", "identity"}),
        fields=frozenset(), purpose="answering", ground=Ground.PERSON, patient_information=False, digest=sha256(person.reference.encode()),
        size=900, what=f"ASK-{at:%Y%m%d}", countries=("US",),
    )  # fmt: skip
    _use(deciding.decide(package=package, by=SYSTEM, at=at), at)


def _use(permit: Permit, at: datetime) -> None:
    permits.spend(
        permit=permit, recipient=Recipient(permit.recipient_kind, permit.recipient), fields=frozenset(permit.fields), digest=permit.digest,
        at=at + timedelta(seconds=1),
    )  # fmt: skip


def _refused(courier: Provider, person: Person, at: datetime, **changed) -> None:
    try:
        deciding.decide(package=_mail(courier, person, f"MAIL-{at:%Y%m%d}/refused", **changed), by=SYSTEM, at=at)
    except deciding.Refused:
        return
    raise RuntimeError("the demo's gate let out what it has to refuse")
