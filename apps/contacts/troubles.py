"""What is wrong with a source, in words for its owner and for staff, by the code that stands in its row."""

from dataclasses import dataclass

from apps.contacts.dav.troubles import SourceTrouble
from apps.contacts.reading.refused import WHY


@dataclass(frozen=True)
class Words:
    """What is the matter, and what mends it."""

    what: str
    mend: str


#: what comes of our own side
OWN = {
    "credentials_lost": Words("The name and password that you gave can't be read any more.", "Give them anew."),
    "upload_again": Words("What was read from this file is gone after a repair on our side.", "Upload the file again."),
}


def _kinds(kind: type[SourceTrouble]) -> list[type[SourceTrouble]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in _kinds(child))]


KNOWN: dict[str, Words] = {
    **{code: Words(what, mend) for code, (what, mend) in WHY.items()},
    **{kind.code: Words((kind.__doc__ or "").strip().splitlines()[0], kind.mend) for kind in _kinds(SourceTrouble)},
    **OWN,
}


def in_words(code: str) -> Words | None:
    """None where nothing is wrong."""
    if not code:
        return None
    return KNOWN.get(code, Words("Something went wrong.", "Try again; if it stays, ask us."))
