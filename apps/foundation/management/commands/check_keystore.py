"""Looks at every secret in both copies of the keystore, and at the master key; for every night, and after every restore.

Ends with status 1 where anything is wrong. Without --mend it changes nothing, but that it destroys again what a restored copy
brought back. It never prints a secret, and runs also where the system checks would stop it: that is when it is needed.
"""

import json

from django.core.management.base import BaseCommand, CommandError

from apps.foundation.keys import inspection, keystore
from apps.foundation.keys.inspection import Report
from apps.foundation.refusals import Refusal


class Command(BaseCommand):
    help = "Check the keystore: both copies of every secret, the marks of destroyed ones, the master key."
    requires_system_checks = ()

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--mend",
            action="store_true",
            help="complete what one copy lacks; a copy whose folder is missing or empty counts as lost for good and is made anew",
        )
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *_args, mend: bool, json: bool, **_options) -> None:
        store = keystore()
        try:
            mended = inspection.mend(store) if mend else []
        except Refusal as refusal:
            raise CommandError(f"{refusal.what} {refusal.mend}") from refusal
        report = inspection.inspect(store)
        if json:
            self._print_json(report, mended)
        else:
            self._print(report, mended)
        if not report.is_sound:
            raise SystemExit(1)

    def _print_json(self, report: Report, mended: list[str]) -> None:
        self.stdout.write(json.dumps(report.as_dict() | {"mended": mended}, indent=2))

    def _print(self, report: Report, mended: list[str]) -> None:
        for done in mended:
            self.stdout.write(f"mended: {done}")
        by = ", ".join(f"{count} by master key {key}" for key, count in report.wrapped_by.items()) or "none wrapped"
        self.stdout.write(f"{report.secrets} secrets ({by}), {report.destroyed} destroyed.")
        for name in report.came_back:
            self.stdout.write(f"  {name} was destroyed and came back with a restored copy; it is destroyed again.")
        for problem in report.problems:
            self.stdout.write(f"  {problem['what']} {problem['mend']}")
        self.stdout.write("The keystore is sound." if report.is_sound else "The keystore is not sound.")
