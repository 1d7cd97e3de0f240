"""Doors for the clock and for rings: each calls verbs of this floor. Nothing comes in but the ring."""

from celery import shared_task

from apps.data_requests.services import arriving, clocks, cooling, from_below, links, proving, receipts, taking
from apps.foundation import clock


@shared_task(name="data_requests.work")
def work(**_later) -> None:
    """What requests wait for: the next step of each that is due, in the order of a request's way."""
    clocks.go_on_due(at=clock.now())


@shared_task(name="data_requests.take_from_below")
def take_from_below(**_later) -> None:
    """A cancelled registration, or a minor whom nobody represents, becomes a request."""
    from_below.take_due(at=clock.now())


@shared_task(name="data_requests.take_arrivals")
def take_arrivals(**_later) -> None:
    """What came in becomes requests; who asks gets a link to prove it; what cooled off goes to work."""
    at = clock.now()
    taking.take_due(at=at)
    proving.begin_due(at=at)
    cooling.end_due(at=at)


@shared_task(name="data_requests.forget_intake")
def forget_intake(**_later) -> None:
    """Secrets of days that are settled, links and receipts that say nothing any more go."""
    at = clock.now()
    arriving.destroy_days(at=at)
    links.forget_old(at=at)
    receipts.forget_old(at=at)
