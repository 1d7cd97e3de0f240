"""Doors for the clock and for rings: each calls verbs of this floor. Nothing comes in but the ring."""

from celery import shared_task

from apps.data_requests.services import (
    alarming,
    arriving,
    client_questions,
    clocks,
    closing,
    cooling,
    denying,
    executing,
    from_below,
    letters,
    links,
    mail_in,
    proving,
    receipts,
    remaining,
    sorting,
    taking,
)
from apps.data_requests.services.packages import delivering, ending
from apps.foundation import clock


@shared_task(name="data_requests.work")
def work(**_later) -> None:
    """What requests wait for: the next step of each that is due, in the order of a request's way."""
    at = clock.now()
    clocks.go_on_due(at=at)
    letters.acknowledge_due(at=at)
    denying.deny_unproven(at=at)
    closing.finish_when_answered(at=at)
    alarming.warn_and_alarm(at=at)
    executing.work_due(at=at)  # last: it may take minutes, and rings for what follows
    remaining.go_on(at=at)


@shared_task(name="data_requests.forget")
def forget(**_later) -> None:
    """Secrets of requests that are over, and records past their day, go."""
    at = clock.now()
    closing.destroy_left_secrets(at=at)
    closing.forget_old(at=at)


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
    """Secrets of days that are settled, links and receipts that say nothing any more go; what waits for staff is told once a day."""
    at = clock.now()
    sorting.remind_due(at=at)
    arriving.destroy_days(at=at)
    arriving.forget_old(at=at)
    links.forget_old(at=at)
    receipts.forget_old(at=at)


@shared_task(name="data_requests.read_mailbox")
def read_mailbox(**_later) -> None:
    mail_in.read_mailbox(at=clock.now())


@shared_task(name="data_requests.hand_over")
def hand_over(**_later) -> None:
    """Who asked for a copy hears that it waits; packages whose days are over are destroyed, and what belongs to none is cleared."""
    at = clock.now()
    delivering.offer_due(at=at)
    ending.end_due(at=at)
    ending.clear_left(at=at)


@shared_task(name="data_requests.ask_clients")
def ask_clients(**_later) -> None:
    """Clients who decide on messages and have not answered are reminded; what they are late with goes on without them."""
    at = clock.now()
    client_questions.remind_due(at=at)
    client_questions.lapse_due(at=at)
