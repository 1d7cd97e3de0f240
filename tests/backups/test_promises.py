"""Each check of P22 and P19 on backups finds its violation, planted by raw SQL, and names it."""

import pytest
from django.db import connection

from apps.backups import promises
from apps.backups.models import Backup, Drill, Restore
from apps.backups.services import register
from apps.backups.states import Outcome

from .conftest import CRON, DAY, NOON, enter

ALL = [check.run for check in promises.CHECKS]
LATER = NOON + 10 * DAY


def found(check, at=LATER):
    return {(violation.object, violation.why) for violation in check(at).violations}


def drill(*, at, outcome=Outcome.WELL, ended=True):
    return Drill.objects.create(started_at=at, ended_at=at if ended else None, by="system:x", outcome=outcome if ended else Outcome.RUNNING)


@pytest.fixture
def sound(open_journal, told):
    """A kept backup, a destroyed one, a replayed restore, a drill, a journal in step."""
    told("destruction.done", "DES-1", day="2026-03-01")
    backup = enter()
    register.destroyed(backup=enter(place="tape:1"), by=CRON, at=NOON + DAY)
    Restore.objects.create(found_at=NOON, first_missing=1, entries=1, since=NOON, replayed_at=NOON)
    drill(at=NOON)
    return backup


@pytest.mark.parametrize("check", ALL)
def test_an_empty_database_gives_nothing_to_check(db, home, check):
    assert (check(NOON).rows, check(NOON).violations) == (0, ())


@pytest.mark.parametrize("check", ALL)
def test_a_sound_register_breaks_nothing_and_was_looked_at(sound, check):
    looked = check(LATER)
    assert (looked.violations, looked.rows > 0) == ((), True)


def test_a_backup_past_its_day_is_found_until_it_is_destroyed(sound):
    overdue = NOON + 36 * DAY
    assert found(promises.no_backup_outlives_its_day, NOON + 35 * DAY) == set()
    assert found(promises.no_backup_outlives_its_day, overdue) == {
        (sound.reference, "was to be destroyed by 2026-04-12 and nobody said that it was")
    }
    register.destroyed(backup=sound, by=CRON, at=overdue)
    assert found(promises.no_backup_outlives_its_day, overdue) == set()


def test_a_day_put_back_by_hand_is_found(sound, by_force):
    by_force("UPDATE backups_backup SET kept_until = '2026-03-10' WHERE id = %s", [sound.pk])
    by_force("UPDATE backups_backup SET destroyed_at = NULL, destroyed_by = '', kept_until = '2026-03-09' WHERE id <> %s", [sound.pk])
    assert {why for _object, why in found(promises.no_backup_outlives_its_day)} == {
        "was to be destroyed by 2026-03-10 and nobody said that it was",
        "was to be destroyed by 2026-03-09 and nobody said that it was",
    }


def test_a_backup_with_the_keys_is_found(sound, by_force):
    by_force("UPDATE backups_backup SET holds_keystore = true WHERE id = %s", [sound.pk])
    assert found(promises.no_backup_outlives_its_day) == {
        (sound.reference, "holds the keystore, so that what is destroyed can be had back from it")
    }


def test_a_restore_that_was_not_replayed_is_found(sound, by_force):
    by_force(
        "INSERT INTO backups_restore (reference, found_at, first_missing, entries, since, found, replayed)"
        " VALUES ('RST-PLANTED', now(), 7, 3, now(), '{}', '{}')"
    )
    assert found(promises.every_restore_was_replayed) == {("RST-PLANTED", "3 entries from 7 on are not replayed")}


def test_an_entry_that_only_the_journal_knows_is_found(sound, told, by_force):
    told("destruction.done", "DES-2", day="2026-03-02")
    by_force("DELETE FROM audit_journalentry WHERE about = 'DES-2'")
    assert found(promises.every_restore_was_replayed) == {("journal entry 2", "the database does not know it: it was restored")}


def test_a_drill_that_never_ended_is_found(sound, by_force):
    left = drill(at=LATER - DAY, ended=False)
    assert found(promises.restores_are_drilled) == {
        (left.reference, "began on 2026-03-17 and never ended: its copy may still lie about")
    }


def test_a_last_drill_that_found_something_is_found(sound):
    bad = drill(at=NOON + DAY, outcome=Outcome.FOUND)
    assert found(promises.restores_are_drilled) == {(bad.reference, "the last drill found something that a restore would bring back")}
    drill(at=NOON + 2 * DAY)
    assert found(promises.restores_are_drilled) == set()


def test_who_keeps_backups_and_does_not_drill_is_found(sound):
    much_later = NOON + 93 * DAY
    assert found(promises.restores_are_drilled, much_later) == {
        (sound.reference, "is older than 92 days and no restore was drilled since")
    }
    drill(at=much_later - DAY, outcome=Outcome.FAILED)
    assert len(found(promises.restores_are_drilled, much_later)) == 1
    drill(at=much_later - DAY)
    assert found(promises.restores_are_drilled, much_later) == set()


def test_a_backup_abroad_without_a_reason_is_found(sound):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE backups_backup DROP CONSTRAINT a_backup_in_another_country_has_its_reason")
        cursor.execute("ALTER TABLE backups_backup DISABLE TRIGGER USER")
        cursor.execute("UPDATE backups_backup SET country = 'DE', country_reason = ' ' WHERE id = %s", [sound.pk])
        cursor.execute("ALTER TABLE backups_backup ENABLE TRIGGER USER")
        try:
            assert found(promises.no_backup_lies_abroad_without_reason) == {(sound.reference, "lies in DE without a reason")}
        finally:
            cursor.execute("ALTER TABLE backups_backup DISABLE TRIGGER USER")
            cursor.execute("UPDATE backups_backup SET country = 'US'")
            cursor.execute("ALTER TABLE backups_backup ENABLE TRIGGER USER")
            constraint = next(one for one in Backup._meta.constraints if one.name == "a_backup_in_another_country_has_its_reason")
            with connection.schema_editor() as editor:
                editor.add_constraint(Backup, constraint)


def test_a_backup_abroad_with_its_reason_is_in_order(sound):
    enter(country="DE", country_reason="the clinic in Munich asked for it", place="s3://munich.example/x")
    assert found(promises.no_backup_lies_abroad_without_reason) == set()
