"""Goes from the master key of the keystore to a new one, while everybody works; killed, it goes on at the next call.

Needed once after an update from an installation whose secrets lay in clear, when a copy of the keystore or the master key may
have been seen, and as often as the operator's own rules say.
"""

from django.core.management.base import BaseCommand, CommandError

from apps.foundation.keys import keystore, rotation
from apps.foundation.refusals import Refusal


class Command(BaseCommand):
    help = "Make a new master key, wrap every secret by it, and shred the old one. Goes on where a killed run stopped."
    requires_system_checks = ()

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--settle",
            type=int,
            default=rotation.SETTLE_SECONDS,
            metavar="SECONDS",
            help="how long another host may see the folders as they were (default %(default)s; 0 where there is one host only)",
        )

    def handle(self, *_args, settle: int, **_options) -> None:
        try:
            done = rotation.rotate(keystore(), settle=max(settle, 0), progress=self._tell)
        except Refusal as refusal:
            raise CommandError(f"{refusal.what} {refusal.mend}") from refusal
        self.stdout.write(f"{done.rewrapped} secrets rewrapped; {', '.join(done.shredded) or 'no old master key'} shredded.")
        self.stdout.write(f"The master key in use is {done.key}. Keep a copy of its file apart from the keystore; destroy the old one's.")

    def _tell(self, what: str, done: int, of: int) -> None:
        if done == of or done % 50 == 0:
            self.stdout.write(f"{what}: {done} of {of}")
            self.stdout.flush()
