"""`manage.py fsck`: examines a quiet installation from outside the services, prints what must not be, ends with 1 then."""

import json
import sys
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.assurance.fsck.examination import Examined, examine
from apps.foundation import clock

MOST = 1_000


class Command(BaseCommand):
    help = (
        "Examine rows, keys, journal, certificates and archives against each other, sharing no code with what made them."
        " Stop the workers first: what is half done is no finding then. Ends with 1 when something is found, with 0 otherwise."
    )

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--all", action="store_true", help=f"open every message, not only {MOST:,} of each cohort, chosen at random")

    def handle(self, *, json: bool, all: bool, **_options):
        found = examine(at=clock.now(), folder=Path(settings.COVENANT_HOME), most=None if all else MOST)
        self.stdout.write(as_json(found) if json else as_text(found))
        if not found.is_clean:
            sys.exit(1)


def as_json(found: Examined) -> str:
    findings = [
        {"check": check, "object": finding.object, "why": finding.why} for check, those in found.findings.items() for finding in those
    ]
    return json.dumps({"findings": findings, "looked_at": found.looked_at}, indent=2)


def as_text(found: Examined) -> str:
    """A line per check, its findings below it, and what was looked at."""
    lines = []
    for check, findings in found.findings.items():
        lines.append(f"{check:<13} {f'{len(findings)} found' if findings else 'nothing found'}")
        lines += [f"  ! {finding.object}: {finding.why}" for finding in findings]
    looked = ", ".join(f"{number:,} {what}" for what, number in found.looked_at.items())
    return "\n".join([*lines, f"looked at: {looked}"])
