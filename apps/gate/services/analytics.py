"""What a provider of analytics gets: a new row for each, built field by field from the list of what it may have, never a row with parts removed.

| field | what of a value gets through |
|---|---|
| page | the path, each part of it only where it is a plain word; no query, no fragment |
| referring_page | the path of a page of ours, the host alone of another |
| browser, system, kind of device | a word of a closed list, else “other” |
| moments, durations, languages, versions, events, IP addresses | what reads as exactly that |

A key that is not in the list is not looked at, so that what somebody adds to a row tomorrow does not leave by itself. Whatever does
not read as what its field should be is left out and counted.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from apps.foundation.digests import canonical, sha256
from apps.gate.models import Permit
from apps.gate.package import About, Package, Recipient
from apps.gate.services import deciding
from apps.gate.states import Ground
from apps.policies.vocabulary import ANALYTICS_FIELDS, DisclosurePurpose

LONGEST_TEXT = 2_000
MOST_PARTS = 8
LONGEST_SECONDS = 86_400
WORD = re.compile(r"[a-z][a-z_-]{0,39}")
HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,98}[a-z0-9])?")
EVENT = re.compile(r"[a-z][a-z_.]{0,39}")
LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Z]{2})?")
VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,3}")
BROWSERS = frozenset({"chrome", "edge", "firefox", "opera", "safari", "samsung internet"})
SYSTEMS = frozenset({"android", "chromeos", "ios", "linux", "macos", "windows"})
DEVICES = frozenset({"desktop", "phone", "tablet"})
HIDDEN, OTHER = ":value", "other"


@dataclass(frozen=True)
class Export:
    """What would leave: its rows and their bytes as JSON lines, and how many values were left out of them."""

    rows: tuple[dict[str, Any], ...]
    body: bytes
    left_out: int

    @property
    def fields(self) -> frozenset[str]:
        return frozenset().union(*(row.keys() for row in self.rows))

    @property
    def categories(self) -> frozenset[str]:
        return frozenset({"usage"} | ({"network_address"} if "ip_address" in self.fields else set()))

    @property
    def digest(self) -> bytes:
        return sha256(self.body)


def package(rows: Iterable[Mapping[str, Any]]) -> Export:
    """The rows as analytics may have them; a row of which nothing is left is no row."""
    made, left_out = [], 0
    for row in rows:
        one = {}
        for name, read in FIELDS.items():
            value = row.get(name) if isinstance(row, Mapping) else None
            if value is None:
                continue
            said = read(value)
            if said is None:
                left_out += 1
            else:
                one[name] = said
        if one:
            made.append(one)
    return Export(tuple(made), b"".join(canonical(row) + b"\n" for row in made), left_out)


def let_out(*, export: Export, provider: str, about: About, what: str, countries: tuple[str, ...], by: Any, at: datetime) -> Permit:
    """Ask the gate whether a provider of analytics may have this; raises deciding.Refused where it may not."""
    asked = Package(
        recipient=Recipient.provider(provider), about=about, categories=export.categories, fields=export.fields,
        purpose=DisclosurePurpose.ANALYTICS, ground=Ground.SERVICE_PROVIDER, patient_information=False, digest=export.digest,
        size=len(export.body), what=what, countries=countries,
    )  # fmt: skip
    return deciding.decide(package=asked, by=by, at=at)


def _page(value: Any) -> str | None:
    path = _split(value)
    return None if path is None else _plain(path.path)


def _referring_page(value: Any) -> str | None:
    split = _split(value)
    if split is None:
        return None
    if not split.netloc:
        return _plain(split.path)
    host = (split.hostname or "").lower()
    return host if HOST.fullmatch(host) and not _is_address(host) else None


def _split(value: Any):
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return None
    try:
        split = urlsplit(value)
        is_page = split.scheme in ("", "http", "https") and (split.hostname is not None or not split.netloc)
        return split if is_page else None
    except ValueError:
        return None


def _plain(path: str) -> str:
    parts = [part for part in path.split("/") if part][:MOST_PARTS]
    return "/" + "/".join(part if WORD.fullmatch(part) else HIDDEN for part in parts)


def _occurred_at(value: Any) -> str | None:
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _duration(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= LONGEST_SECONDS else None


def _ip_address(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError:
        return None
    return str(address) if getattr(address, "scope_id", None) is None else None


def _is_address(host: str) -> bool:
    return _ip_address(host) is not None


def _reads(pattern: re.Pattern[str]) -> Callable[[Any], str | None]:
    return lambda value: value if isinstance(value, str) and pattern.fullmatch(value) else None


def _one_of(known: frozenset[str]) -> Callable[[Any], str | None]:
    def read(value: Any) -> str | None:
        if not isinstance(value, str):
            return None
        word = value[:40].strip().lower()
        return word if word in known else OTHER

    return read


#: each field that may leave, and how its value is read; exactly the list of the vocabulary (a test compares)
FIELDS: dict[str, Callable[[Any], Any]] = {
    "page": _page, "referring_page": _referring_page, "occurred_at": _occurred_at, "duration_seconds": _duration, "event": _reads(EVENT),
    "browser_family": _one_of(BROWSERS), "os_family": _one_of(SYSTEMS), "device_kind": _one_of(DEVICES), "language": _reads(LANGUAGE),
    "app_version": _reads(VERSION), "ip_address": _ip_address,
}  # fmt: skip

if FIELDS.keys() != ANALYTICS_FIELDS:
    raise RuntimeError("what analytics may get and how it is read are two lists")
