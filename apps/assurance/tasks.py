"""The nightly check of all promises."""

from celery import shared_task

from apps.assurance.services import checking
from apps.foundation import clock
from apps.foundation.actors import SYSTEM


@shared_task(name="assurance.check_promises")
def check_promises(**_later):
    checking.run(by=SYSTEM, at=clock.now())
