"""Reads iCalendar in the child: when somebody is busy within a window.

`icalendar` and `recurring-ical-events` do it, both kept up and tried on the calendars of many programs: zones, exceptions and moved
occurrences are theirs. They see only what says when, so that a strange picture or note can't trip them, and no rule that
repeats every minute, or names more times a day than a calendar has use for. What they still take too long for is ended from outside.
An event that they can't make sense of is left out.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from apps.contacts.reading.bounds import Bounds, OutOfBounds
from apps.contacts.reading.lines import Line, counted

OF_EVENTS = frozenset({"UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "STATUS", "TRANSP", "SEQUENCE"})
OF_ZONES = frozenset({"TZID", "TZOFFSETFROM", "TZOFFSETTO", "DTSTART", "RRULE", "RDATE"})
WANTED = OF_EVENTS | OF_ZONES | {"X-WR-TIMEZONE"}
#: which properties of which components are read; the others are dropped with all that is in them
KEPT = {"VCALENDAR": frozenset({"X-WR-TIMEZONE"}), "VEVENT": OF_EVENTS, "VTIMEZONE": OF_ZONES, "STANDARD": OF_ZONES, "DAYLIGHT": OF_ZONES}
DEPTHS = {"VCALENDAR": 1, "VEVENT": 2, "VTIMEZONE": 2, "STANDARD": 3, "DAYLIGHT": 3}
RULE = re.compile(r"(?:^|;)\s*(FREQ|BYSECOND|BYMINUTE|BYHOUR|BYMONTHDAY|BYYEARDAY|BYMONTH)\s*=\s*([^;]*)", re.IGNORECASE)
TOO_OFTEN = frozenset({"SECONDLY", "MINUTELY"})
LONGEST_UID = 500
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Reduced:
    """A calendar with nothing but what says when: its zones, its events by UID, and the zone that it names for itself."""

    zone: str = ""
    zones: list[str] = field(default_factory=list)
    events: dict[str, list[str]] = field(default_factory=dict)

    def text(self, uids: list[str]) -> str:
        """These events, each named by its place in the list."""
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-", *self.zones]
        for number, uid in enumerate(uids):
            for line in self.events[uid]:
                lines += [line, f"UID:{number}"] if line == "BEGIN:VEVENT" else [line]
        return "\r\n".join([*lines, "END:VCALENDAR", ""])


def read(data: bytes, bounds: Bounds, about: dict[str, Any]) -> list[list[Any]]:
    """Times as [uid, from, to], in seconds since 1970; once each, in order."""
    since, until = (datetime.fromtimestamp(about[end], UTC) for end in ("since", "until"))
    calendars = _reduced(data, bounds)
    if not calendars:
        raise OutOfBounds("unreadable")
    times: set[tuple[int, int, str]] = set()
    for calendar in calendars:
        for found in _of_calendar(calendar, _zone(calendar.zone) or ZoneInfo(about["zone"]), since, until):
            times |= found
            if len(times) > bounds.most_details:
                raise OutOfBounds("too_many")
    return [[uid, start, end] for start, end, uid in sorted(times)]


def _reduced(data: bytes, bounds: Bounds) -> list[Reduced]:
    calendars: list[Reduced] = []
    component: list[str] = []
    uid, skipped, unnamed = "", 0, 0
    for line in counted(data, bounds, wanted=WANTED):
        if line.name == "BEGIN":
            if skipped or not _is_kept(line):
                skipped += 1
            elif line.depth == 1:
                calendars.append(Reduced())
            else:
                if line.depth == 2:
                    component, uid = [], ""
                component.append(f"BEGIN:{line.component}")
        elif line.name == "END":
            if skipped:
                skipped -= 1
            elif line.depth > 1:
                component.append(f"END:{line.component}")
                if line.component == "VEVENT":
                    if not uid:
                        unnamed += 1
                        uid = f" {unnamed}"  # no event that has a name has this one
                    calendars[-1].events.setdefault(uid, []).extend(component)
                elif line.component == "VTIMEZONE":
                    calendars[-1].zones += component
        elif not skipped and line.name in KEPT[line.component]:
            text = _text(line)
            value = text.partition(":")[2].strip()
            if line.name == "X-WR-TIMEZONE":
                calendars[-1].zone = value
            elif line.name == "UID":
                uid = uid or value[:LONGEST_UID]
            else:
                if line.name == "RRULE":
                    _require_seldom(value, bounds)
                component.append(text)
    return calendars


def _is_kept(line: Line) -> bool:
    return line.component in DEPTHS and DEPTHS[line.component] == line.depth


def _text(line: Line) -> str:
    written = f"{line.name}{line.head[line.head.upper().index(line.name.encode()) + len(line.name) :].decode('utf-8', 'replace')}"
    value = "".join(letter for letter in line.value.decode("utf-8", "replace").strip() if letter.isprintable())
    return f"{written}:{value}"


def _require_seldom(rule: str, bounds: Bounds) -> None:
    at_a_time = 1
    for name, value in RULE.findall(rule):
        if name.upper() != "FREQ":
            at_a_time *= value.count(",") + 1
        elif value.strip().upper() in TOO_OFTEN:
            raise OutOfBounds("took_too_long")
    if at_a_time > bounds.most_at_a_time:
        raise OutOfBounds("took_too_long")


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError):  # not known, or no name of a zone at all
        return None


def _of_calendar(calendar: Reduced, zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[set[tuple[int, int, str]]]:
    """All events at once; where that fails, each by itself, so that one spoils no other."""
    try:
        yield _busy(calendar, list(calendar.events), zone, since, until)
    except MemoryError:
        raise
    except Exception:  # a parser may fail at one event in any way
        for uid in calendar.events:
            with suppress(ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError):
                yield _busy(calendar, [uid], zone, since, until)


def _busy(calendar: Reduced, uids: list[str], zone: ZoneInfo, since: datetime, until: datetime) -> set[tuple[int, int, str]]:
    parsed = icalendar.Calendar.from_ical(calendar.text(uids))
    found: set[tuple[int, int, str]] = set()
    for event in recurring_ical_events.of(parsed, skip_bad_series=True, components=["VEVENT"]).between(since, until):
        if str(event.get("TRANSP", "")).upper() == "TRANSPARENT" or str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        start, end = (_seconds(event[name].dt, zone) for name in ("DTSTART", "DTEND"))
        if start < end and start < _seconds(until, zone) and end > _seconds(since, zone):
            uid = uids[int(event["UID"])]
            found.add((start, end, "" if uid.startswith(" ") else uid))
    return found


def _seconds(moment: date, zone: ZoneInfo) -> int:
    """A day begins, and a time without a zone lies, in the calendar's own zone."""
    whole = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)
    return int(((whole if whole.tzinfo else whole.replace(tzinfo=zone)) - EPOCH).total_seconds())
