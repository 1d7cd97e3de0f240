"""Calendars as programs write them: zones, days, exceptions, moved and cancelled occurrences, within a window."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from apps.contacts.reading import files
from apps.contacts.reading.bounds import Bounds
from apps.contacts.reading.found import Busy
from apps.contacts.reading.refused import WHY, FileRefused
from tests.contacts.reading.hostile import calendar, event

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
BERLIN = """BEGIN:VTIMEZONE
TZID:{}
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
""".replace("\n", "\r\n")


def busy(body: str, more: str = "", *, zone: str = "UTC", since: datetime = SINCE, until: datetime = UNTIL) -> list[Busy]:
    return files.read_calendar(calendar(body, more), since=since, until=until, zone=zone)


def starts(found: list[Busy]) -> list[str]:
    return [f"{one.starts_at:%d. %H:%M}" for one in found]


def test_an_event_is_a_time_at_which_somebody_is_busy_and_nothing_else_is_taken():
    body = event("SUMMARY:Operation\r\nLOCATION:Ward 3\r\nATTENDEE:mailto:ben@people.example", start=":20260305T100000Z")

    [found] = busy(body)

    assert found == Busy("e1", datetime(2026, 3, 5, 10, tzinfo=UTC), datetime(2026, 3, 5, 11, tzinfo=UTC))
    assert repr(found) == "<busy time>"


def test_a_weekly_meeting_stays_at_its_hour_when_the_clocks_change():
    body = event("RRULE:FREQ=WEEKLY;BYDAY=MO", start=";TZID=Europe/Berlin:20240101T100000")

    assert starts(busy(body)) == ["02. 09:00", "09. 09:00", "16. 09:00", "23. 09:00", "30. 08:00"]


@pytest.mark.parametrize("name", ["Europe/Berlin", "W. Europe Standard Time", "A zone of our own"])
def test_a_zone_is_the_one_that_the_file_describes(name: str):
    body = BERLIN.format(name) + event("RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=500", start=f";TZID={name}:20240101T100000")

    assert starts(busy(body)) == ["02. 09:00", "09. 09:00", "16. 09:00", "23. 09:00", "30. 08:00"]


def test_exceptions_moves_and_cancellations_of_single_times_count():
    body = (
        event("RRULE:FREQ=DAILY;UNTIL=20260308T100000Z\r\nEXDATE:20260303T100000Z\r\nRDATE:20260320T100000Z", start=":20260302T100000Z")
        + event("RECURRENCE-ID:20260304T100000Z", start=":20260304T150000Z")
        + event("RECURRENCE-ID:20260305T100000Z\r\nSTATUS:CANCELLED", start=":20260305T100000Z")
        + event("RECURRENCE-ID:20260306T100000Z\r\nTRANSP:TRANSPARENT", start=":20260306T100000Z")
    )

    assert starts(busy(body)) == ["02. 10:00", "04. 15:00", "07. 10:00", "08. 10:00", "20. 10:00"]


def test_what_is_cancelled_free_or_no_time_at_all_keeps_nobody_busy():
    body = (
        event("STATUS:CANCELLED", 1, ":20260305T100000Z") + event("TRANSP:TRANSPARENT", 2, ":20260305T100000Z")
        + event("STATUS:TENTATIVE", 3, ":20260306T100000Z") + "BEGIN:VEVENT\r\nUID:4\r\nDTSTART:20260307T100000Z\r\nEND:VEVENT\r\n"
        + "BEGIN:VTODO\r\nUID:5\r\nDTSTART:20260308T100000Z\r\nDUE:20260308T110000Z\r\nEND:VTODO\r\n"
    )  # fmt: skip

    assert [one.uid for one in busy(body)] == ["e3"]


def test_days_and_times_without_a_zone_lie_in_the_calendars_own_zone():
    body = "BEGIN:VEVENT\r\nUID:d\r\nDTSTART;VALUE=DATE:20260310\r\nDTEND;VALUE=DATE:20260312\r\nEND:VEVENT\r\n" + event(start=":20260315T100000")
    new_york = [(datetime(2026, 3, 10, 4, tzinfo=UTC), 48 * HOUR), (datetime(2026, 3, 15, 14, tzinfo=UTC), HOUR)]

    for named, assumed in (("America/New_York", "UTC"), ("", "America/New_York"), ("../x", "America/New_York")):
        found = busy(body, f"X-WR-TIMEZONE:{named}\r\n", zone=assumed)
        assert [(one.starts_at, one.ends_at - one.starts_at) for one in found] == new_york


def test_what_reaches_into_the_window_counts_and_what_ends_where_it_begins_does_not():
    body = (
        event("", 1, ":20260228T233000Z") + event("", 2, ":20260228T230000Z") + event("", 3, ":20260331T233000Z") + event("", 4, ":20260401T000000Z")
        + "BEGIN:VEVENT\r\nUID:year\r\nDTSTART:20250101T000000Z\r\nDTEND:20270101T000000Z\r\nEND:VEVENT\r\n"
    )  # fmt: skip

    assert [one.uid for one in busy(body)] == ["year", "e1", "e3"]


def test_events_without_a_name_are_told_apart_and_one_that_makes_no_sense_spoils_no_other():
    unnamed = "BEGIN:VEVENT\r\nDTSTART:{}\r\nDURATION:PT1H\r\nEND:VEVENT\r\n"
    odd = (
        "DTSTART:yesterday", "DTSTART:20260101T000000Z\r\nDTEND:20250101T000000Z", "SUMMARY:no time", "DURATION:PT1H",
        "DTSTART:20260301T000000Z\r\nRRULE:FREQ=SOMETIMES", "DTSTART;TZID=Nowhere/Else:20260301T000000\r\nEXDATE:never",
    )  # fmt: skip
    body = unnamed.format("20260305T100000Z") + unnamed.format("20260306T100000Z")
    body += "".join(f"BEGIN:VEVENT\r\nUID:odd\r\n{one}\r\nEND:VEVENT\r\n".replace("odd", f"odd{number}") for number, one in enumerate(odd))

    found = busy(body)

    assert starts(found)[-2:] == ["05. 10:00", "06. 10:00"]
    assert {one.uid for one in found} <= {"", "odd4", "odd5"}  # these begin at a time that can be read


def test_several_calendars_in_a_file_and_alarms_in_events_are_read():
    alarm = "BEGIN:VALARM\r\nTRIGGER:-PT15M\r\nACTION:DISPLAY\r\nEND:VALARM"
    data = calendar(event(alarm, 1, ":20260305T100000Z")) + calendar(event("", 2, ":20260306T100000Z"))

    assert [one.uid for one in files.read_calendar(data, since=SINCE, until=UNTIL)] == ["e1", "e2"]


def test_a_calendar_without_an_event_keeps_nobody_busy():
    assert busy("") == []


def test_a_long_kept_calendar_is_read_in_reasonable_time():
    """Ten years of single events and eighty daily meetings that never ended."""
    body = "".join(event("", one, f":20{16 + one % 11}0{1 + one % 9}{1 + one % 28:02}T100000Z") for one in range(5_000))
    body += "".join(event("RRULE:FREQ=DAILY", 90_000 + one, ";TZID=Europe/Berlin:20160101T100000") for one in range(80))

    found = busy(body, until=SINCE + timedelta(days=7))

    assert len([one for one in found if one.uid.startswith("e900")]) == 80 * 7


LINES = some.sampled_from([
    "BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "BEGIN:VTIMEZONE", "END:VTIMEZONE", "BEGIN:STANDARD", "END:STANDARD", "TZID:X",
    "UID:1", "DTSTART:20260305T100000Z", "DTSTART;TZID=X:20260305T100000", "DTSTART;VALUE=DATE:20260305", "DTSTART:99999999T999999", "DTEND;TZID=\"",
    "DURATION:P9999999999W", "RRULE:FREQ=DAILY;COUNT=-1", "RRULE:;;=", "RRULE:FREQ=YEARLY;BYEASTER=1", "EXDATE;TZID=../../etc/passwd:20260305T100000",
    "RDATE;VALUE=PERIOD:20260305T1/PT1H", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260305T100000Z", "STATUS:\x00", "TZOFFSETFROM:+9999", "TZOFFSETTO:",
    "X-WR-TIMEZONE:\x00", " folded", ":",
])  # fmt: skip
BYTES = some.lists(LINES, max_size=30).map(lambda lines: "\r\n".join(lines).encode())
EVENTS = some.lists(LINES, max_size=12).map(lambda lines: "\r\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"]).encode())


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(some.lists(some.one_of(some.binary(max_size=300), BYTES, EVENTS), min_size=40, max_size=60))
def test_whatever_the_bytes_are_there_are_times_or_a_refusal(garbage: list[bytes]):
    for answer in files.read_calendars_of(garbage, since=SINCE, until=UNTIL, bounds=Bounds(seconds=60)):
        if isinstance(answer, FileRefused):
            assert answer.code in WHY
        else:
            assert all(one.ends_at > SINCE and one.starts_at < UNTIL for one in answer)
