"""Doors for the clock and for rings: each calls verbs of this floor. Nothing comes in but the ring."""

from celery import shared_task

from apps.data_requests.services import clocks, from_below
from apps.foundation import clock


@shared_task(name="data_requests.work")
def work(**_later) -> None:
    """What requests wait for: the next step of each that is due, in the order of a request's way."""
    clocks.go_on_due(at=clock.now())


@shared_task(name="data_requests.take_from_below")
def take_from_below(**_later) -> None:
    """A cancelled registration, or a minor whom nobody represents, becomes a request."""
    from_below.take_due(at=clock.now())
