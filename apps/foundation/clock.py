"""The one clock. Services take `at=`; only doors (tasks, views, commands) ask it, so that a test can stand at any moment.

It must never be asked inside a service: an act that asks the time twice can straddle midnight and disagree with itself.
"""

from datetime import UTC, date, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def day_of(moment: datetime) -> date:
    """The UTC day a moment lies in; refuses naive datetimes, whose day nobody can know."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC).date()
