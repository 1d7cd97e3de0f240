"""When a part of the machine was last heard from.

A beat overwrites the last one: who guards the clock must compare with `last` before it beats, under a name of its own.
"""

from datetime import datetime

from apps.audit.models import Heartbeat


def beat(name: str, *, at: datetime) -> None:
    """Note that `name` was alive at `at`."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": at})


def last(name: str) -> datetime | None:
    """When `name` was last heard from, None if never."""
    return Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()
