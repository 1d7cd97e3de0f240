"""Refuses to start where what a released hold kept could fall due before anybody noticed the release."""

from django.conf import settings
from django.core.checks import CheckMessage, Error

SHORTEST_GRACE_DAYS = 1


def the_grace_is_long_enough(app_configs=None, **_later) -> list[CheckMessage]:
    """Registered in apps.py."""
    days = settings.HOLD_RELEASE_GRACE_DAYS
    if days >= SHORTEST_GRACE_DAYS:
        return []
    return [
        Error(
            f"HOLD_RELEASE_GRACE_DAYS is {days}: what a hold kept would be destroyed the moment it is released.",
            hint="Set it to 1 or more, or unset it for 7.",
            id="covenant.E601",
        )
    ]
