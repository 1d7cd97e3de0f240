"""`manage.py drill_restore`: the whole exercise of a restore on a copy, reported in plain words or as JSON.

Takes a fresh dump of the live database (or --dump FILE, e.g. last month's backup), restores it into a scratch database on
the same server (or --database-url), copies keystore and journal, and runs guard, replay and sweep there in a process of
its own. The live system goes on meanwhile and is not touched. Ends with 1 where something would come back.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import environ
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from apps.backups.copies.databases import Programs, Server
from apps.backups.models import Drill
from apps.backups.services import drilling
from apps.foundation import clock
from apps.foundation.actors import Actor
from apps.foundation.keys import keystore
from apps.foundation.refusals import Refusal
from config import drill
from config.embedded import processes
from config.embedded.home import Home
from config.embedded.postgres import client_programs
from config.embedded.trouble import Trouble

COMMAND_LINE = Actor("system", "command-line")
#: the exercise in its own process knows the copy and no broker, cache or other database
FOREIGN = ("DATABASE_URL", "REDIS_URL", "CACHE_URL", "COVENANT_HOME", "DATABASE_POOL", "KEYSTORE_DIRECTORIES", "KEYSTORE_MASTER_KEY_FILE")


class ExerciseFailed(Refusal):
    """The exercise on the copy ended by itself."""

    code = "exercise_failed"
    mend = "Read what it said; the copy was removed."


class Command(BaseCommand):
    help = "Try a restore on a copy: what would come back, and does the replay destroy it again? The live system is not touched."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--dump", type=Path, metavar="FILE", help="a dump made earlier, plain (also .gz, .zst) or custom; else one is made")
        parser.add_argument("--database-url", metavar="URL", help="an empty database to restore into; else one is made on the same server")
        parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
        parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)

    def handle(self, *, dump: Path | None, database_url: str | None, json: bool, inside: bool, **_options) -> None:
        if inside:
            self.stdout.write(_exercise_here())
            return
        try:
            done = drilling.drill(
                live=_live(), exercise=_Exercise(), by=COMMAND_LINE, at=clock.now(), dump=dump,
                dump_sha256=_digest(dump) if dump else None,
                given=Server.of(environ.Env.db_url_config(database_url)) if database_url else None,
            )  # fmt: skip
        except (Refusal, Trouble) as refusal:
            raise CommandError(f"{refusal.what} {refusal.mend}") from refusal
        except OSError as error:
            raise CommandError(f"The dump can't be read: {error.strerror}. Check its path and rights.") from error
        self.stdout.write(_as_json(done) if json else _in_words(done))
        if done.report["findings"]:
            sys.exit(1)


# Outside


def _live() -> drilling.Live:
    database = Server.of(connection.settings_dict)
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        major = int(cursor.fetchone()[0]) // 10_000
    return drilling.Live(
        database=database, home=Path(settings.COVENANT_HOME), store=keystore(), programs=Programs(client_programs(major)),
        superuser=_embedded_superuser(database),
    )  # fmt: skip


def _embedded_superuser(database: Server) -> Server | None:
    """The database that comes with the checkout has a superuser whose password lies beside it; others' we don't know."""
    home = Home(settings.COVENANT_HOME)
    with suppress(OSError, ValueError, KeyError, Trouble):
        password = json.loads(home.passwords.read_text())["postgres"]
        if str(database.parts.get("host")) == str(home.sockets):
            return Server({**database.parts, "user": "postgres", "password": password, "dbname": "postgres"})
    return None


class _Exercise:
    """Starts the exercise on a copy; should we be killed, it ends with us."""

    def __call__(self, scratch: Server, copy: Path) -> dict[str, Any]:
        given = json.dumps({"live_home": str(settings.COVENANT_HOME), "known": drill.violations(clock.now())})
        program = processes.spawn(
            [sys.executable, "manage.py", "drill_restore", "--inside", "--skip-checks"],
            cwd=settings.BASE_DIR, env=_environment(scratch, copy), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            said, errors = program.communicate(given)
        finally:
            processes.kill_group(program)
            program.wait()
        if program.returncode != 0:
            raise ExerciseFailed(f"The exercise on the copy failed: {(errors.strip().splitlines() or ['it said nothing'])[-1][:400]}")
        return json.loads(said)


def _environment(scratch: Server, copy: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return kept | {"COVENANT_HOME": str(copy), "DATABASE_URL": _url(scratch), "DJANGO_SETTINGS_MODULE": "config.settings"}


def _url(server: Server) -> str:
    parts = dict(server.parts)
    user, password = quote(str(parts.pop("user", "")), safe=""), quote(str(parts.pop("password", "")), safe="")
    host, port, name = str(parts.pop("host", "")), parts.pop("port", ""), quote(str(parts.pop("dbname")), safe="")
    place = f"/{host}" if host.startswith("/") else f"{host}:{port}" if port else host
    return f"postgres://{user}:{password}@{place}/{name}" + (f"?{urlencode(parts)}" if parts else "")


def _digest(dump: Path) -> bytes:
    with open(dump, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


# Inside


def _exercise_here() -> str:
    given = json.loads(sys.stdin.read())
    try:
        report = drill.exercise(live_home=Path(given["live_home"]), known=given["known"], at=clock.now())
    except Refusal as refusal:
        raise CommandError(f"{refusal.what} {refusal.mend}") from refusal
    return json.dumps(report)


# The report


def _as_json(done: Drill) -> str:
    return json.dumps(
        {
            "drill": done.reference, "outcome": done.outcome, "started_at": done.started_at.isoformat(),
            "ended_at": done.ended_at.isoformat(), "dump": bytes(done.dump_sha256).hex() if done.dump_sha256 else "fresh",
            **done.report,
        },
        indent=2,
    )  # fmt: skip


def _in_words(done: Drill) -> str:
    report = done.report
    looked, swept = report.get("looked_at", {}), report.get("swept", {})
    lines = [
        f"{done.reference}: a restore was tried on a copy, in {(done.ended_at - done.started_at).total_seconds():.0f} s.",
        "The copy was in step with the journal."
        if report["guard"] == "in_step"
        else f"The copy was found to be {report['guard'].replace('_', ' ')}, so the service would have stood still.",
        f"The replay repeated {sum(report['replayed'].values()):,} of {report['lacking']:,} entries that it did not know"
        + "".join(f"\n  {kind}: {count:,}" for kind, count in report["replayed"].items()),
        f"The sweep sealed {swept.get('sealed', 0):,} cohorts, hid {swept.get('expired', 0):,} and ended {swept.get('destroyed', 0):,} destructions.",
        "Looked at: " + ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in looked.items()) + ".",
        *(f"  ! {finding}" for finding in report["findings"]),
        "Something would come back, or be lost: see above." if report["findings"] else "Nothing that was destroyed came back, and every hold stands.",
        "The copy is removed.",
    ]
    return "\n".join(lines)
