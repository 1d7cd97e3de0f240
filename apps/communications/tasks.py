"""Doors for the clock and for rings: each calls verbs of this floor. Nothing comes in but the ring."""

from celery import shared_task

from apps.communications.services import notices
from apps.communications.services.circulars import ending as deliveries
from apps.communications.services.inquiries import ending, receiving
from apps.foundation import clock


@shared_task(name="communications.read_mailbox")
def read_mailbox(**_later) -> None:
    receiving.read_mailbox(at=clock.now())


@shared_task(name="communications.end_inquiries")
def end_inquiries(**_later) -> None:
    """What went quiet is closed, what is past its life is erased, and keys that nobody needs go."""
    ending.sweep(at=clock.now())


@shared_task(name="communications.send_circulars")
def send_circulars(**_later) -> None:
    """A new version of the policy becomes a notice; what goes to many goes on."""
    notices.work(at=clock.now())


@shared_task(name="communications.end_deliveries")
def end_deliveries(**_later) -> None:
    deliveries.end_old(at=clock.now())
