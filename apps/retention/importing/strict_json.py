"""JSON from strangers: one meaning or none. Refuses what parsers read differently, and what exhausts a process.

Python's own parser keeps the last of two equal keys, takes NaN, and raises RecursionError on depth; here each is a
refused line with its reason.
"""

import json
from typing import Any

from apps.retention.importing.lines import UnfitLine

LONGEST_INTEGER = 20  # digits with sign; enough for 64 bits, and far from where int() itself refuses


def parse(raw: bytes | bytearray, *, whole_numbers_only: bool) -> Any:
    """The value of one JSON text. Without `whole_numbers_only`, fractions and huge numbers come back as their text."""
    try:
        text = bytes(raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnfitLine(f"Not UTF-8 (byte {error.start + 1} of the line).", code="not_utf8") from None
    decode = _decode_strict if whole_numbers_only else _decode_tolerant
    try:
        return decode(text)
    except json.JSONDecodeError as error:
        raise UnfitLine(f"Not JSON (character {error.pos + 1} of the line).", code="not_json") from None
    except RecursionError:
        raise UnfitLine("Nested too deeply to be read.", code="too_deep") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnfitLine("An object names the same field twice; which one counts is not clear.", code="duplicate_field")
    return found


def _no_constant(_name: str) -> None:
    raise UnfitLine("NaN and Infinity are not JSON.", code="not_json")


def _no_fraction(_digits: str) -> None:
    raise UnfitLine("Numbers with a fraction or an exponent are not taken; use whole numbers.", code="not_whole_number")


def _bounded(digits: str) -> int:
    if len(digits) > LONGEST_INTEGER:
        raise UnfitLine("A number is out of range.", code="number_out_of_range")
    return int(digits)


def _number_or_text(digits: str) -> int | str:
    return digits if len(digits) > LONGEST_INTEGER else int(digits)


_decode_strict = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_no_fraction, parse_int=_bounded
).decode
_decode_tolerant = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=str, parse_int=_number_or_text
).decode
