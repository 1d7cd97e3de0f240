"""Checks a receipt of consent that somebody shows, and says what it says."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from apps.consents.services import receipts


class Command(BaseCommand):
    help = "Check a receipt of consent (JSON) that this installation signed. Ends with 0 where it is genuine, 1 where it is not."

    def add_arguments(self, parser) -> None:
        parser.add_argument("receipt", type=Path, help="the receipt, as it was downloaded")

    def handle(self, receipt: Path, **_options) -> None:
        try:
            with receipt.open("rb") as file:
                content = file.read(receipts.LARGEST + 1)
        except OSError as error:
            raise CommandError(f"The file can't be read ({error.strerror}). Give the path of a receipt.", returncode=2) from None
        try:
            document = receipts.verify(content)
        except receipts.ReceiptNotValid as refused:
            self.stdout.write(f"{refused.what} {refused.mend}")
            sys.exit(1)
        event, processing = document["events"][0], document["pii_processing"][0]
        self.stdout.write(
            f"genuine: {event['entity_id']} {event['event_state']} “{processing['purposes'][0]['purpose']}” at {event['event_time']},"
            f" text {processing['notice_text']['number']}, policy version {processing['privacy_notice_version']}"
        )
