"""Makes an installation ready to start: tables, identity, keys, journal, leaves, the board; the demo where that is wanted.

`make run` calls it at every start, an operator after every update. Twice is once. It must never make new keys or a new
journal for a database that had them: that is a loss to be looked at, not to be covered up. Where journal and database are
out of step it changes nothing and lets the start go on, so that the service itself says what was found (config/guard.py).
"""

import os

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from apps.accounts.models import Organization
from apps.assurance.services import board
from apps.audit.models import Installation
from apps.audit.services import installation, journal
from apps.foundation import clock, signing
from apps.foundation.keys import keystore, setting_up
from apps.foundation.refusals import Refusal
from apps.retention.models import Cohort
from apps.retention.services import leaves
from apps.staff.models import StaffMember
from config import (
    demo,
    demo_accounts,
    demo_announcements,
    demo_communications,
    demo_consents,
    demo_contacts,
    demo_gate,
    demo_packages,
    demo_requests,
    demo_withdrawals,
    guard,
)

LOGIN_FILE = "login.txt"
PASSWORD_FILE = "demo-password"

#: what fills the demo once it has staff, people and messages, in this order
AFTERWARDS = (
    demo_gate, demo_consents, demo_withdrawals, demo_accounts, demo_contacts, demo_communications, demo_announcements, demo_requests, demo_packages,
)  # fmt: skip


class Command(BaseCommand):
    help = "Migrate, make keys and journal on a new installation, make leaves, and fill an empty demo."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="leave an empty database empty")

    def handle(self, no_demo: bool, **_options) -> None:
        call_command("migrate", interactive=False, verbosity=0, stdout=self.stdout)
        self.stdout.write("tables are up to date")
        try:
            self._prepare(no_demo)
        except Refusal as refusal:
            if refusal.code not in guard.STOPS:
                raise CommandError(f"{refusal.what} {refusal.mend}") from refusal
            self.stdout.write(f"the service stands still: {refusal.what} {refusal.mend}")
            self._tell_login()

    def _prepare(self, no_demo: bool) -> None:
        now = clock.now()
        if not Installation.objects.exists():
            made = signing.create_missing()
            self.stdout.write(f"a new installation: signing keys made for {', '.join(made) or 'nothing, they were there'}")
        installation.ensure(now)
        journal.open_journal(now)
        journal.require_in_step()
        # before the first message a keystore may be begun; afterwards one that is missing was lost
        for made in setting_up.set_up(keystore(), new=not Cohort.objects.exists()):
            self.stdout.write(f"keystore: {made}")
        journal.write_owed()
        board.ensure(now)
        if settings.DEMO and not no_demo and not StaffMember.objects.exists() and not Organization.objects.exists():
            with transaction.atomic():
                password = demo.make(now=now)
            self._keep_password(password)
            for filled in AFTERWARDS:  # each by itself: the gate refuses to decide inside the transaction of another
                filled.make(now=now)
            self.stdout.write("demo data made: three organizations, their people and messages")
        leaves.make_leaves(at=now)
        self._tell_login()

    def _keep_password(self, password: str) -> None:
        path = settings.COVENANT_HOME / PASSWORD_FILE
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(password)

    def _tell_login(self) -> None:
        """How to log in, for whoever started this; only the owner can read the file."""
        path = settings.COVENANT_HOME / PASSWORD_FILE
        lines = ["Create the first member of staff: manage.py create_staff --help"]
        if settings.DEMO and path.is_file():
            lines = [f"Log in with the password {path.read_text().strip()} as:"]
            lines += [f"  {username:<6} {role.label}" for username, _name, role in demo.STAFF]
        elif StaffMember.objects.exists():
            lines = ["Log in with the account an administrator made for you."]
        folder = settings.COVENANT_HOME / "run"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(folder / LOGIN_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write("\n".join(lines) + "\n")
