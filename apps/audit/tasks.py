"""Doors of the audit floor: woken by the clock, they pass the moment on and do nothing themselves."""

from celery import shared_task

from apps.audit.services import heartbeat as hearts
from apps.audit.services import journal, sealing
from apps.foundation import clock


@shared_task(name="audit.heartbeat")
def heartbeat(**_later) -> None:
    hearts.beat("worker", at=clock.now())


@shared_task(name="audit.write_owed_journal_entries")
def write_owed_journal_entries(**_later) -> None:
    journal.write_owed()


@shared_task(name="audit.seal_ledger")
def seal_ledger(**_later) -> None:
    sealing.seal_all(at=clock.now())
