"""Doors for the clock and for rings: each calls verbs of this floor. Nothing comes in but the ring."""

from celery import shared_task

from apps.communications.services.inquiries import ending, receiving
from apps.foundation import clock


@shared_task(name="communications.read_mailbox")
def read_mailbox(**_later) -> None:
    receiving.read_mailbox(at=clock.now())


@shared_task(name="communications.end_inquiries")
def end_inquiries(**_later) -> None:
    """What went quiet is closed, what is past its life is erased, and keys that nobody needs go."""
    ending.sweep(at=clock.now())
