"""Archives at real peers, honest and not: what a place only says is never believed, and nothing owed to it is destroyed."""

from datetime import timedelta

import pytest

from apps.foundation import clock
from apps.foundation.keys import keystore
from apps.gate.states import ContactReason
from apps.retention.archives.places.troubles import StillLocked
from apps.retention.models import Archive, ArchivePart, Certificate, Cohort, Destruction, Segment
from apps.retention.services import accounts, archiving, sweep, targets
from apps.retention.services.archives import contracts
from apps.retention.services.ends import archive as ends
from apps.retention.states import ArchiveState, CohortState, PartState
from tests import cast
from tests.cast import DAY, NOON
from tests.retention import archived
from tests.retention.places.conftest import (  # noqa: F401 - fixtures
    ground,
    https,
    identity,
    open_ssh,
    openssh,
    receiver,
    s3,
    s3_proxy,
    seaweed,
    sftp,
    ssh_server,
)

pytestmark = pytest.mark.django_db(transaction=True)

SEALED = NOON + 6 * DAY
MORNING_AFTER = NOON + 8 * DAY
CLIENTS_KEY = archived.new_identity()


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


def account(cohort):
    return {name: number for name, number in accounts.account_of(cohort).as_dict().items() if number}


@pytest.mark.parametrize("kind", ["https", "sftp", "openssh"])
def test_what_goes_to_a_clients_own_server_only_the_client_can_open_and_nothing_of_it_stays_here(request, northgate, home, kind):
    peer = request.getfixturevalue(kind)
    archived.own_server(northgate, peer, identity=CLIENTS_KEY)
    cast.hand_over(northgate, [cast.message(n) for n in range(1, 6)])
    archiving.archive_due(at=NOON + DAY)
    cast.hand_over(northgate, [cast.message(6)], key="b2", at=NOON + 2 * DAY)
    sweep.sweep(at=SEALED)
    archive = Archive.objects.get()
    assert archiving.archive_due(at=SEALED) == [archive.reference]
    report = archived.verified(archive, peer.folder, [CLIENTS_KEY])
    assert (report.flaws, report.opened) == ([], True)
    assert [line["message"]["id"] for line in archived.lines(archive, peer.folder, [CLIENTS_KEY])] == [f"m{n}" for n in range(1, 7)]
    assert keystore().names("archive") == []
    assert list((home / "spool").iterdir()) == []
    assert set(ArchivePart.objects.values_list("tags", flat=True)[0]) == set()
    sweep.sweep(at=MORNING_AFTER)
    assert account(Cohort.objects.get()) == {"ingested": 6, "destroyed": 6}


