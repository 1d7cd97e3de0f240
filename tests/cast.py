"""The cast: persons and clients that tests speak of. Ada asks, Bo takes requests in, Cleo approves.

Hill Clinic pays for no archive, Mercy General for a hosted one, Northgate archives on its own server.
"""

from datetime import UTC, datetime, timedelta

from apps.accounts.models import Organization, Person
from apps.accounts.services import registration
from apps.audit.services import installation, journal
from apps.foundation import signing
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import forget, keystore, setting_up
from apps.policies.services import publication
from apps.retention.importing.lines import Incoming, Party
from apps.retention.models import Batch, ConversationClass, RetentionRule
from apps.retention.services import batches, ingest, leaves, rules
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from apps.staff.services import joining

#: a day on which the clocks of the United States change, on purpose
NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PASSWORD = "a-long-enough-passphrase-26"


def house(at: datetime = NOON) -> None:
    """An installation with its keys, its journal and a policy in force."""
    signing.create_missing()
    setting_up.set_up(keystore(), new=True)
    installation.ensure(at - 400 * DAY)
    journal.open_journal(at - 400 * DAY)
    publication.publish_first(
        title="Privacy Policy", introduction="", by=SYSTEM, at=at - 399 * DAY,
        clauses=[{"code": "all", "heading": "All of it", "text": "We keep our word.", "promises": ["P06", "P26"]}],
    )  # fmt: skip


def lose_secret(name: str) -> None:
    """A secret is gone from both copies of the keystore and from memory, without a mark: a loss, and no destruction."""
    store = keystore()
    for copy in store.copies:
        copy.path(name).unlink()
    forget(store.identity, name)


def staff(username: str, *roles: Role, at: datetime = NOON) -> StaffMember:
    return joining.create(
        username=username, email=f"{username}@covenant.example", full_name=username.title(), roles=roles, password=PASSWORD,
        by=SYSTEM, at=at - 300 * DAY,
    )  # fmt: skip


def bo() -> StaffMember:
    return StaffMember.objects.filter(username="bo").first() or staff("bo", Role.RECORDS_MANAGER)


def cleo() -> StaffMember:
    return StaffMember.objects.filter(username="cleo").first() or staff("cleo", Role.COMPLIANCE_OFFICER)


def client(name: str = "Hill Clinic", archive: str = "none", hipaa: bool = True, at: datetime = NOON) -> Organization:
    return registration.register_organization(
        name=name, country="US", hipaa_covered=hipaa, archive_entitlement=archive, contact_name="Records",
        contact_email="records@client.example", by=SYSTEM, at=at - 200 * DAY,
    )  # fmt: skip


def rule(
    organization: Organization, life_days: int, *, kind: ConversationClass | None = None, at: datetime = NOON - DAY
) -> RetentionRule:
    proposed = rules.propose(
        organization=organization, conversation_class=kind, life_days=life_days, minimum_days=1, maximum_days=3000,
        effective_from=at, by=bo(), at=at,
    )  # fmt: skip
    approved = rules.approve(rule=proposed, by=cleo(), at=at)
    leaves.make_leaves(at=NOON)
    return approved


def hill_clinic(life_days: int = 7) -> Organization:
    """A client without an archive, with a rule of life."""
    organization = client()
    rule(organization, life_days)
    return organization


def ada(organization: Organization, email: str = "ada@client.example") -> Person:
    return registration.register_person(
        organization=organization, given_name="Ada", family_name="Lovell", emails=[email], by=SYSTEM, at=NOON - 150 * DAY
    )


def message(number: int = 1, *, at: datetime = NOON, body: str = "Good morning", **given) -> Incoming:
    return Incoming(
        **{
            "number": number, "id": f"m{number}", "conversation": "c1", "conversation_class": None, "sent_at": at,
            "sender": Party(email="ada@client.example", name="Ada"), "recipients": (Party(email="ben@client.example"),),
            "body": body,
        }
        | given
    )  # fmt: skip


def hand_over(
    organization: Organization, lines: list, *, at: datetime = NOON, key: str = "b1", source: str = "product",
    life_from: str = "sending",
) -> Batch:  # fmt: skip
    """Take lines in as one batch, as the API does."""
    batch = batches.open_batch(organization=organization, source=source, key=key, by=SYSTEM, at=at, life_from=life_from)
    ingest.take_in(
        batch=batch, lines=lines, last_number=lines[-1].number if lines else 0, digest=None, by=SYSTEM, at=at
    )
    return batches.close_batch(batch=batch, digest=None, by=SYSTEM, at=at)
