"""Each check of P06 and P19 on archives: kept on what the services made, red on a violation planted by raw SQL or by hand."""

from datetime import date

import pytest
from django.db import connection

from apps.audit.models import Event
from apps.audit.services import journal
from apps.foundation.keys import keystore
from apps.retention import archive_promises as checks
from apps.retention import promises
from apps.retention.models import Archive, ArchivePart, Cohort, Segment
from apps.retention.services import archiving, readings, sweep
from apps.retention.services.archives import lag, replay
from apps.retention.services.ends import archive as ends
from apps.retention.states import ArchiveState, CohortState
from tests import cast
from tests.cast import DAY, NOON
from tests.retention import archived
from tests.retention.places.conftest import ground, https, identity, receiver  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)

SEALED = NOON + 6 * DAY
MORNING_AFTER = NOON + 8 * DAY
#: of what lies with somebody else
ELSEWHERE = ("retention.own_servers", "retention.handed_over", "retention.exports")


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660  # days pass between two lines of a test


def plant(statement: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = origin")


@pytest.fixture
def mercy(home):
    cast.house()
    organization = cast.client("Mercy General", archive="hosted")
    cast.rule(organization, 7)
    return organization


@pytest.fixture
def archive(mercy):
    archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 6)])
    sweep.sweep(at=SEALED)
    archiving.archive_due(at=SEALED)
    return Archive.objects.get()


@pytest.mark.parametrize("check", [one for one in checks.CHECKS if one.code not in ELSEWHERE], ids=lambda check: check.code)
def test_what_the_services_did_keeps_every_promise(check, archive):
    looked = check.run(SEALED)
    assert (looked.violations, looked.rows > 0) == ((), True)


def test_a_manifest_that_was_changed_is_named(archive):
    plant("UPDATE retention_archive SET manifest = jsonb_set(manifest, '{manifest,counts,messages}', '4')")
    assert [v.object for v in checks.every_archive_has_what_was_sealed(SEALED).violations] == [archive.reference]


def test_a_part_that_was_never_proven_is_named(archive):
    plant("UPDATE retention_archivepart SET state = 'delivered'")
    assert [v.object for v in checks.every_archive_has_what_was_sealed(SEALED).violations] == [archive.reference]


def test_a_seal_that_the_manifest_does_not_have_is_named(archive):
    plant("UPDATE retention_segment SET messages = 6")
    assert [v.object for v in checks.every_archive_has_what_was_sealed(SEALED).violations] == [archive.reference]


def test_a_hosted_file_that_is_gone_or_changed_is_named(archive):
    path = archived.folder_of(archive) / "part-00001.jsonl.zst.age"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    assert [v.why for v in checks.hosted_files_are_what_was_signed(SEALED).violations] == ["part-00001.jsonl.zst.age is not what was signed"]
    path.unlink()
    assert [v.why for v in checks.hosted_files_are_what_was_signed(SEALED).violations] == ["part-00001.jsonl.zst.age is not there"]


def test_what_was_destroyed_though_its_archive_never_had_it_is_named(archive):
    sweep.sweep(at=MORNING_AFTER)
    assert Cohort.objects.get().state == CohortState.DESTROYED
    assert promises.nothing_owed_is_destroyed(MORNING_AFTER).violations == ()
    plant("UPDATE retention_archive SET state = 'open'")
    assert [v.object for v in promises.nothing_owed_is_destroyed(MORNING_AFTER).violations] == [Cohort.objects.get().reference]


def test_who_is_owed_both_archives_is_not_served_by_one(archive, mercy):
    sweep.sweep(at=MORNING_AFTER)
    plant("UPDATE accounts_historicalorganization SET archive_entitlement = 'both'")
    assert [v.object for v in promises.nothing_owed_is_destroyed(MORNING_AFTER).violations] == [Cohort.objects.get().reference]


def test_messages_that_wait_for_over_two_days_are_named_and_the_lag_says_why(mercy):
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 6)])
    assert checks.archives_do_not_lag(NOON + DAY).violations == ()
    found = checks.archives_do_not_lag(NOON + 3 * DAY)
    assert [(v.object, v.why) for v in found.violations] == [
        (Cohort.objects.get().reference, "has messages of 2026-03-08 that its archive (hosted) does not have")
    ]
    (lagging,) = lag.lags(at=NOON + 3 * DAY)
    assert (lagging.kind, lagging.segments, lagging.why, lagging.is_late(NOON + 3 * DAY)) == ("hosted", 1, "no place is in use", True)
    archived.hosted(mercy)
    archiving.archive_due(at=NOON + 3 * DAY)
    assert checks.archives_do_not_lag(NOON + 5 * DAY).violations == ()
    (lagging,) = lag.lags(at=NOON + 5 * DAY)
    assert (lagging.segments, lagging.since, lagging.is_late(NOON + 5 * DAY)) == (0, None, False)


