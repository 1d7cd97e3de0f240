"""The doors of the audit floor, by the names that the timetable rings."""

from celery import current_app
from django.db import transaction

from apps.audit.models import Event, JournalEntry, LedgerSeal
from apps.audit.services import heartbeat, journal, ledger
from apps.foundation import clock
from apps.foundation.actors import SYSTEM
from config.timetable import TIMETABLE

from .conftest import NOON


def test_each_ring_does_its_work(open_journal):
    with transaction.atomic():
        ledger.record("x.y", by=SYSTEM, about="COH-1", at=NOON)
        journal.owe("x.y", about="COH-1", body={}, at=NOON)
    current_app.loader.import_default_modules()
    before = clock.now()
    for name in ("audit.heartbeat", "audit.seal_ledger", "audit.write_owed_journal_entries"):
        assert name in {entry["task"] for entry in TIMETABLE.values()}
        current_app.tasks[name]()
    assert heartbeat.last("worker") >= before
    assert LedgerSeal.objects.get().count == 1
    assert JournalEntry.objects.filter(sequence__isnull=True).count() == 0
    assert Event.objects.count() == 1
