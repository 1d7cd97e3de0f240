"""`manage.py destroy_dry_run`: what a sweep would destroy and keep now, or at another moment. Changes nothing."""

import json
from datetime import UTC, datetime

from django.core.management.base import BaseCommand, CommandError

from apps.foundation import clock
from apps.retention.services import dry_run


class Command(BaseCommand):
    help = "Say what a sweep would destroy and keep aside, by cohort and reason, and change nothing. Exits with 1 where something stops it."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--at", help="another moment than now, e.g. 2026-12-01T00:00:00Z")
        parser.add_argument("--json", action="store_true", dest="as_json", help="for machines")

    def handle(self, *, at: str | None, as_json: bool, **_options) -> None:
        moment = clock.now() if at is None else self._moment(at)
        found = dry_run.look(at=moment, present=at is None)
        if as_json:
            self.stdout.write(json.dumps(found.as_dict(), indent=2))
        else:
            self._tell(found)
        if found.blocked or found.stopped:
            raise SystemExit(1)

    def _moment(self, text: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise CommandError("Write the moment like 2026-12-01T00:00:00Z.") from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _tell(self, found: dry_run.DryRun) -> None:
        for why in found.blocked:
            self.stdout.write(f"Nothing would be destroyed. {why}")
        for line in found.lines:
            kept = "".join(f", {count:,} kept: {ground}" for ground, count in line.kept.items())
            named = f" ({', '.join(line.because)})" if line.because else ""
            self.stdout.write(f"{line.ended_on} {line.cohort} {line.organization} {line.scope}: {line.destroyed:,} destroyed{kept}{named}")
        for one in found.stopped:
            self.stdout.write(f"{one.day} {one.scope}: stopped. {one.why}")
        kept = found.kept.total()
        self.stdout.write(f"{found.destroyed:,} messages would be destroyed, {kept:,} kept aside. Nothing was changed.")
