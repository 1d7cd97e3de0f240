"""Reads vCard 2.1, 3 and 4 in the child: of each card its UID, its addresses and its numbers, as they are written.

No parser of others is used: the one that is kept up (vobject) knows neither 2.1 nor 4, and its time for quoted-printable
grows with the square (5 s for 500 KB of short lines); three properties are less than what would have to be watched in it.
"""

import binascii
import re
from typing import Any

from apps.contacts.reading.bounds import Bounds, OutOfBounds
from apps.contacts.reading.lines import Line, counted, parameters

WANTED = frozenset({"UID", "EMAIL", "TEL"})
LONGEST = {"UID": 500, "EMAIL": 254, "TEL": 80}  # a longer one is none
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
SCHEME = re.compile(r"(?:mailto|tel):", re.IGNORECASE)
#: encodings that phones have written; others, some of them slow to decode, are not tried
CHARSETS = frozenset({
    "utf-8", "utf8", "us-ascii", "ascii", "koi8-r", "koi8-u", "shift_jis", "euc-jp", "euc-kr", "gb2312", "gbk", "gb18030", "big5",
    *(f"iso-8859-{number}" for number in (*range(1, 12), *range(13, 17))), *(f"windows-125{number}" for number in range(9)),
})  # fmt: skip


def read(data: bytes, bounds: Bounds, _about: dict[str, Any]) -> list[list[Any]]:
    """Of each card [uid, addresses, numbers]. A card inside a card, an agent's, is somebody else's and left out."""
    cards: list[list[Any]] = []
    card: list[Any] = []
    details = 0
    for line in counted(data, bounds, wanted=WANTED):
        if line.name in ("BEGIN", "END"):
            if line.depth == 1 and line.component == "VCARD":
                if line.name == "BEGIN":
                    card = ["", [], []]
                else:
                    cards.append(card)
        elif line.depth == 1 and line.component == "VCARD":
            details += 1
            if details > bounds.most_details:
                raise OutOfBounds("too_many")
            _take(line, card)
    if not cards:
        raise OutOfBounds("unreadable")
    return cards


def _take(line: Line, card: list[Any]) -> None:
    value = _text(line)
    if not value or len(value) > LONGEST[line.name]:
        return
    if line.name == "UID":
        card[0] = card[0] or value
    else:
        card[1 if line.name == "EMAIL" else 2].append(value)


def _text(line: Line) -> str:
    said = parameters(line.head)
    value = line.value
    if "QUOTED-PRINTABLE" in said or said.get("ENCODING", "").upper() == "QUOTED-PRINTABLE":
        value = binascii.a2b_qp(value)
    text = ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], _decoded(value, said.get("CHARSET", "utf-8").lower())).strip()
    scheme = SCHEME.match(text)
    if scheme and line.name != "UID":
        number, _semicolon, rest = text[scheme.end() :].partition(";")
        # an extension belongs to the number; what else follows an address does not
        extension = rest.partition("=")[2].partition(";")[0] if rest.lower().startswith("ext=") else ""
        text = f"{number} ext. {extension}" if extension else number.partition("?")[0]
    return "".join(letter for letter in text if letter.isprintable())


def _decoded(value: bytes, charset: str) -> str:
    for encoding in (charset if charset in CHARSETS else "utf-8", "utf-8"):
        try:
            return value.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return value.decode("cp1252", "replace")
