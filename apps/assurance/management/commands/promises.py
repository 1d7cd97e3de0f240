"""`manage.py promises`: checks the promises now, prints what was found, ends with 1 where something breaks one."""

import json
import sys

from django.core.management.base import BaseCommand, CommandError

from apps.assurance.services import board, checking
from apps.foundation import clock
from apps.foundation.actors import SYSTEM
from apps.foundation.promises import PROMISES
from apps.foundation.refusals import Refusal


class Command(BaseCommand):
    help = "Check the promises of the policy on live data. Ends with 1 when a finding breaks one, with 0 otherwise."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print one JSON object, promise by promise")
        parser.add_argument("--code", action="append", metavar="P06", help="check this promise only; may be repeated")

    def handle(self, *, json: bool, code: list[str] | None, **_options):
        try:
            checking.run(codes=code, by=SYSTEM, at=clock.now())
        except Refusal as refusal:
            raise CommandError(f"{refusal.what} {refusal.mend}") from refusal
        found = board.as_dict(code)
        self.stdout.write(as_json(found) if json else as_table(found))
        if any(promise["findings"] for promise in found.values()):
            sys.exit(1)


def as_json(found: dict) -> str:
    return json.dumps(found, indent=2)


def as_table(found: dict) -> str:
    """A line per promise, its open findings and unproven parts below it."""
    lines = []
    for code, promise in found.items():
        looked = sum(check["rows"] or 0 for check in promise["checks"])
        lines.append(f"{code}  {promise['state']:<17} {PROMISES[code]}" + (f"  ({looked} looked at)" if looked else ""))
        lines += [f"     ! {one['object']}: {one['why']}, since {one['since'][:16]}" for one in promise["findings"]]
        lines += [f"     ? not proven yet: {check['waits_for']}" for check in promise["checks"] if check["waits_for"]]
    return "\n".join(lines)
