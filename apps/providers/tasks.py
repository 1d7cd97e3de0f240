"""What the clock wakes for providers."""

from celery import shared_task

from apps.foundation import clock
from apps.providers.services import warning


@shared_task(name="providers.look_after")
def look_after(**_later) -> None:
    warning.look_after(at=clock.now())
