"""Countries in words, for pages that people read."""

from phonenumbers.geodata.locale import LOCALE_DATA


def name_of(code: str) -> str:
    """The English name of a country, its code where none is known."""
    names = LOCALE_DATA.get(code, {})
    name = names.get("en", code)
    return names.get(name[1:], code) if name.startswith("*") else name  # “*xx”: as in that language


def in_words(codes: list[str]) -> str:
    """Several countries as one text."""
    return ", ".join(name_of(code) for code in codes)

