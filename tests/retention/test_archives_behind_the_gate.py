"""Archives leave by the gate only: each part and manifest is a disclosure, the rest are contacts, and a refusal is a trouble of that delivery."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import connection

from apps.foundation import clock
from apps.gate.models import Crossing, Disclosure, GateRefusal, Permit
from apps.gate.states import ContactReason
from apps.providers.services import lives
from apps.retention import archive_promises as checks
from apps.retention.archives.places.base import Place
from apps.retention.models import Archive, ArchivePart, ArchiveTarget, AsideMessage, Cohort
from apps.retention.services import archiving, sweep, targets
from apps.retention.services.archives import places
from apps.retention.services.targets import NotRunByAProvider
from apps.retention.states import ArchiveState, CohortState, PartState
from tests import cast
from tests.cast import DAY, NOON
from tests.retention import archived
from tests.retention.places.conftest import ground, https, identity, receiver, s3, s3_proxy, seaweed  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)

SEALED = NOON + 6 * DAY
MORNING_AFTER = NOON + 8 * DAY
KEY = archived.new_identity()
#: what the migration does with what stands there
BEFORE = import_module("apps.retention.migrations.0018_what_leaves_has_its_disclosure").BEFORE


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings):
    settings.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES, settings.ARCHIVE_PORTS = ["127.0.0.1"], None
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660  # days pass between two lines of a test


@pytest.fixture
def northgate(home):
    cast.house()
    organization = cast.client("Northgate", archive="own_server")
    cast.rule(organization, 7)
    return organization


@pytest.fixture
def archive(northgate, https):  # noqa: F811 - a fixture
    archived.own_server(northgate, https, identity=KEY)
    cast.hand_over(northgate, [cast.message(n) for n in range(1, 6)])
    sweep.sweep(at=SEALED)
    archiving.archive_due(at=SEALED)
    return Archive.objects.get()


def plant(statement: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = origin")


def by_hand(statement: str, *values) -> list[str]:
    plant(statement, *values)
    return [violation.why for violation in checks.what_lies_elsewhere_was_let_out(SEALED).violations]


def test_each_part_and_manifest_is_one_disclosure_of_exactly_its_bytes_and_all_else_a_contact(archive, northgate):
    part = archive.parts.get()
    of_part, of_manifest = Disclosure.objects.order_by("id")
    assert (archive.state, part.disclosure, archive.manifest["disclosure"]) == (ArchiveState.CLOSED, of_part.reference, of_manifest.reference)
    assert (bytes(of_part.digest), of_part.size, of_part.what) == (bytes(part.sha256), part.bytes, f"{archive.reference}/part 1")
    assert (bytes(of_manifest.digest).hex(), of_manifest.what) == (archive.manifest["receipt"]["sha256"], f"{archive.reference}/manifest")
    for one in (of_part, of_manifest):
        assert (one.recipient, one.about_organization, one.ground, one.purpose) == (northgate.reference, northgate.reference, "client", "archiving")
        assert (one.patient_information, one.countries) == (True, ["US"])
    assert of_part.categories == ["contact", "identity", "message"]
    assert list(Permit.objects.filter(kind="contact").order_by("id").values_list("why", flat=True)) == ["try_out", "read_back", "read_back"]
    assert Permit.objects.filter(crossings=None).count() == 0
    looked = checks.what_lies_elsewhere_was_let_out(SEALED)
    assert (looked.rows, looked.violations) == (2, ())


def test_a_folder_of_ours_is_nobody_elses_and_needs_no_permit(home):
    cast.house()
    mercy = cast.client("Mercy General", archive="hosted")
    cast.rule(mercy, 7)
    archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(1)])
    sweep.sweep(at=SEALED)
    assert len(archiving.archive_due(at=SEALED)) == 1
    assert (ArchivePart.objects.get().disclosure, Permit.objects.count(), Crossing.objects.count()) == ("", 0, 0)
    assert checks.what_lies_elsewhere_was_let_out(SEALED).rows == 0


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE retention_archivepart SET disclosure = ''", "part 1 was delivered without a disclosure"),
        ("UPDATE retention_archivepart SET disclosure = NULL, verified_at = now() + interval '1 day'", "part 1 was delivered without a disclosure"),
        ("UPDATE retention_archivepart SET disclosure = 'DIS-00000000000'", "part 1 names DIS-00000000000, which is not in the ledger"),
        ("UPDATE retention_archivepart SET sha256 = decode(repeat('ab', 32), 'hex')", "part 1 is not what {} let out"),
        ("UPDATE gate_disclosure SET recipient = 'ORG-0000000' WHERE what LIKE '%%part 1'", "part 1 lies with somebody else than {} names"),
        ("DELETE FROM gate_crossing", "part 1 left without a connection under the permit of {}"),
        ("UPDATE retention_archive SET manifest = manifest - 'disclosure'", "manifest was delivered without a disclosure"),
    ],
)  # fmt: skip
def test_what_lies_at_a_clients_server_without_its_disclosure_is_named(archive, statement, why):
    named = archive.parts.get().disclosure
    assert why.format(named) in by_hand(statement)


def test_what_was_proven_before_there_was_a_gate_needs_none(archive):
    assert by_hand("UPDATE retention_archivepart SET disclosure = NULL") == []
    assert by_hand("UPDATE retention_archive SET manifest = manifest || '{\"disclosure\": null}'") == []


def test_what_was_on_its_way_when_the_gate_came_is_handed_over_anew_and_lies_there_once(northgate, https):  # noqa: F811 - a fixture
    archived.own_server(northgate, https, identity=KEY)
    cast.hand_over(northgate, [cast.message(n) for n in range(1, 6)])
    sweep.sweep(at=SEALED)
    (archive,) = [archiving.open_archive(segment, ArchiveTarget.objects.get(), SEALED) for segment in archiving.unarchived()]
    for step in archiving.STEPS[:2]:
        step(archive.pk, SEALED)
    plant("UPDATE retention_archivepart SET disclosure = ''")
    with connection.cursor() as cursor:
        cursor.execute(BEFORE)
    part = archive.parts.get()
    assert (part.state, part.receipt, part.delivered_at, part.disclosure) == (PartState.WRITTEN, {}, None, "")
    assert archiving.archive_due(at=SEALED) == [archive.reference]
    assert archived.verified(Archive.objects.get(), https.folder, [KEY]).flaws == []
    assert len(https.everything()) == 2
    assert checks.what_lies_elsewhere_was_let_out(SEALED).violations == ()


def test_what_was_proven_when_the_gate_came_is_marked_as_of_before(archive):
    with connection.cursor() as cursor:
        cursor.execute(BEFORE)
    assert (archive.parts.get().disclosure, Archive.objects.get().manifest["disclosure"]) == (None, None)
    assert checks.what_lies_elsewhere_was_let_out(SEALED).violations == ()


def test_what_the_gate_refuses_is_not_destroyed_steps_aside_and_leaves_when_it_may(northgate, https):  # noqa: F811 - a fixture
    target = archived.own_server(northgate, https, identity=KEY)
    clinic = cast.hill_clinic()
    cast.hand_over(northgate, [cast.message(n) for n in range(1, 6)])
    cast.hand_over(clinic, [cast.message(n) for n in range(1, 6)], key="b2")
    sweep.sweep(at=SEALED)
    plant("UPDATE retention_archivetarget SET country = 'CA', country_reason = 'Law of Quebec'")
    at = SEALED
    for turn in range(1, 4):
        assert archiving.archive_due(at=at) == []
        target.refresh_from_db()
        assert (target.failures, target.last_error.partition(":")[0], target.next_try_at > at) == (turn, "gate_refused", True)
        at = target.next_try_at
    assert [row.codes for row in GateRefusal.objects.all()] == [["country_outside"]] * 3
    assert (ArchivePart.objects.get().state, Disclosure.objects.count()) == (PartState.WRITTEN, 0)
    assert Crossing.objects.exclude(permit__why="try_out").count() == 0
    sweep.sweep(at=MORNING_AFTER)
    assert Cohort.objects.get(organization=clinic).state == CohortState.DESTROYED
    assert (Cohort.objects.get(organization=northgate).state, AsideMessage.objects.count()) == (CohortState.EXPIRED, 5)
    plant("UPDATE retention_archivetarget SET country = 'US'")
    at = MORNING_AFTER + DAY
    for _turn in range(3):
        archiving.archive_due(at=at)
        at += DAY
    assert archived.verified(Archive.objects.get(), https.folder, [KEY]).flaws == []
    sweep.sweep(at=at)
    assert Cohort.objects.get(organization=northgate).state == CohortState.DESTROYED


def store_at(s3, mercy, provider, at) -> ArchiveTarget:  # noqa: F811 - a fixture
    options = dict(s3.settings)
    address = f"{options.pop('url')}/{options.pop('bucket')}"
    target = targets.propose(
        organization=mercy, kind="hosted", place="s3", address=address, credentials=s3.credentials, options=options, provider=provider,
        keep_days=2, by=cast.bo(), at=at,
    )  # fmt: skip
    return targets.approve(target=target, by=cast.cleo(), at=at)


def test_a_store_gets_nothing_while_its_provider_is_suspended_and_may_still_be_asked_to_remove(home, s3):  # noqa: F811 - a fixture
    cast.house()
    mercy, now = cast.client("Mercy General", archive="hosted"), clock.now()
    cast.rule(mercy, 1, at=now - timedelta(minutes=1))
    provider = archived.store_provider(at=now)
    target = store_at(s3, mercy, provider, now)
    cast.hand_over(mercy, [cast.message(1, at=now)], at=now)
    sweep.sweep(at=now)
    lives.suspend(provider=provider, reason="Its key was published.", by=cast.cleo(), at=now)
    assert archiving.archive_due(at=now) == []
    target.refresh_from_db()
    assert (target.failures, target.last_error.startswith("gate_refused: GRF-")) == (1, True)
    assert GateRefusal.objects.get().codes == ["provider_suspended"]
    with pytest.raises(Exception, match="suspended"), places.place_of(target, ContactReason.READ_BACK, at=now):
        pytest.fail("a suspended provider was spoken to")
    with places.place_of(target, ContactReason.REMOVAL, at=now) as place:
        assert isinstance(place, Place)


def test_a_store_of_before_is_used_again_once_its_provider_is_named(home, s3):  # noqa: F811 - a fixture
    cast.house()
    mercy, now = cast.client("Mercy General", archive="hosted"), clock.now()
    cast.rule(mercy, 1, at=now - timedelta(minutes=1))
    with pytest.raises(places.ProviderNotNamed):
        store_at(s3, mercy, None, now)
    provider = archived.store_provider(at=now)
    target = store_at(s3, mercy, provider, now)
    plant("UPDATE retention_archivetarget SET provider_id = NULL")
    cast.hand_over(mercy, [cast.message(1, at=now)], at=now)
    sweep.sweep(at=now)
    archiving.archive_due(at=now)
    target.refresh_from_db()
    assert (target.last_error.partition(":")[0], Disclosure.objects.count()) == ("provider_not_named", 0)
    target = targets.name_provider(target=target, provider=provider, by=cast.cleo(), at=now)
    assert (target.provider, target.failures) == (provider, 0)
    with pytest.raises(NotRunByAProvider):
        targets.name_provider(target=target, provider=provider, by=cast.cleo(), at=now)
    assert len(archiving.archive_due(at=now)) == 1
    assert set(Disclosure.objects.values_list("recipient", "ground")) == {(provider.reference, "service_provider")}
    assert checks.what_lies_elsewhere_was_let_out(now).violations == ()


def test_only_a_store_is_run_by_a_provider(home):
    cast.house()
    mercy = cast.client("Mercy General", archive="hosted")
    with pytest.raises(NotRunByAProvider):
        targets.propose(organization=mercy, kind="hosted", place="local", provider=archived.store_provider(), by=cast.bo(), at=NOON)
