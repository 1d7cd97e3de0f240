"""Values of data as people read them, in a page and on paper: days instead of ISO 8601, yes and no, lists in a line; names of files that are safe anywhere.

What no text can show stands as a sign of its own; the JSON has everything as it is.
"""

import re
import unicodedata
from datetime import date, datetime
from typing import Any

NOTHING = "–"
#: `2026-03-08`, `2026-03-08T12:00:00Z`, with fractions and offsets
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d))?")
UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
UNSAFE_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
LONGEST_NAME = 80
#: what Windows takes for a device, with whatever ending (Microsoft, "Naming Files, Paths, and Namespaces")
DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")


def label(key: str) -> str:
    """The name of a column, as a person reads it."""
    words = str(key).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def value(given: Any) -> str:
    """One value."""
    if given is None or given == "" or given == [] or given == {}:
        return NOTHING
    if given is True:
        return "yes"
    if given is False:
        return "no"
    if isinstance(given, dict):
        return "; ".join(f"{label(key)}: {value(item)}" for key, item in given.items())
    if isinstance(given, list):
        return ", ".join(value(item) for item in given)
    text = str(given)
    if MOMENT.fullmatch(text):
        return _moment(text)
    return UNSHOWABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def _moment(text: str) -> str:
    try:
        if len(text) == 10:
            return day(date.fromisoformat(text))
        return moment(datetime.fromisoformat(text))
    except ValueError:  # it only looks like one
        return text


def day(given: date) -> str:
    return f"{given.day} {given:%B} {given.year}"


def moment(given: datetime) -> str:
    offset = given.strftime("%z")
    zone = "UTC" if offset in ("+0000", "") else f"UTC{offset[:3]}:{offset[3:5]}"
    return f"{day(given)}, {given:%H:%M:%S} {zone}"


def count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def file_name(given: str, *, taken: set[str]) -> str:
    """A name for a file that is no path, no device and no option anywhere, and unlike those in `taken` also where case does not count."""
    plain = unicodedata.normalize("NFKD", given).encode("ascii", "ignore").decode()
    stem, dot, ending = UNSAFE_IN_NAMES.sub("_", plain.replace("\\", "/").rpartition("/")[2]).strip("._-").rpartition(".")
    if not dot:
        stem, ending = ending, ""
    stem, ending = stem.strip("._-")[:LONGEST_NAME] or "file", ending[:10]
    if DEVICES.match(stem):
        stem = f"file_{stem}"
    number, end = 1, f".{ending}" if ending else ""
    name = stem + end
    while name.lower() in taken:
        number += 1
        name = f"{stem}-{number}{end}"
    taken.add(name.lower())
    return name
