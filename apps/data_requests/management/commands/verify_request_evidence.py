"""Checks the evidence of a request that somebody shows, against a pinned key, and says what it says."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from apps.data_requests.services import evidence


class Command(BaseCommand):
    help = "Check the evidence of a request (JSON), as it was downloaded. Ends with 0 where it is genuine, 1 where it is not."

    def add_arguments(self, parser) -> None:
        parser.add_argument("evidence", type=Path, help="the evidence, as it was downloaded")
        parser.add_argument("--key", help="the public key to trust, 64 hex digits; else that of this installation's certificates")

    def handle(self, *_args, key: str | None, **options) -> None:
        path: Path = options["evidence"]
        public = _pinned(key)
        try:
            with path.open("rb") as file:
                content = file.read(evidence.LARGEST + 1)
        except OSError as error:
            raise CommandError(f"The file can't be read ({error.strerror}). Give the path of an evidence.", returncode=2) from None
        try:
            said = evidence.verify(content, public=public)
        except evidence.EvidenceNotValid as refused:
            self.stdout.write(f"{refused.what} {refused.mend}")
            sys.exit(1)
        request, scans = said["request"], said["scans"]
        self.stdout.write(f"genuine: {request['reference']}, {request['kind']}, received {request['received_at']}, {request['outcome'] or 'open'}")
        for plan in said["plans"]:
            done = [step for step in plan["steps"] if step["state"] == "done"]
            self.stdout.write(f"plan {plan['reference']}: {len(done)} of {len(plan['steps'])} steps done, approved by {plan['approved_by'] or 'nobody'}")
        if scans:
            last = scans[-1]
            self.stdout.write(f"last search: {'clean' if last['is_clean'] else 'not clean'}, {last['tables']} tables, {last['files']} files, {last['at']}")
        for rest in said["remainders"]:
            self.stdout.write(f"kept: {rest['rows']} rows of {rest['holding']} by {rest['ground']} {rest['about']}, ended {rest['ended_at'] or 'not yet'}")


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
