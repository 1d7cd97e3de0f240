"""Notes that a backup was destroyed; for the job that removes old ones. Twice is once."""

from django.core.management.base import BaseCommand, CommandError

from apps.audit.services import journal
from apps.backups.management.commands.register_backup import COMMAND_LINE, moment
from apps.backups.services import register
from apps.foundation import clock
from apps.foundation.refusals import Refusal


class Command(BaseCommand):
    help = "Note that backups were destroyed, now or at --at."

    def add_arguments(self, parser) -> None:
        parser.add_argument("reference", nargs="+", metavar="BKP-…")
        parser.add_argument("--at", type=moment, dest="when", help="ISO 8601, UTC (default: now)")

    def handle(self, *, reference: list[str], when, **_options) -> None:
        try:
            for name in reference:
                backup = register.destroyed(backup=register.by_reference(name), when=when, by=COMMAND_LINE, at=clock.now())
                self.stdout.write(f"{backup.reference} destroyed at {backup.destroyed_at:%Y-%m-%d %H:%M} UTC")
            journal.write_owed()
        except Refusal as refusal:
            raise CommandError(f"{refusal.what} {refusal.mend}") from refusal
