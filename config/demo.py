"""The demo: three organizations, their people and some thousand messages, made by the real services with times in the past.

Nothing here is real but the machinery: the names are made up, the destruction that a newcomer sees is the one that runs in
production. It must never run on a database that has a member of staff or an organization.
"""

import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from apps.accounts.models import Organization
from apps.accounts.services import registration
from apps.accounts.states import ArchiveEntitlement
from apps.foundation.actors import SYSTEM
from apps.policies.demo_policy import FIRST, SECOND
from apps.policies.services import publication
from apps.retention.importing.lines import Incoming, Party
from apps.retention.models import ConversationClass
from apps.retention.services import batches, ingest, leaves, rules, sealing, targets
from apps.retention.states import PlaceKind, TargetKind
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from apps.staff.services import joining
from config import demo_providers

#: user name, name, role
STAFF = (
    ("bo", "Bo Lindqvist", Role.RECORDS_MANAGER),
    ("cleo", "Cleo Marchetti", Role.COMPLIANCE_OFFICER),
    ("dana", "Dana Whitfield", Role.PRIVACY_ANALYST),
    ("ezra", "Ezra Okafor", Role.COUNSEL),
    ("faye", "Faye Novak", Role.AUDITOR),
    ("gus", "Gus Herrera", Role.ADMINISTRATOR),
)

#: how far back the demo's messages go, and how many a day each organization sends
DAYS_BACK = 12
RULES_SINCE_DAYS = 20


@dataclass(frozen=True)
class Client:
    name: str
    hipaa_covered: bool
    archive_entitlement: str
    life_days: int
    class_code: str
    class_name: str
    class_life_days: int
    messages_a_day: int
    domain: str


CLIENTS = (
    Client("Hill Clinic", True, "none", 7, "clinical", "Clinical handover", 10, 140, "hillclinic.example"),
    Client("Mercy General Hospital", True, "hosted", 9, "clinical", "Clinical handover", 30, 110, "mercygeneral.example"),
    Client("Northgate Logistics", False, "own_server", 8, "operations", "Operations", 21, 60, "northgate.example"),
)

GIVEN = ("Ada", "Ben", "Carla", "Dev", "Elena", "Farid", "Grace", "Hiro", "Ines", "Jonas", "Keiko", "Liam", "Mara", "Noah")
FAMILY = ("Abbott", "Barros", "Chen", "Dubois", "Eriksen", "Farouk", "Gupta", "Hale", "Ivanova", "Jansen", "Kimura", "Lopez")
OPENINGS = ("Handover for room {n}:", "Update on bed {n}:", "Question about case {n}:", "Reminder for shift {n}:", "Note on delivery {n}:")
WORDS = (
    "blood pressure steady since noon", "please call the family back before five", "lab results are in and look normal",
    "moved to the second floor this morning", "the afternoon dose was given on time", "needs a signature before discharge",
    "transport is ordered for eight", "allergy note was added to the chart", "waiting for the radiologist's answer",
    "parts arrive on the early truck", "shift change is at seven as usual", "keys are at the front desk",
)  # fmt: skip


def make(*, now: datetime) -> str:
    """Fill an empty installation. Returns the password of the demo's staff, the same for all of them."""
    password = "-".join(secrets.token_hex(3) for _ in range(3))
    long_ago = now - timedelta(days=400)
    publication.publish_first(
        title=FIRST["title"], introduction=FIRST["introduction"], clauses=FIRST["clauses"], by=SYSTEM, at=long_ago
    )
    staff = _staff(password, at=now - timedelta(days=RULES_SINCE_DAYS + 5))
    _second_version(staff, at=now - timedelta(days=RULES_SINCE_DAYS + 2))
    chance = random.Random(2026)
    clients = [(client, _client(client, staff, chance, at=now - timedelta(days=RULES_SINCE_DAYS))) for client in CLIENTS]
    demo_providers.make(staff=staff, at=now - timedelta(days=RULES_SINCE_DAYS), now=now)
    for back in range(DAYS_BACK, -1, -1):
        moment = now - timedelta(days=back)
        leaves.make_leaves(at=moment)
        sealing.seal_due(at=moment)
        for client, organization in clients:
            _messages(client, organization, chance, at=moment)
    return password


