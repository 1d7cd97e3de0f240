"""Destroying a day while one client's archive is dead: all of its rows step aside. Beside COPY out and in of those rows.

BENCH_DAY (default 1,000,000) messages end, of which three of ten are owed to an archive that was never delivered. COPY writes them
into a file and from there into a table with the indexes of ours, in one transaction; it decrypts, proves, encrypts, deletes, destroys
and certifies nothing.
"""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction

from apps.retention.models import AsideMessage, Certificate, Destruction
from apps.retention.services import destroy, sealing
from tests import cast
from tests.bench import filling
from tests.bench.conftest import ask, compare, size
from tests.bench.filling import leaf_of

DAY_SIZE = size("BENCH_DAY", 1_000_000)
OWED = DAY_SIZE * 3 // 10
ROUNDS = 2
FIRST = cast.NOON.date() + timedelta(days=8)


@pytest.fixture(autouse=True)
def clock_is_ours(settings):
    """Days pass between two lines of a bench."""
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660


def copy_out(path: Path, leaf: str, organization_id: int) -> None:
    with path.open("wb") as file, connection.cursor() as cursor, cursor.copy(
        "COPY (SELECT id, 1::bigint, 1::bigint, 'archive'::varchar, segment, policy_version_id, tags, proof, ciphertext, now()"
        f" FROM {leaf} WHERE organization_id = {organization_id}) TO STDOUT (FORMAT BINARY)"
    ) as copy:
        for block in copy:
            file.write(block)


def copy_in(path: Path) -> None:
    with path.open("rb") as file, connection.cursor() as cursor, cursor.copy(
        "COPY other_aside (id, cohort_id, bundle_id, ground, segment, policy_version_id, tags, proof, ciphertext, moved_at)"
        " FROM STDIN (FORMAT BINARY)"
    ) as copy:
        while block := file.read(1 << 16):
            copy.write(block)


@pytest.mark.django_db(transaction=True)
def bench_stepping_aside(home, tmp_path):
    cast.house()
    clinic, mercy = cast.hill_clinic(7), cast.client("Mercy General", archive="hosted")
    cast.rule(mercy, 7)
    days = [FIRST + timedelta(days=number) for number in range(ROUNDS)]
    for number, day in enumerate(days):
        filling.fill(clinic, day, DAY_SIZE - OWED, first=1 + number * DAY_SIZE)
        filling.fill(mercy, day, OWED, owed=True, first=1 + number * DAY_SIZE)
    filling.settle("message")
    race = compare(f"destroying a day of {DAY_SIZE:,}, of which {OWED:,} step aside")
    for day in days:
        at = cast.NOON + (day - cast.NOON.date())
        sealing.expire_due(at=at)
        ask("CREATE TABLE other_aside (LIKE retention_asidemessage INCLUDING ALL)")
        ask("CHECKPOINT")

        def copied(day=day):
            with transaction.atomic():
                copy_out(tmp_path / "rows", leaf_of(day), mercy.pk)
                copy_in(tmp_path / "rows")

        race.time("COPY out and in of those rows", copied)
        assert ask("SELECT count(*) FROM other_aside") == [(OWED,)]
        ask("DROP TABLE other_aside")
        ask("CHECKPOINT")
        race.time("ours", lambda at=at: destroy.destroy_due(at=at))
        work = Destruction.objects.get(day=day)
        assert work.state == "done", work.last_error
        assert AsideMessage.objects.filter(cohort__expiry_on=day, ground="archive").count() == OWED
        assert list(Certificate.objects.filter(cohort__expiry_on=day).values_list("messages", flat=True)) == [DAY_SIZE - OWED]
    race.ratio("ours", "COPY out and in of those rows", "at most 4 times its time")
    race.limited(
        "Each row is read, decrypted, compared with its proof, encrypted, tagged, written and deleted: about 25 microseconds of one core, and"
        " as much of the server's, which go on at once where two cores are free. Physical limit: COPY out and in, and the deletes."
    )
