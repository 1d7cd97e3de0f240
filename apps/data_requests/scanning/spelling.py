"""The spellings in which a text may lie about: escaped for a URL, for JSON or for HTML, as base64, as hexadecimal digits, in UTF-16.

Everything is compared in small letters of ASCII, as `lower(… COLLATE "C")` writes them: cheap, and the same here and in the database.
Letters beyond ASCII are spelled in small and in capital, composed and decomposed.
"""

import base64
import html
import json
import quopri
import string
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

#: fewer letters of base64 or hexadecimal digits would be found by chance
FEWEST_PACKED = 10
SMALL = {ord(letter): letter.lower() for letter in string.ascii_uppercase}


def fold(text: str) -> str:
    """Small letters of ASCII, everything else as it is."""
    return text.translate(SMALL)


def cases(text: str) -> set[str]:
    """As it was given, in small and in capital letters, composed and decomposed."""
    return {unicodedata.normalize(form, one) for form in ("NFC", "NFD") for one in (text, text.lower(), text.upper(), text.title())}


def written(text: str) -> set[str]:
    """As a text that other texts quote: plain, or escaped for where it stands."""
    plain = cases(text)
    found = set(plain)
    for one in plain:
        found |= {quote(one, safe=""), quote(one), quote_plus(one), json.dumps(one)[1:-1], html.escape(one)}
        found.add(quopri.encodestring(one.encode("utf-8", "surrogatepass")).decode("ascii").replace("=\n", ""))
    local, at, domain = text.partition("@")
    if at and not domain.isascii():
        found |= {f"{local}@{punycode}" for punycode in _punycode(domain)}
    return found


def _punycode(domain: str) -> Iterator[str]:
    try:
        yield domain.encode("idna").decode("ascii")
    except UnicodeError:
        return


def packed(content: bytes) -> set[str]:
    """As base64 at each of its three places, also for URLs, and as hexadecimal digits."""
    found = {content.hex()} if 2 * len(content) >= FEWEST_PACKED else set()
    for before, cut in ((0, 0), (1, 2), (2, 3)):
        digits = base64.b64encode(bytes(before) + content).decode("ascii")
        whole = digits[cut : (before + len(content)) * 8 // 6]
        if len(whole) >= FEWEST_PACKED:
            found |= {whole, whole.replace("+", "-").replace("/", "_")}
    return found


def in_texts(text: str) -> tuple[set[str], set[str]]:
    """Every spelling to look for in texts, folded: those that are written, and those that are packed."""
    plain = {fold(one) for one in written(text)}
    return plain, {fold(one) for case in cases(text) for one in packed(case.encode("utf-8", "surrogatepass"))} - plain


def in_bytes(text: str) -> tuple[set[bytes], set[bytes]]:
    """Every spelling to look for in bytes: those that can be read as text around them, and those that stand for themselves."""
    plain, raw = set(), set()
    for case in cases(text):
        content = case.encode("utf-8", "surrogatepass")
        plain |= {one.encode("utf-8", "surrogatepass") for one in (case, quote(case, safe=""), json.dumps(case)[1:-1])}
        raw |= {case.encode("utf-16-le", "surrogatepass"), case.encode("utf-16-be", "surrogatepass"), content.hex().upper().encode("ascii")}
        raw |= {one.encode("ascii") for one in packed(content)}
    return plain, raw