def _staff(password: str, *, at: datetime) -> dict[str, StaffMember]:
    return {
        username: joining.create(
            username=username, email=f"{username}@covenant.example", full_name=name, roles=[role], password=password,
            by=SYSTEM, at=at,
        )
        for username, name, role in STAFF
    }  # fmt: skip


def _second_version(staff: dict[str, StaffMember], *, at: datetime) -> None:
    """The policy changed once, as policies do: drafted and asked for by one, published by another."""
    previous = publication.PolicyVersion.objects.in_force(at).get()
    draft = publication.draft_from(previous=previous, by=staff["cleo"], at=at)
    publication.set_clauses(version=draft, clauses=SECOND["clauses"], by=staff["cleo"], at=at)
    publication.ask(version=draft, by=staff["cleo"], at=at)
    publication.publish(version=draft, by=staff["ezra"], at=at + timedelta(hours=3))


def _client(client: Client, staff: dict[str, StaffMember], chance: random.Random, *, at: datetime) -> Organization:
    organization = registration.register_organization(
        name=client.name, country="US", hipaa_covered=client.hipaa_covered, archive_entitlement=client.archive_entitlement,
        contact_name="Records office", contact_email=f"records@{client.domain}", by=SYSTEM, at=at,
    )  # fmt: skip
    for given, family in zip(chance.sample(GIVEN, 8), chance.sample(FAMILY, 8), strict=True):
        registration.register_person(
            organization=organization, given_name=given, family_name=family,
            emails=[f"{given}.{family}@{client.domain}".lower()], phones=[f"+1415555{chance.randint(1000, 9999)}"],
            birth_date=datetime(chance.randint(1960, 2002), chance.randint(1, 12), chance.randint(1, 28), tzinfo=UTC).date(),
            state="CA", by=SYSTEM, at=at,
        )  # fmt: skip
    kind = ConversationClass.objects.create(
        organization=organization, code=client.class_code, name=client.class_name, created_at=at
    )
    for conversation_class, days in ((None, client.life_days), (kind, client.class_life_days)):
        rule = rules.propose(
            organization=organization, conversation_class=conversation_class, life_days=days, minimum_days=1,
            maximum_days=90, effective_from=at, by=staff["bo"], at=at,
        )  # fmt: skip
        rules.approve(rule=rule, by=staff["cleo"], at=at)
    if client.archive_entitlement == ArchiveEntitlement.HOSTED:  # Northgate's own server is still to be proposed
        target = targets.propose(organization=organization, kind=TargetKind.HOSTED, place=PlaceKind.LOCAL, by=staff["bo"], at=at)
        targets.approve(target=target, by=staff["cleo"], at=at)
    return organization


def _messages(client: Client, organization: Organization, chance: random.Random, *, at: datetime) -> None:
    """One day's batch: messages of the hours before `at`, handed over then."""
    batch = batches.open_batch(
        organization=organization, source="product", key=f"demo-{at:%Y-%m-%d}", by=SYSTEM, at=at
    )
    lines = list(_lines(client, organization, chance, at))
    ingest.take_in(batch=batch, lines=lines, last_number=len(lines), digest=None, by=SYSTEM, at=at)
    batches.close_batch(batch=batch, digest=None, by=SYSTEM, at=at)


def _lines(client: Client, organization: Organization, chance: random.Random, at: datetime) -> Iterator[Incoming]:
    people = [
        Party(email=address) for address in organization.people.values_list("emails__address", flat=True).order_by("pk")
    ]
    start = max(datetime.combine(at.date(), time(0), UTC), at - timedelta(hours=12))
    for number in range(1, client.messages_a_day + 1):
        sender, *others = chance.sample(people, chance.randint(2, 4))
        said = " ".join((chance.choice(OPENINGS).format(n=chance.randint(1, 40)), ", ".join(chance.sample(WORDS, 2)) + "."))
        yield Incoming(
            number=number,
            id=f"{at:%Y%m%d}-{number:05}",
            conversation=f"c-{chance.randint(1, 12)}",
            conversation_class=client.class_code if chance.random() < 0.25 else None,
            sent_at=start + (at - start) * chance.random(),
            sender=sender,
            recipients=tuple(others),
            body=said,
        )
