"""Entries of the ledger and of the journal, and the seals on the ledger."""

from django.db import transaction

from apps.audit.models import Event, JournalEntry, LedgerSeal
from apps.audit.services import journal, ledger, sealing
from apps.foundation.actors import SYSTEM
from tests.cast import NOON
from tests.house_web.rows.declared import Rows, Scene


def event(number: int) -> None:
    with transaction.atomic():
        ledger.record(
            "person.revealed", by=SYSTEM, about=f"PER-{number}", at=NOON, facts={"fields": ["city"]}, detail={"why": "Adelaide wrote to us"}
        )


def entry(number: int) -> None:
    with transaction.atomic():
        owed = journal.owe("destruction.done", about=f"DES-{number}", body={"messages": number}, at=NOON)
    if number:  # the newest may still wait for its line
        journal.write(owed.pk)


def seal(number: int) -> LedgerSeal:
    event(number)
    return sealing.seal(at=NOON)


ROWS = {
    Event: Rows(event),
    JournalEntry: Rows(entry, queries=8, more="whether journal and database are in step", scans=("=about", "=kind")),
    LedgerSeal: Rows(seal, committed=True),
}

SCENES = {(LedgerSeal, "verify"): Scene(lambda _member: None)}
