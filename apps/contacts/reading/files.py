"""The way in: what a lent file holds, or FileRefused. Whatever the file is, nothing else comes of it.

It takes up to `Bounds.seconds`, so it is asked by a worker or a view that may wait, and outside a transaction.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.accounts import details
from apps.contacts.reading import isolation
from apps.contacts.reading.bounds import Bounds
from apps.contacts.reading.found import Busy, Card
from apps.contacts.reading.refused import FileRefused

BOUNDS = Bounds()
LONGEST_WINDOW = timedelta(days=400)


def read_cards(data: bytes, *, region: str = "", bounds: Bounds = BOUNDS) -> list[Card]:
    """Each card of a vCard file. `region` is the country whose national form of numbers is understood too (two letters)."""
    return _only(read_cards_of([data], region=region, bounds=bounds))


def read_calendar(data: bytes, *, since: datetime, until: datetime, zone: str = "UTC", bounds: Bounds = BOUNDS) -> list[Busy]:
    """When somebody is busy by an iCalendar file, from `since` up to `until`. `zone` is where days begin if the calendar names none."""
    return _only(read_calendars_of([data], since=since, until=until, zone=zone, bounds=bounds))


def read_cards_of(files: Sequence[bytes], *, region: str = "", bounds: Bounds = BOUNDS) -> list[list[Card] | FileRefused]:
    """The same for many small files by one process; one that is refused stands as its refusal and spoils no other."""
    return [
        found if isinstance(found, FileRefused) else [_card(card, region) for card in found]
        for found in isolation.read("cards", files, bounds=bounds)
    ]


def read_calendars_of(
    files: Sequence[bytes], *, since: datetime, until: datetime, zone: str = "UTC", bounds: Bounds = BOUNDS
) -> list[list[Busy] | FileRefused]:
    """The same for many small files by one process; one that is refused stands as its refusal and spoils no other."""
    if not timedelta(0) < until - since <= LONGEST_WINDOW:
        raise ValueError(f"a window of at most {LONGEST_WINDOW.days} days")
    about = {"since": since.timestamp(), "until": until.timestamp(), "zone": zone}
    return [
        found if isinstance(found, FileRefused) else [Busy(uid, _moment(start), _moment(end)) for uid, start, end in found]
        for found in isolation.read("calendar", files, bounds=bounds, about=about)
    ]


def _only(answers: list[Any]) -> list[Any]:
    if isinstance(answers[0], FileRefused):
        raise answers[0]
    return answers[0]


def _card(found: list[Any], region: str) -> Card:
    uid, emails, phones = found
    return Card(
        uid=uid,
        emails=_each(emails, lambda value: details.normalise_email(details.email(value))),
        phones=_each(phones, lambda value: details.phone(value, region=region)),
    )


def _each(values: list[str], normalised: Any) -> tuple[str, ...]:
    """Each value once in the form in which accounts compare it; what is no address or number is left out."""
    kept = {}
    for value in values:
        try:
            kept[normalised(value)] = None
        except details.DetailNotValid:
            continue
    return tuple(kept)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
