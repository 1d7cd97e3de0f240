"""Refuses to start where clients would hear of a change of a provider's chain too late to object."""

from django.conf import settings
from django.core.checks import CheckMessage, Error

SHORTEST_NOTICE_DAYS = 14


def clients_hear_of_changes_in_time(app_configs=None, **_later) -> list[CheckMessage]:
    """Registered in apps.py."""
    days = settings.PROVIDER_NOTICE_DAYS
    if days >= SHORTEST_NOTICE_DAYS:
        return []
    return [
        Error(
            f"PROVIDER_NOTICE_DAYS is {days}: a client could hardly object before a new sub-processor gets data.",
            hint=f"Set it to {SHORTEST_NOTICE_DAYS} or more, or unset it for 30.",
            id="covenant.E611",
        )
    ]
