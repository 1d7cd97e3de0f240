"""A past to come back from: a backup of March, what was done since, and a second database that is really restored from a dump.

The dump is pg_dump's, the restored database lies on the same server, and whatever a host does with it is a process of its own.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from django.conf import settings as live_settings
from django.db import connection

from apps.audit.models import JournalEntry
from apps.audit.services import heartbeat, journal
from apps.backups.services import register
from apps.foundation.actors import SYSTEM
from apps.holds.services import matters, placing, releasing
from apps.retention.models import Certificate, Cohort, Destruction
from apps.retention.services import early, leaves, sweep
from apps.staff.roles import Role
from config.embedded.postgres import client_programs
from tests import cast
from tests.architecture.sources import CHECKOUT

OLD = (cast.NOON, cast.NOON + cast.DAY)  # two days of messages whose life is over
LIVING = 40


def server(database: str | None = None) -> dict[str, str]:
    known = connection.settings_dict
    return {"host": known["HOST"], "user": known["USER"], "password": known["PASSWORD"], "dbname": database or known["NAME"]}


def program(name: str, *arguments: str, database: str | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        folder = client_programs(int(cursor.fetchone()[0]) // 10_000)
    parts = server(database)
    target = f"host={parts['host']} user={parts['user']} dbname={parts['dbname']}"
    subprocess.run(
        [folder / name, "--no-password", f"--dbname={target}", *arguments], env=os.environ | {"PGPASSWORD": parts["password"]}, check=True
    )


class Restored:
    """A database that was put back from a dump, on this home, and what hosts do with it."""

    def __init__(self, name: str):
        self.name = name

    def rows(self, query: str, *values: object) -> list[tuple]:
        with psycopg.connect(**server(self.name)) as line:
            return line.execute(query, values).fetchall()

    def one(self, query: str, *values: object) -> object:
        return self.rows(query, *values)[0][0]

    def host(self, *command: str) -> subprocess.CompletedProcess:
        environment = os.environ | {
            "DATABASE_URL": os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + self.name,
            "COVENANT_HOME": str(live_settings.COVENANT_HOME), "DJANGO_SETTINGS_MODULE": "config.settings",
        }  # fmt: skip
        return subprocess.run([sys.executable, *command], cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=180, check=False)

    def does(self, *verb: str) -> str:
        done = self.host("-m", "tests.faults.restored", *verb)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def manage(self, *command: str) -> str:
        done = self.host("manage.py", *command)
        assert done.returncode == 0, done.stderr
        return done.stdout


def make_past(tmp_path: Path) -> dict:
    """A backup was made in March; since then two days were destroyed, holds placed and released, a message deleted early."""
    now = datetime.now(UTC)
    cast.house()
    clinic = cast.hill_clinic(7)
    northgate = cast.client("Northgate")
    cast.rule(northgate, LIVING, at=now - timedelta(days=30))
    leaves.make_leaves(at=now)
    counsel = cast.staff("ezra", Role.COUNSEL)
    for number, at in enumerate(OLD):
        cast.hand_over(clinic, [cast.message(n, at=at) for n in range(1, 6)], at=at, key=f"old{number}")
    cast.hand_over(northgate, [cast.message(n, at=now - cast.DAY) for n in range(1, 6)], at=now, key="living")
    heartbeat.beat("sweep", at=OLD[1])
    journal.write_owed()
    dump = tmp_path / "march.dump"
    program("pg_dump", "--format=custom", f"--file={dump}")
    heartbeat.beat("sweep", at=now)

    matter = matters.open_matter(title="Case 26-114", reason="Preservation letter", by=counsel, at=now)
    kept = placing.place(matter=matter, organization=northgate, reason="asked by the court", by=counsel, at=now)
    released = placing.place(matter=matter, organization=northgate, sent_until=cast.NOON.date(), reason="asked too much", by=counsel, at=now)
    releasing.ask_release(hold=released, reason="the court said so", by=counsel, at=now)
    releasing.approve_release(hold=released, by=cast.cleo(), at=now)
    living = Cohort.objects.get(organization=northgate)
    gone = early.delete_by_source(
        organization=northgate, day=living.expiry_on, source="product", message_id="m3", reason="recalled", by=cast.bo().actor, at=now
    )
    backup = register.register(
        holds=["database"], made_at=now, place="s3://backups.example/march", kept_until=(now + 30 * cast.DAY).date(), method="removed",
        by=SYSTEM, at=now,
    )  # fmt: skip
    sweep.sweep(at=now)
    journal.write_owed()
    days = sorted(Cohort.objects.filter(organization=clinic).values_list("expiry_on", flat=True))
    assert list(Cohort.objects.filter(organization=clinic).values_list("state", flat=True)) == ["destroyed"] * 2
    assert journal.status().in_step
    return {
        "dump": dump, "days": days, "kept": kept.reference, "released": released.reference, "gone": gone.reference, "backup": backup.reference,
        "living": living.expiry_on, "certificates": sorted(Certificate.objects.values_list("number", flat=True)),
        "works": dict(Destruction.objects.values_list("day", "reference")), "entries": JournalEntry.objects.count(),
    }  # fmt: skip