def test_a_key_or_a_copy_of_what_is_on_a_clients_own_server_is_named(home, https, settings):  # noqa: F811 - a fixture
    settings.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES, settings.ARCHIVE_PORTS = ["127.0.0.1"], None
    cast.house()
    northgate = cast.client("Northgate", archive="own_server")
    cast.rule(northgate, 7)
    archived.own_server(northgate, https, identity=archived.new_identity())
    cast.hand_over(northgate, [cast.message(1)])
    archiving.archive_due(at=NOON + DAY)
    archive = Archive.objects.get()
    looked = checks.what_is_the_clients_is_nowhere_here(NOON + DAY)
    assert (looked.rows, looked.violations) == (1, ())
    (home / "spool" / f"{archive.reference}_00001").write_bytes(b"left behind")
    keystore().ensure(f"archive/{archive.reference}")
    (home / "keystore" / "archive" / archive.reference).unlink()
    assert sorted(v.why for v in checks.what_is_the_clients_is_nowhere_here(NOON + DAY).violations) == [
        f"lies on a client's own server, and its secret archive/{archive.reference} in copy 2 of our keystore",
        "part 1 is proven at the client's server and still lies here",
    ]


def test_a_place_in_another_country_that_nobody_approved_is_named(archive):
    plant("UPDATE retention_archivetarget SET country = 'CA', country_reason = 'written in by hand'")
    assert [v.object for v in checks.every_place_is_in_the_united_states(SEALED).violations] == [archive.target.reference]


def test_a_place_in_another_country_without_its_reason_is_named(mercy):
    archived.hosted(mercy, country="CA", country_reason="Law of Quebec")
    assert checks.every_place_is_in_the_united_states(NOON).violations == ()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE retention_archivetarget DROP CONSTRAINT another_country_has_its_reason")
    try:
        plant("UPDATE retention_archivetarget SET country_reason = ''")
        assert len(checks.every_place_is_in_the_united_states(NOON).violations) == 1
    finally:
        plant("UPDATE retention_archivetarget SET country = 'US'")
        with connection.cursor() as cursor:
            cursor.execute(
                "ALTER TABLE retention_archivetarget ADD CONSTRAINT another_country_has_its_reason CHECK (country = 'US' OR country_reason <> '')"
            )


def test_an_archive_that_was_closed_after_the_backup_is_taken_over_when_the_journal_is_replayed(archive, mercy):
    journal.write_owed()
    (line,) = [line for line in journal.read() if line.kind == "archive.closed"]
    before = {field: getattr(archive, field) for field in ("reference", "messages", "bytes", "keep_until", "manifest")}
    ArchivePart.objects.all().delete()
    archive.delete()
    plant("UPDATE retention_segment SET archived_at = NULL, sealed_at = NULL, messages = NULL, bytes = NULL, merkle_root = NULL")
    plant("UPDATE retention_cohort SET state = 'open', archived_at = NULL, sealed_at = NULL")
    for _twice in range(2):
        with archiving.transaction.atomic():
            replay.archive_closed(line, at=SEALED + DAY)
    archive = Archive.objects.select_related("cohort__organization", "target").get()
    assert {field: getattr(archive, field) for field in before} == before
    assert (archive.state, Cohort.objects.get().state) == (ArchiveState.CLOSED, CohortState.ARCHIVED)
    assert Segment.objects.get().archived_at == SEALED + DAY
    assert archived.verified(archive).flaws == []
    assert Event.objects.filter(verb="archive.taken_over").count() == 1
    ada = cast.ada(mercy)
    assert readings.holding(archive, ada) == list(archive.parts.values_list("pk", flat=True))
    assert ends.is_held(archive, SEALED) is False
    sweep.sweep(at=NOON + 8 * DAY)
    assert Cohort.objects.get().state == CohortState.DESTROYED
    assert archive.keep_until == date(2032, 3, 14)