@pytest.mark.parametrize(
    ("kind", "manner", "error"),
    [
        ("https", "lying", "place_lies"),
        ("https", "corrupting", "place_corrupts"),
        ("https", "truncating", "place_corrupts"),
        ("https", "full", "place_full"),
        ("https", "busy", "place_down"),
        ("https", "refusing", "place_refuses"),
        ("https", "redirecting", "place_misbehaves"),
        ("https", "unsigned", "place_misbehaves"),
        ("https", "hanging up", "place_down"),
        ("sftp", "corrupting", "place_corrupts"),
        ("sftp", "truncating", "place_"),
        ("sftp", "full", "place_full"),
        ("sftp", "refusing", "place_refuses"),
    ],
)
def test_a_place_that_lies_or_fails_destroys_nothing_and_catches_up_when_it_is_mended(request, northgate, kind, manner, error):
    peer = request.getfixturevalue(kind)
    target = archived.own_server(northgate, peer, identity=CLIENTS_KEY)
    clinic = cast.hill_clinic()
    for organization in (northgate, clinic):
        cast.hand_over(organization, [cast.message(n) for n in range(1, 6)])
    sweep.sweep(at=SEALED)
    peer.server.manner = manner
    at = SEALED
    for _turn in range(3):
        archiving.archive_due(at=at)
        target.refresh_from_db()
        archive = Archive.objects.get()  # what lies there spoilt has taken the name of what should: that counts on the archive alone
        at = max(target.next_try_at, archive.next_try_at or target.next_try_at)
    assert (target.failures + archive.failures, target.last_error.startswith(error)) == (3, True), target.last_error
    assert Segment.objects.get(cohort__organization=northgate).archived_at is None
    sweep.sweep(at=MORNING_AFTER)
    assert Cohort.objects.get(organization=clinic).state == CohortState.DESTROYED
    cohort = Cohort.objects.get(organization=northgate)
    assert (cohort.state, account(cohort)) == (CohortState.EXPIRED, {"ingested": 5, "aside_for_archive": 5})
    peer.server.manner, turns = "", 0
    at = MORNING_AFTER + DAY
    while Archive.objects.get().state != ArchiveState.CLOSED and turns < 3:
        archiving.archive_due(at=at)
        at, turns = at + DAY, turns + 1
    archive = Archive.objects.get()
    assert archived.verified(archive, peer.folder, [CLIENTS_KEY]).flaws == []
    sweep.sweep(at=at)
    cohort.refresh_from_db()
    assert (cohort.state, account(cohort)) == (CohortState.DESTROYED, {"ingested": 5, "destroyed": 5})
    assert Certificate.objects.filter(cohort=cohort).count() == 1
    assert keystore().names("aside") == []


def test_an_archive_on_s3_is_locked_for_its_life_and_is_ended_only_after_its_lock(home, s3):  # noqa: F811 - a fixture
    cast.house()
    now = clock.now()
    mercy = cast.client("Mercy General", archive="hosted")
    store = archived.store_provider(at=now)
    cast.rule(mercy, 1, at=now - timedelta(minutes=1))
    settings_of = dict(s3.settings)
    address = f"{settings_of.pop('url')}/{settings_of.pop('bucket')}"
    target = targets.propose(
        organization=mercy, kind="hosted", place="s3", address=address, credentials=s3.credentials, options=settings_of, keep_days=2,
        provider=store, by=cast.bo(), at=now,
    )  # fmt: skip
    targets.approve(target=target, by=cast.cleo(), at=now)
    cast.hand_over(mercy, [cast.message(n, at=now) for n in range(1, 6)], at=now)
    sweep.sweep(at=now)
    assert len(archiving.archive_due(at=now)) == 1
    archive = Archive.objects.get()
    part = archive.parts.get()
    assert part.receipt["version"]
    assert part.receipt["locked_until"][:10] == (now + 2 * DAY).date().isoformat()
    assert (archive.keep_until, part.state) == ((now + 2 * DAY).date(), PartState.VERIFIED)
    contracts.ask_end(organization=mercy, by=cast.bo(), at=now)
    contracts.end_contract(organization=mercy, by=cast.cleo(), at=now)
    archive.refresh_from_db()
    assert archive.keep_until == (now + 2 * DAY).date()
    assert ends.open_due(at=now) == []
    with archiving.parts.places.place_of(archive.target, ContactReason.REMOVAL, at=now) as place, pytest.raises(StillLocked):
        place.remove(part.name, archiving.parts.Receipt.from_dict(part.receipt), at=now)
    assert Destruction.objects.count() == 0
    assert s3.stored(part.name) is not None
    s3.end_locks()
    end = now + 3 * DAY
    sweep.sweep(at=end)
    archive.refresh_from_db()
    assert archive.state == ArchiveState.DESTROYED
    assert [name for name in s3.everything() if name.startswith(part.name.split("/", maxsplit=1)[0])] == []
    assert keystore().names("archive") == [f"archive/{mercy.reference}"]  # its own is gone; this one opens nothing alone
    certificate = Certificate.objects.get(destruction__scope="archive")
    assert (certificate.messages, Destruction.objects.get(scope="archive").state) == (5, "done")
