"""Doors for the clock: each calls one verb. Nothing comes in but the ring."""

from celery import shared_task

from apps.foundation import clock
from apps.retention.services import alarms, archiving, leaves, moving, sweep, unused_days
from apps.retention.services.people import marks


@shared_task(name="retention.make_leaves")
def make_leaves(**_later) -> None:
    leaves.make_leaves(at=clock.now())


@shared_task(name="retention.drop_leaves")
def drop_leaves(**_later) -> None:
    leaves.drop_empty(at=clock.now())


@shared_task(name="retention.sweep")
def sweep_now(**_later) -> None:
    sweep.sweep(at=clock.now())


@shared_task(name="retention.archive")
def archive(**_later) -> None:
    archiving.archive_due(at=clock.now())


@shared_task(name="retention.reschedule")
def reschedule(**_later) -> None:
    moving.reschedule_due(at=clock.now())


@shared_task(name="retention.check_accounts")
def check_accounts(**_later) -> None:
    alarms.check_accounts(at=clock.now())


@shared_task(name="retention.open_unused_days")
def open_unused_days(**_later) -> None:
    unused_days.open_due(at=clock.now())


@shared_task(name="retention.check_keystore")
def check_keystore(**_later) -> None:
    alarms.check_keystore(at=clock.now())


@shared_task(name="retention.forget_participants")
def forget_participants(**_later) -> None:
    marks.forget(at=clock.now())
