"""Places for archives, archives, and their readings. A part is read on a connection of its own, so its messages must be committed."""

from datetime import timedelta

import pyrage

from apps.accounts.models import Organization
from apps.accounts.services import registration
from apps.foundation.actors import SYSTEM
from apps.providers.models import Provider
from apps.retention.models import Archive, ArchiveReading, ArchiveTarget
from apps.retention.services import archiving, readings, sweep, targets
from apps.retention.services.archives import contracts
from apps.staff.models import StaffMember
from tests import cast
from tests.cast import DAY, NOON
from tests.house_web.rows import accounts
from tests.house_web.rows.declared import FORMULAS, PRESENT, Rows, Scene
from tests.retention import archived

IDENTITY = archived.new_identity()
#: the challenges as the client got them, by target
SENT: dict[int, str] = {}


def hosted_client(number: int = 0) -> Organization:
    name = f"Mercy {number}"
    return Organization.objects.filter(name=name).first() or registration.register_organization(
        name=name, country="US", hipaa_covered=True, archive_entitlement="hosted", contact_name="Quentina Marlow",
        contact_email="quentina@client.example", by=SYSTEM, at=NOON - 200 * DAY,
    )  # fmt: skip


def target(number: int = 0) -> ArchiveTarget:
    """In another country, so that a free text is listed on its page."""
    return targets.propose(
        organization=hosted_client(number), kind="hosted", place="local", country="CA", country_reason=FORMULAS[number], by=cast.bo(), at=NOON
    )


def in_use(number: int = 0) -> ArchiveTarget:
    return targets.approve(target=target(number), by=cast.cleo(), at=NOON)


def suspended() -> ArchiveTarget:
    return targets.suspend(target=in_use(), by=cast.cleo(), at=NOON)


def own_server() -> ArchiveTarget:
    """Named, and never connected: that it is proven comes first."""
    return targets.propose(
        organization=accounts.a_client(), kind="own_server", place="https", address="https://archive.example.com/inbox", peer_key="ab" * 32,
        credentials={"token": "a-token"}, recipient=archived.recipient(IDENTITY), by=cast.bo(), at=NOON,
    )  # fmt: skip


def store_of_before() -> ArchiveTarget:
    """A store from before it was asked who runs it, and a provider to name."""
    archived.store_provider()
    return ArchiveTarget.objects.create(
        organization=hosted_client(), kind="hosted", place="s3", address="https://store.example.com/archives", country="US", keep_days=2192,
        state="active", tried_at=NOON, proposed_by=str(cast.bo().actor), proposed_at=NOON, decided_by=str(cast.cleo().actor), decided_at=NOON,
    )  # fmt: skip


def challenged() -> ArchiveTarget:
    row = own_server()
    SENT[row.pk] = targets.challenge(target=row, by=cast.bo(), at=NOON)
    return ArchiveTarget.objects.get(pk=row.pk)


def answered(row: ArchiveTarget) -> dict[str, str]:
    return {"said": pyrage.decrypt(SENT[row.pk].encode(), [pyrage.x25519.Identity.from_str(IDENTITY)]).decode()}


def archive(number: int = 0, at=NOON) -> Archive:
    """Closed, with one part."""
    client = hosted_client(number)
    cast.rule(client, 1, at=at - DAY)
    in_use(number)
    cast.hand_over(client, [cast.message(1, at=at, body="Adelaide has a fever")], at=at)
    sweep.sealing.seal_due(at=at)
    archiving.archive_due(at=at)
    return Archive.objects.select_related("cohort__organization", "target").get(cohort__organization=client)


def reading(number: int = 0, by: StaffMember | None = None) -> ArchiveReading:
    asker = by if by is not None and by.has_perm(readings.ASK) else cast.bo()
    return readings.ask(archive=archive(number), reason=FORMULAS[number], by=asker, at=PRESENT)


def approved(member: StaffMember) -> ArchiveReading:
    return readings.approve(reading=reading(0, member), by=cast.cleo(), at=PRESENT - timedelta(hours=1))


def contract() -> ArchiveTarget:
    return archive().target


def ending() -> ArchiveTarget:
    found = archive()
    contracts.ask_end(organization=found.cohort.organization, by=cast.bo(), at=PRESENT)
    return found.target


ROWS = {
    ArchiveTarget: Rows(target, queries=5, more="the organizations to filter by"),
    Archive: Rows(archive, queries=7, more="the targets, cohorts and organizations to filter by", committed=True),
    ArchiveReading: Rows(reading, queries=5, more="the archives to filter by", committed=True),
}

SCENES = {
    (ArchiveTarget, "challenge"): Scene(lambda _member: own_server()),
    (ArchiveTarget, "mail_challenge"): Scene(lambda _member: own_server()),
    (ArchiveTarget, "answer"): Scene(lambda _member: challenged(), answered),
    (ArchiveTarget, "approve"): Scene(lambda _member: target()),
    (ArchiveTarget, "reject"): Scene(lambda _member: target()),
    (ArchiveTarget, "suspend"): Scene(lambda _member: in_use()),
    (ArchiveTarget, "resume"): Scene(lambda _member: suspended()),
    (ArchiveTarget, "name_provider"): Scene(lambda _member: store_of_before(), lambda _row: {"provider": Provider.objects.get().reference}),
    (ArchiveTarget, "end"): Scene(lambda _member: in_use()),
    (ArchiveTarget, "ask_contract_end"): Scene(lambda _member: contract(), committed=True),
    (ArchiveTarget, "end_contract"): Scene(lambda _member: ending(), committed=True),
    (ArchiveTarget, "keep_archives"): Scene(lambda _member: ending(), committed=True),
    (Archive, "find"): Scene(lambda _member: archive(), {"source": "product", "conversation": "c1"}, committed=True),
    (ArchiveReading, "approve"): Scene(lambda _member: reading(), committed=True),
    (ArchiveReading, "reject"): Scene(lambda _member: reading(), committed=True),
    (ArchiveReading, "take"): Scene(approved, committed=True),
}
