"""A sweep over requests, one transaction each: one that can't go on keeps no other waiting, and is met again by the next sweep."""

from collections.abc import Callable, Iterable
from datetime import datetime

import structlog
from django.db import transaction

log = structlog.get_logger(__name__)


def each(verb: Callable[[int, datetime], bool], keys: Iterable[int], at: datetime) -> int:
    """Call `verb` for each id; returns how many said that they did something. A failure is in the log, with nothing that it held."""
    return sum(_one(verb, key, at) for key in list(keys))


def _one(verb: Callable[[int, datetime], bool], key: int, at: datetime) -> bool:
    try:
        with transaction.atomic():
            return bool(verb(key, at))
    except Exception as error:  # a defect about one request; its text may quote what the request holds
        log.warning("request_left_out", verb=verb.__name__.strip("_"), error=type(error).__name__)
        return False
