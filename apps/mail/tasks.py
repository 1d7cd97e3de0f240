"""Doors for the clock: each calls one verb."""

from celery import shared_task

from apps.foundation import clock
from apps.mail.services import outbox


@shared_task(name="mail.send_due")
def send_due(**_later) -> None:
    outbox.send_due(at=clock.now())


@shared_task(name="mail.empty_sent")
def empty_sent(**_later) -> None:
    outbox.empty_ended(at=clock.now())
