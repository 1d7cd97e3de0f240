"""What the clock rings for consents."""

from celery import shared_task

from apps.consents.services import expiring
from apps.foundation import clock


@shared_task(name="consents.expire_due")
def expire_due(**_later):
    """Let consents fall whose time is over."""
    expiring.expire_due(at=clock.now())
