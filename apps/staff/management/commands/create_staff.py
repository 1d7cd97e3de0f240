"""Adds the first member of staff of an installation, when nobody can sign in yet to add others.

Afterwards people are added in the admin, by somebody who answers for it. It must never take a password as an
argument: those stand in the process list and in the shell's history.
"""

import getpass
import sys

from django.core.management.base import BaseCommand, CommandError
from django.utils.crypto import get_random_string

from apps.foundation import clock
from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from apps.staff.services import joining

COMMAND_LINE = Actor("system", "command-line")
READABLE = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


class Command(BaseCommand):
    help = "Adds a member of staff to a new installation. The password is asked for, or made and printed once."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--username", required=True)
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", required=True, help="full name")
        parser.add_argument("--role", required=True, action="append", choices=Role.values, help="may be repeated")
        parser.add_argument(
            "--locked-out",
            action="store_true",
            help="also when an administrator exists already, because none of them can sign in any more",
        )

    def handle(self, *args, username, email, name, role, locked_out, **options) -> None:
        self._require_needed(role, locked_out)
        password, made = self._password()
        try:
            member = joining.create(
                username=username, email=email, full_name=name, roles=role, password=password,
                by=COMMAND_LINE, at=clock.now(),
            )  # fmt: skip
        except Refusal as refusal:
            raise CommandError(f"{refusal.what} {refusal.mend}") from refusal
        self.stdout.write(f"Added {member.reference} with the roles {', '.join(member.roles)}.")
        if made:
            self.stdout.write(f"Password, shown this once: {password}")
            self.stdout.write("Hand it over by another way than the user name, and change it after the first sign-in.")

    def _require_needed(self, roles: list[str], locked_out: bool) -> None:
        administrators = StaffMember.objects.with_role(Role.ADMINISTRATOR).count()
        if administrators and not locked_out:
            raise CommandError(
                f"This installation has {administrators} administrator(s): they add people, under Members of staff. "
                "If none of them can sign in any more, add --locked-out; the history then names nobody who added them."
            )
        if not administrators and Role.ADMINISTRATOR not in roles:
            raise CommandError(
                "Nobody could add others: the first member needs --role administrator. Roles can be combined."
            )

    def _password(self) -> tuple[str, bool]:
        if not sys.stdin.isatty():
            return get_random_string(20, READABLE), True
        first = getpass.getpass("Password (empty: one is made and printed): ")
        if not first:
            return get_random_string(20, READABLE), True
        if first != getpass.getpass("Password again: "):
            raise CommandError("The two passwords differ. Nobody was added; run the command again.")
        return first, False
