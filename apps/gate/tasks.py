"""Doors for the clock: each calls one verb. Nothing comes in but the ring."""

from celery import shared_task

from apps.foundation import clock
from apps.gate.services import ending, exceptions, withdrawals


@shared_task(name="gate.warn_of_lapses")
def warn_of_lapses(**_later) -> None:
    exceptions.warn_of_lapses(at=clock.now())


@shared_task(name="gate.end_old")
def end_old(**_later) -> None:
    ending.end_old(at=clock.now())


@shared_task(name="gate.pass_on_withdrawals")
def pass_on_withdrawals(**_later) -> None:
    withdrawals.look_after(at=clock.now())
