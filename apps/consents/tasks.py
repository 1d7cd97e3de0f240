"""What the clock rings for consents."""

from celery import shared_task

from apps.consents.services import expiring, links
from apps.foundation import clock


@shared_task(name="consents.expire_due")
def expire_due(**_later):
    """Let consents fall whose time is over."""
    expiring.expire_due(at=clock.now())


@shared_task(name="consents.send_links")
def send_links(**_later):
    """Answer who asked for a link to their preference page."""
    links.answer_due(at=clock.now())


@shared_task(name="consents.forget_links")
def forget_links(**_later):
    """Let links and visits go that ended a day ago."""
    links.forget_old(at=clock.now())
