"""Months as people count them: from the 31st a month later is the last day of the next month."""

import calendar
from datetime import datetime


def months_later(moment: datetime, months: int) -> datetime:
    """The same time of day, so many months later."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))
