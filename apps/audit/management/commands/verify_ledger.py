"""Verifies every seal of the ledger and whether the journal is in step; for auditors and for the night before them.

Ends with status 1 where anything is wrong. It changes nothing and mends nothing.
"""

import json
from dataclasses import asdict

from django.core.management.base import BaseCommand, CommandError

from apps.audit.services import journal, sealing


class Command(BaseCommand):
    help = "Verify the seals of the ledger, and that the journal and the database are in step."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--key", help="the public key to trust, 64 hex digits; else this installation's own is used")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *_args, key: str | None, json: bool, **_options) -> None:
        report = sealing.verify(public_key=_pinned(key))
        status = journal.status()
        if json:
            self._print_json(report, status)
        else:
            self._print(report, status)
        if not report.ok or not status.in_step:
            raise SystemExit(1)

    def _print_json(self, report: sealing.SealReport, status: journal.JournalStatus) -> None:
        self.stdout.write(json.dumps({"ledger": asdict(report), "journal": asdict(status)}, default=str, indent=2))

    def _print(self, report: sealing.SealReport, status: journal.JournalStatus) -> None:
        self.stdout.write(f"Ledger: {report.events} events, {report.seals} seals, {report.unsealed} events not yet sealed.")
        for problem in report.problems:
            self.stdout.write(f"  {problem}")
        self.stdout.write("Every seal holds." if report.ok else "The ledger does not verify.")
        self.stdout.write(f"Journal: {status.file_entries} entries, {status.owed} still to be written.")
        self.stdout.write("In step with the database." if status.in_step else f"{status.problem} {status.mend}")


def _pinned(key: str | None) -> bytes | None:
    if key is None:
        return None
    try:
        public = bytes.fromhex(key)
    except ValueError:
        public = b""
    if len(public) != 32:
        raise CommandError("--key takes the 64 hex digits of an Ed25519 public key.")
    return public
