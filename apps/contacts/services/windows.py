"""How far into the future calendars are collected, and for which time others may ask when somebody is busy."""

from datetime import datetime, timedelta

from django.conf import settings

from apps.foundation.refusals import Refusal

PAST = timedelta(days=1)
SHOWN = timedelta(days=7)
LONGEST = timedelta(days=31)


class WindowNotValid(Refusal):
    """That is no time for which anybody may ask when somebody is busy."""

    code = "window_not_valid"
    mend = f"Ask for at most {LONGEST.days} days, from yesterday at the earliest, with `from` before `until`."


def collected(at: datetime) -> tuple[datetime, datetime]:
    """What is kept of a calendar: nothing of the past, and no more of the future than anybody plans."""
    return at - PAST, at + timedelta(days=settings.CALENDAR_AHEAD_DAYS)


def asked(since: datetime | None, until: datetime | None, *, at: datetime) -> tuple[datetime, datetime]:
    """The time that is asked for, within bounds; the coming week where nothing is said. Raises WindowNotValid."""
    since = since or at
    until = until or since + SHOWN
    if since.tzinfo is None or until.tzinfo is None or not at - PAST <= since < until <= since + LONGEST:
        raise WindowNotValid
    return since, until
