"""`manage.py replay`: after the database was restored from a backup, repeats what the journal says and the database lacks.

Stop workers first if any still run. It can be killed at any moment; the next run goes on where it was. Afterwards the
service opens by itself, and the sweep destroys within a minute what is due.
"""

from collections import Counter

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Max

from apps.audit.models import Event
from apps.audit.services import journal
from apps.backups.services import replaying
from apps.backups.services.restores import Gap
from apps.foundation import clock
from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal
from apps.retention.services import replay as retention
from config.replay import AFTERWARDS, HANDLERS

COMMAND_LINE = Actor("system", "command-line")
TOLD_EVERY = 1000


class Command(BaseCommand):
    help = "After a restore: destroy again what was destroyed since the backup, and protect again what was protected."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be repeated, by kind, and change nothing")

    def handle(self, *, dry_run: bool, **_options) -> None:
        try:
            if dry_run:
                self._say_what_lacks(replaying.look(HANDLERS))
                return
            self._replay()
        except Refusal as refusal:
            raise CommandError(f"{refusal.what} {refusal.mend}") from refusal

    def _say_what_lacks(self, gap: Gap) -> None:
        if not gap.entries:
            self.stdout.write("Journal and database are in step: there is nothing to replay.")
            return
        self.stdout.write(f"The database lacks {gap.entries:,} entries, the first of them entry {gap.first} of {gap.since:%Y-%m-%d %H:%M} UTC.")
        self._table("would be repeated", gap.acts)
        if gap.marks:
            self.stdout.write(f"{gap.marks:,} are in the backup and would only be marked as written.")

    def _replay(self) -> None:
        seen: Counter[str] = Counter()

        def tell(line: journal.Line) -> None:
            seen[line.kind] += 1
            if seen.total() % TOLD_EVERY == 0:
                self.stdout.write(f"… at entry {line.sequence:,}")

        newest = Event.objects.aggregate(newest=Max("id"))["newest"] or 0
        done = replaying.replay(handlers=HANDLERS, by=COMMAND_LINE, at=clock.now(), afterwards=AFTERWARDS, told=tell)
        if done.restore is None:
            self.stdout.write("Journal and database are in step: there is nothing to replay.")
            return
        journal.write_owed()
        self._table("repeated", done.repeated)
        if done.marked:
            self.stdout.write(f"{done.marked:,} were in the backup and are marked as written.")
        if unreadable := retention.unreadable_since(newest):
            self.stdout.write(
                f"{sum(unreadable.values()):,} messages that a hold, an archive or a review keeps stood aside when their day was destroyed. This"
                " backup has them under the destroyed key only: they stay aside, unreadable. If there is a newer backup, restore that one."
            )
            for cohort, messages in unreadable.items():
                self.stdout.write(f"  {cohort}  {messages:,}")
        self.stdout.write(f"{done.restore.reference} is replayed: journal and database are in step again, and the service is open.")
        self.stdout.write("What was destroyed since the backup is hidden now, and destroyed again by the next sweep, within a minute.")

    def _table(self, what: str, kinds: Counter[str]) -> None:
        wide = max([4, *map(len, kinds)])
        self.stdout.write(f"{'kind':<{wide}}  {what}")
        for kind, count in sorted(kinds.items()):
            self.stdout.write(f"{kind:<{wide}}  {count:>{len(what)},}")
