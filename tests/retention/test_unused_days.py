"""The secret that a rolled-back ingest leaves: the next ingest of its day takes it up, or it goes once the day is over."""

from contextlib import suppress
from datetime import date, timedelta

import pytest
from django.db import connection, transaction

from apps.assurance.fsck.examination import examine
from apps.audit.services import journal
from apps.foundation.keys import keystore
from apps.retention import tasks
from apps.retention.models import Certificate, ClockDoubt, Cohort, Destruction, Message
from apps.retention.services import dry_run, sweep, unused_days
from apps.retention.states import DestructionState
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")

EXPIRY = date(2026, 3, 16)
SECRET = f"day/{EXPIRY}"
ITS_DAY = NOON + 8 * DAY
NIGHT_AFTER = ITS_DAY.replace(hour=3, minute=45) + DAY


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660  # days pass between two lines of a test


class Undone(Exception):
    """What an ingest ends with that is rolled back."""


@pytest.fixture
def clinic():
    """A client whose first ingest was rolled back after the secret of its day was made."""
    clinic = cast.hill_clinic()
    with suppress(Undone), transaction.atomic():
        cast.hand_over(clinic, [cast.message(1)])
        raise Undone
    assert (Cohort.objects.count(), keystore().exists(SECRET)) == (0, True)
    return clinic


def findings(home, at) -> list:
    journal.write_owed()
    return [finding for found in examine(at=at, folder=home, most=None).findings.values() for finding in found]


def test_the_next_ingest_of_that_day_takes_it_up(clinic, home):
    secret = keystore().get(SECRET)
    assert findings(home, NOON) == []
    assert unused_days.open_due(at=NOON) == []
    cast.hand_over(clinic, [cast.message(1)], key="again")
    assert (keystore().get(SECRET), Cohort.objects.get().expiry_on) == (secret, EXPIRY)
    assert findings(home, NOON) == []


def test_it_goes_when_its_day_is_over_with_its_lines_in_the_journal_and_without_a_certificate(clinic, home):
    assert unused_days.open_due(at=ITS_DAY) == []
    assert findings(home, NIGHT_AFTER) == []
    assert unused_days.open_due(at=NIGHT_AFTER) == [EXPIRY]
    assert unused_days.open_due(at=NIGHT_AFTER) == []
    assert (dry_run.look(at=NIGHT_AFTER).lines, dry_run.look(at=NIGHT_AFTER).stopped) == ([], [])
    work = Destruction.objects.get()
    assert sweep.sweep(at=NIGHT_AFTER).destroyed == [work.reference]
    work.refresh_from_db()
    assert (work.state, work.day, keystore().was_destroyed(SECRET)) == (DestructionState.DONE, EXPIRY, True)
    told = [(line.kind, line.body) for line in journal.read() if line.about == work.reference]
    assert told == [
        ("destruction.intended", {"scope": "day", "secret": SECRET, "day": "2026-03-16", "cohorts": []}),
        ("destruction.done", {"day": "2026-03-16", "certificates": []}),
    ]
    assert Certificate.objects.count() == 0
    assert unused_days.open_due(at=NIGHT_AFTER + DAY) == []
    assert findings(home, NIGHT_AFTER + 5 * DAY) == []


def test_one_that_lies_there_for_days_after_is_found_by_the_examiner(clinic, home):
    (found,) = findings(home, NIGHT_AFTER + DAY)
    assert (found.object, found.why) == (f"secret {SECRET}", "It belongs to nothing.")


def test_the_secret_of_a_day_that_has_a_cohort_is_left_alone(clinic):
    cast.hand_over(clinic, [cast.message(1)], key="again")
    assert unused_days.open_due(at=NIGHT_AFTER) == []
    assert Destruction.objects.count() == 0


def test_the_secret_of_a_day_that_has_rows_is_left_alone_though_their_cohort_is_lost(clinic):
    cast.hand_over(clinic, [cast.message(1)], key="again")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM retention_cohort")
        cursor.execute("SET session_replication_role = origin")
    assert Message.objects.on_days([EXPIRY]).count() == 1
    assert unused_days.open_due(at=NIGHT_AFTER) == []


def test_a_clock_that_jumped_closes_no_day_that_has_not_come(clinic, settings):
    assert sweep.sweep(at=NOON).destroyed == []
    settings.CLOCK_JUMP_HOURS = 26
    assert unused_days.open_due(at=NOON + 400 * DAY) == []
    assert (ClockDoubt.objects.count(), Destruction.objects.count()) == (1, 0)


def test_nothing_is_opened_while_journal_and_database_are_out_of_step(clinic, home):
    (home / "journal" / "journal.ndjson").unlink()
    assert unused_days.open_due(at=NIGHT_AFTER) == []
    assert Destruction.objects.count() == 0


def test_files_that_name_no_day_are_no_days(clinic):
    keystore().ensure("day/2026-02-30")
    assert unused_days.open_due(at=NIGHT_AFTER + timedelta(hours=1)) == [EXPIRY]


def test_the_night_takes_it(clinic):
    tasks.open_unused_days()
    tasks.sweep_now()
    assert keystore().was_destroyed(SECRET)
