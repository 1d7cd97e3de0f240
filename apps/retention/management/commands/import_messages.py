"""Imports a file of messages: a Slack workspace export (zip) or our own NDJSON, told apart by their first bytes.

It streams, commits by batches of a stated size and goes on where it was broken off; run twice it stores once.
"""

import getpass
import hashlib
import sys
from collections import Counter
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from apps.accounts.services.registration import organization_by_reference
from apps.audit.services import journal
from apps.foundation import clock
from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal
from apps.retention.importing import ndjson, slack
from apps.retention.models import Batch
from apps.retention.services import batches, ingest
from apps.retention.states import LifeFrom

PIECE = 1024 * 1024


class Command(BaseCommand):
    help = "Import messages from a Slack workspace export (.zip) or from NDJSON (one JSON object a line)."

    def add_arguments(self, parser) -> None:
        parser.add_argument("file", type=Path, help="the .zip or .ndjson file")
        parser.add_argument("--organization", required=True, metavar="ORG-…", help="reference of the organization")
        parser.add_argument(
            "--source", help="the system whose ids the messages carry (default: slack for an export, product for NDJSON)"
        )
        parser.add_argument(
            "--life-from", choices=LifeFrom.values, default=LifeFrom.SENDING,
            help="count life from sending (default) or, as a recorded choice, from this import",
        )  # fmt: skip
        parser.add_argument("--quiet-lines", action="store_true", help="don't list the refused lines one by one")

    def handle(self, file: Path, organization: str, source: str | None, life_from: str, quiet_lines: bool, **_options) -> None:
        try:
            batch = self._import(file, organization, source, life_from)
        except Refusal as refusal:
            raise CommandError(f"{refusal.what} {refusal.mend}") from refusal
        except OSError as error:
            raise CommandError(f"The file can't be read: {error.strerror}. Check its path and rights.") from error
        self._report(batch, quiet_lines)

    def _import(self, file: Path, organization: str, source: str | None, life_from: str) -> Batch:
        journal.require_in_step()  # a restored database takes nothing in before it is replayed
        owner = organization_by_reference(organization)
        by = Actor("system", f"import.{_login()}")
        digest = _digest(file)
        with open(file, "rb") as stream:
            is_zip = stream.read(4)[:2] == b"PK"
        key = digest + ("+from-import" if life_from == LifeFrom.IMPORT else "")
        batch = batches.open_batch(
            organization=owner, source=source or ("slack" if is_zip else "product"), key=key, by=by, at=clock.now(),
            life_from=life_from,
        )  # fmt: skip
        if batch.finished_at:
            self.stdout.write(f"This file was imported already on {batch.finished_at:%Y-%m-%d %H:%M} UTC; nothing is stored twice.")
            return batch
        if batch.committed_lines:
            self.stdout.write(f"Going on after line {batch.committed_lines:,}, where an earlier run was broken off.")
        if is_zip:
            with slack.read(file, longest_line=settings.RETENTION_LONGEST_LINE_BYTES) as reader:
                return self._feed(batch, reader, by)
        with open(file, "rb") as stream:
            reader = ndjson.read(
                stream, longest_line=settings.RETENTION_LONGEST_LINE_BYTES, total=file.stat().st_size
            )
            return self._feed(batch, reader, by)

    def _feed(self, batch: Batch, reader, by: Actor) -> Batch:
        with tqdm(
            total=reader.bytes_total, unit="B", unit_scale=True, desc="Importing", file=sys.stderr, disable=None, mininterval=0.5
        ) as bar:
            return ingest.feed(
                batch=batch, reader=reader, by=by, now=clock.now, progress=lambda _batch: bar.update(reader.bytes_read - bar.n)
            )

    def _report(self, batch: Batch, quiet_lines: bool) -> None:
        batch.refresh_from_db()
        table = Counter(batch.kinds)
        wide = max([len("outcome"), *(len(key) for key in table)]) + 2
        self.stdout.write(f"\n{batch.reference} for {batch.organization.reference}, source {batch.source}")
        self.stdout.write(f"{'kind: outcome':<{wide + 1}}{'lines':>10}")
        for key, count in sorted(table.items()):
            kind, _bar, outcome = key.partition("|")
            self.stdout.write(f"{kind + ': ' + outcome:<{wide + 1}}{count:>10,}")
        self.stdout.write(f"{'all lines':<{wide + 1}}{sum(table.values()):>10,}")
        refused = batch.refused_lines.count()
        if refused and not quiet_lines:
            self.stdout.write("\nNot taken in:")
            for number, why in batch.refused_lines.values_list("number", "why").iterator():
                self.stdout.write(f"  line {number}: {why}")
        if batch.refused > refused:
            self.stdout.write(f"  … and {batch.refused - refused:,} more, counted above.")


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with open(file, "rb") as stream:
        while piece := stream.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _login() -> str:
    """The login of who runs the command, as far as it fits a reference; it goes into the ledger as the actor."""
    return "".join(c for c in getpass.getuser() if c.isalnum() or c in "-_")[:30] or "unknown"
