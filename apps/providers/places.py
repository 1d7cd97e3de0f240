"""Countries in words, for pages that people read."""

from phonenumbers.geodata.locale import LOCALE_DATA

from apps.accounts.places import COUNTRIES


def name_of(code: str) -> str:
    """The English name of a country, its code where none is known."""
    return LOCALE_DATA.get(code, {}).get("en", code)


def in_words(codes: list[str]) -> str:
    """Several countries as one text."""
    return ", ".join(name_of(code) for code in codes)


#: code and name, the United States first
CHOICES = sorted(((code, f"{name_of(code)} ({code})") for code in COUNTRIES), key=lambda choice: (choice[0] != "US", choice[1]))
