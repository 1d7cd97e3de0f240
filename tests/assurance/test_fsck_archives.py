"""The examiner on archives: what lies at their place, what their manifests say, and what is left of those that ended."""

import shutil
from datetime import timedelta

import pytest
from django.db import connection, transaction

from apps.assurance.fsck.examination import examine
from apps.audit.services import journal
from apps.foundation.keys import keystore
from apps.retention.models import Archive
from apps.retention.services import archiving, sweep
from tests import cast
from tests.cast import DAY, NOON
from tests.retention import archived

LATER = NOON + 38 * DAY
YEARS = 24 * 3660


def closed() -> Archive:
    return Archive.objects.get(state="closed")


def ended() -> Archive:
    return Archive.objects.get(state="destroyed")


def sql(query: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(query, values or None)
        assert cursor.rowcount, "nothing was planted"
        cursor.execute("SET session_replication_role = origin")


def part_of(home, archive: Archive):
    return home / "archives" / archive.parts.get().name


def a_part_is_missing(home):
    part_of(home, closed()).unlink()
    return closed(), "part-00001.jsonl.zst.age is not at its place."


def a_byte_of_a_part_was_flipped(home):
    content = bytearray(part_of(home, closed()).read_bytes())
    content[-1] ^= 1
    part_of(home, closed()).write_bytes(content)
    return closed(), "part-00001.jsonl.zst.age is not what was delivered."


def the_manifest_is_missing(home):
    part_of(home, closed()).with_name("manifest.json").unlink()
    return closed(), "manifest.json is not at its place."


def the_manifest_was_changed(home):
    sql("UPDATE retention_archive SET manifest = jsonb_set(manifest, '{manifest,counts,messages}', '1') WHERE state = 'closed'")
    return closed(), "Its manifest is not signed by this installation as it stands."


def the_manifest_names_other_parts(home):
    sql("UPDATE retention_archivepart SET lines = 2 WHERE archive_id = %s", closed().pk)
    return closed(), "Its manifest names other parts than were delivered."


def the_archive_has_less_than_was_sealed(home):
    sql("UPDATE retention_archivepart SET lines = 2 WHERE archive_id = %s", closed().pk)
    return closed(), "It has 2 lines for 3 messages."


def a_part_was_never_proven(home):
    sql("UPDATE retention_archivepart SET state = 'delivered' WHERE archive_id = %s", closed().pk)
    return closed(), "It is closed, and a part of it was not proven at its place."


def the_seal_is_another(home):
    sql("UPDATE retention_segment SET merkle_root = %s WHERE cohort_id = %s", bytes(32), closed().cohort_id)
    return closed(), "Its manifest names another seal than its segment has."


def nobody_can_open_it(home):
    archive = closed()
    keystore().destroy(f"archive/{archive.reference}")
    return archive, f"Nobody can open it: its secret archive/{archive.reference} is not in the keystore."


def a_part_of_a_destroyed_archive_lies_at_its_place(home):
    path = part_of(home, ended())
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    return ended(), "It is destroyed, and its part 1 lies at its place."


def a_destroyed_archive_can_be_searched(home):
    sql("UPDATE retention_archivepart SET tags = ARRAY[''::bytea] WHERE archive_id = %s", ended().pk)
    return ended(), "It is destroyed, and can still be searched by who is in it."


def nothing_says_that_it_was_destroyed(home):
    sql("UPDATE retention_destruction SET state = 'shredded', truncated_at = NULL, done_at = NULL WHERE archive_id = %s", ended().pk)
    return ended(), "It is destroyed, and no destruction says so."


VIOLATIONS = (
    a_part_is_missing, a_byte_of_a_part_was_flipped, the_manifest_is_missing, the_manifest_was_changed, the_manifest_names_other_parts,
    the_archive_has_less_than_was_sealed, a_part_was_never_proven, the_seal_is_another, nobody_can_open_it,
    a_part_of_a_destroyed_archive_lies_at_its_place, a_destroyed_archive_can_be_searched, nothing_says_that_it_was_destroyed,
)  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_what_must_not_be_of_an_archive_is_found_and_named(settings, tmp_path):
    settings.COVENANT_HOME = home = tmp_path / "whole"
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES, settings.CLOCK_JUMP_HOURS = 60 * YEARS, YEARS  # days pass between two lines
    cast.house()
    mercy = cast.client("Mercy General", archive="hosted")
    cast.rule(mercy, 7)
    archived.hosted(mercy, keep_days=30)
    for days in (0, 3):
        at = NOON + days * DAY
        cast.hand_over(mercy, [cast.message(n, at=at) for n in range(1, 4)], at=at, key=f"b{days}")
    for days in (6, 9, 11, 37):
        sweep.sweep(at=NOON + days * DAY)
        archiving.archive_due(at=NOON + days * DAY)
    journal.write_owed()
    whole = examine(at=LATER, folder=home)
    assert [finding for findings in whole.findings.values() for finding in findings] == []
    assert {name: whole.looked_at[name] for name in ("archives", "archive files", "segments archived")} == {
        "archives": 2, "archive files": 2, "segments archived": 2,
    }  # fmt: skip
    missed = []
    for violation in VIOLATIONS:
        copy = tmp_path / violation.__name__
        shutil.copytree(home, copy)
        settings.COVENANT_HOME = copy
        with transaction.atomic():
            archive, why = violation(copy)
            found = [(finding.object, finding.why) for finding in examine(at=LATER + timedelta(hours=1), folder=copy).findings["archives"]]
            transaction.set_rollback(True)
        if (archive.reference, why) not in found:
            missed.append((violation.__name__, found))
    assert missed == []
