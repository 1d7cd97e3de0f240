"""Registers a backup that was just made; for the job that makes it, right after `pg_dump`.

    pg_dump … > nightly.dump && manage.py register_backup --holds database --digest-of nightly.dump \\
        --place s3://backups.example/nightly/2026-11-24 --kept-days 35 --method lifecycle

Prints the reference. The same dump at the same place is registered once, however often this runs.
"""

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from apps.audit.services import journal
from apps.backups.services import register
from apps.backups.states import Method
from apps.foundation import clock
from apps.foundation.actors import Actor
from apps.foundation.clock import day_of
from apps.foundation.refusals import Refusal

COMMAND_LINE = Actor("system", "command-line")


def moment(text: str) -> datetime:
    """A moment as ISO 8601; without an offset it is UTC."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = "Register a backup with the day on which it is destroyed at the latest. Prints its reference."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--holds", action="append", required=True, choices=register.PARTS, help="may be repeated")
        parser.add_argument("--place", required=True, help="where it lies, e.g. s3://backups.example/nightly")
        parser.add_argument("--country", default="US", help="two letters (default US)")
        parser.add_argument("--country-reason", default="", help="why it lies outside the United States")
        life = parser.add_mutually_exclusive_group(required=True)
        life.add_argument("--kept-until", type=date.fromisoformat, metavar="YYYY-MM-DD")
        life.add_argument("--kept-days", type=int, metavar="DAYS", help="counted from when it was made")
        parser.add_argument("--method", required=True, choices=Method.values, help="how it is destroyed then")
        parser.add_argument("--made-at", type=moment, help="ISO 8601, UTC (default: now)")
        digest = parser.add_mutually_exclusive_group()
        digest.add_argument("--digest-of", type=Path, metavar="FILE", help="the dump, to note its SHA-256")
        digest.add_argument("--sha256", default="", help="of the dump, as sha256sum prints it")

    def handle(self, *, digest_of, sha256, made_at, kept_until, kept_days, **options) -> None:
        at = clock.now()
        made_at = made_at or at
        try:
            backup = register.register(
                holds=options["holds"], place=options["place"], country=options["country"], country_reason=options["country_reason"],
                method=options["method"], made_at=made_at, kept_until=kept_until or day_of(made_at) + timedelta(days=kept_days),
                sha256=_digest(digest_of) if digest_of else register.as_digest(sha256), by=COMMAND_LINE, at=at,
            )  # fmt: skip
            journal.write_owed()
        except Refusal as refusal:
            raise CommandError(f"{refusal.what} {refusal.mend}") from refusal
        except OSError as error:
            raise CommandError(f"The dump can't be read: {error.strerror}. Check its path and rights.") from error
        self.stdout.write(backup.reference)


def _digest(file: Path) -> bytes:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()
