"""Bytes of any length, looked through piece by piece: files, values of the broker, what lies packed in either."""

from collections.abc import Iterable

from apps.data_requests.scanning.kinds import What
from apps.data_requests.scanning.terms import Terms

#: how much of a piece is looked at again with the next one: longer than any spelling, and what must stand around it
OVERLAP = 4_096


def look(terms: Terms, pieces: Iterable[bytes]) -> set[What]:
    """What counts in bytes that come in pieces. A name counts where it stands together and nobody else bears it."""
    found: set[What] = set()
    before = b""
    for piece in pieces:
        found |= of_bytes(terms, before + piece)
        before = (before + piece)[-OVERLAP:]
    return found


def of_bytes(terms: Terms, content: bytes) -> set[What]:
    """What counts in one piece, small and capital letters alike."""
    small = content.lower()
    hits = terms.hits(small)
    found = hits - {None}
    if None in hits:
        text = small.decode("utf-8", "replace")
        found |= terms.in_text(text)
        if terms.name_in(text) and (terms.is_telling or found or terms.weak_in(text)):
            found.add(What.NAME)
        if found and terms.weak_in(text):
            found.add(What.IDENTITY)
    return found
