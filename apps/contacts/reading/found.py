"""What is taken out of a file: what matches, and what schedules. No name, title, place or note: nobody needs them for either."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Card:
    """One card of an address book. Addresses as accounts compare them, numbers in E.164, each once, in the card's order."""

    uid: str  # empty where the card has none
    emails: tuple[str, ...]
    phones: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<card with {len(self.emails)} addresses and {len(self.phones)} numbers>"


@dataclass(frozen=True)
class Busy:
    """A time at which somebody is busy, from and up to (not including), in UTC. A recurring event gives one for each time within the window."""

    uid: str  # of the event; the same for all its times
    starts_at: datetime
    ends_at: datetime

    def __repr__(self) -> str:
        return "<busy time>"
