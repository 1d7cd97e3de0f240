"""Sources that people lent us, what was read from them under a consent, and who is matched because of it."""

from apps.contacts.models.calendars import BusyTime
from apps.contacts.models.matching import ContactKey, Match, MatchingKey, PersonKey, Rematch
from apps.contacts.models.sources import KeptBook, RefusedFile, Source, kept_reference, refused_reference, source_reference

__all__ = [
    "BusyTime",
    "ContactKey",
    "KeptBook",
    "Match",
    "MatchingKey",
    "PersonKey",
    "RefusedFile",
    "Rematch",
    "Source",
    "kept_reference",
    "refused_reference",
    "source_reference",
]
