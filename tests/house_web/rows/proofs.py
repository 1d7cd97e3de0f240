"""Searches, clean and not, and the evidence of requests."""

from datetime import timedelta

from django.db import transaction

from apps.data_requests.models import Evidence, Scan
from apps.data_requests.services import evidence
from tests.data_requests import carried
from tests.house_web.rows import accounts
from tests.house_web.rows.declared import PRESENT, Rows

FOUND = [{"place": "mail_outgoingmail.to_address", "what": "e-mail address", "count": 2}]
EXCUSED = [{"place": "audit_event.object", "what": "reference", "count": 3, "because": "the ledger names by a reference, which names nobody any more"}]


def scan(number: int = 0) -> Scan:
    """As a search writes it down; the second found something."""
    at = PRESENT - timedelta(hours=3 - number)
    found = FOUND if number == 1 else []
    return Scan.objects.create(
        request=carried.planned(accounts.person(number), at=at).request, number=1, at=at, seconds=4, tables=160, columns=900, files=40, bytes=10_000_000,
        findings=found, excused=EXCUSED, is_clean=not found,
    )  # fmt: skip


@transaction.atomic
def proof(number: int = 0) -> Evidence:
    at = PRESENT - timedelta(days=40 if number == 2 else 0, hours=3 - number)
    return evidence.make(carried.planned(accounts.person(number), at=at).request, at=at)


ROWS = {Scan: Rows(scan), Evidence: Rows(proof)}

SCENES: dict = {}
