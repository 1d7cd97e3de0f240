"""Files that somebody would make to stop us: generated, never stored. Each is named for what it tries."""

CRLF = "\r\n"


def card(number: int = 1, more: str = "") -> str:
    return (
        f"BEGIN:VCARD{CRLF}VERSION:3.0{CRLF}UID:u{number}{CRLF}FN:Somebody {number}{CRLF}EMAIL;TYPE=INTERNET:a{number}@people.example{CRLF}"
        f"TEL;TYPE=CELL:+1 202 555 {number % 10000:04}{CRLF}{more}END:VCARD{CRLF}"
    )


def event(more: str = "", number: int = 1, start: str = ":20261116T100000Z") -> str:
    return f"BEGIN:VEVENT{CRLF}UID:e{number}{CRLF}DTSTART{start}{CRLF}DURATION:PT1H{CRLF}{more}{CRLF if more else ''}END:VEVENT{CRLF}"


def calendar(body: str, more: str = "") -> bytes:
    return f"BEGIN:VCALENDAR{CRLF}VERSION:2.0{CRLF}{more}{body}END:VCALENDAR{CRLF}".encode()


def numbers(upto: int) -> str:
    return ",".join(map(str, range(upto)))


#: name → (the file, the code with which it is refused)
CARDS = {
    "half a megabyte of quoted-printable in one line": (
        lambda: f"BEGIN:VCARD{CRLF}NOTE;ENCODING=QUOTED-PRINTABLE:{'=C3=A9' * 83_000}{CRLF}END:VCARD{CRLF}".encode(), "too_much_encoded"),
    "half a megabyte of quoted-printable in soft breaks": (
        lambda: f"BEGIN:VCARD{CRLF}NOTE;ENCODING=QUOTED-PRINTABLE:{'=C3=A9=' + CRLF}{('=C3=A9' * 12 + '=' + CRLF) * 7_000}{CRLF}END:VCARD{CRLF}".encode(),
        "too_much_encoded"),
    "half a megabyte of quoted-printable in lines of one letter": (
        lambda: f"BEGIN:VCARD{CRLF}NOTE;ENCODING=QUOTED-PRINTABLE:{('a=' + CRLF) * 160_000}{CRLF}END:VCARD{CRLF}".encode(), "too_much_encoded"),
    "quoted-printable over many cards": (
        lambda: "".join(card(one, f"NOTE;QUOTED-PRINTABLE:{'=41' * 1_000}{CRLF}") for one in range(200)).encode(), "too_much_encoded"),
    "one line of 19 MB": (lambda: f"BEGIN:VCARD{CRLF}NOTE:{'x' * 19_000_000}{CRLF}END:VCARD{CRLF}".encode(), "line_too_long"),
    "one folded line of 19 MB": (
        lambda: f"BEGIN:VCARD{CRLF}NOTE:{('x' * 74 + CRLF + ' ') * 240_000}{CRLF}END:VCARD{CRLF}".encode(), "line_too_long"),
    "an address as long as a book": (lambda: f"BEGIN:VCARD{CRLF}EMAIL:{'x' * 100_000}{CRLF}END:VCARD{CRLF}".encode(), "line_too_long"),
    "22 MB": (lambda: b"x" * 22_000_000, "too_large"),
    "ten million empty lines": (lambda: b"\n" * 10_000_000, "too_many"),
    "ten million empty lines of an old Macintosh": (lambda: b"\r" * 10_000_000, "too_many"),
    "cards in cards in cards": (lambda: b"BEGIN:VCARD\r\n" * 100_000, "too_deep"),
    "a hundred thousand cards": (lambda: b"BEGIN:VCARD\nEND:VCARD\n" * 100_000, "too_many"),
    "a card with more addresses than anybody has": (lambda: b"BEGIN:VCARD\n" + b"EMAIL:a@b.example\n" * 200_000 + b"END:VCARD\n", "too_many"),
    "more properties than cards have": (lambda: b"BEGIN:VCARD\n" + b"X:1\n" * 350_000 + b"END:VCARD\n", "too_many"),
    "a card without an end": (lambda: b"BEGIN:VCARD\r\nEMAIL:a@b.example\r\n", "unreadable"),
    "an end without a card": (lambda: b"END:VCARD\r\n", "unreadable"),
    "an end of something else": (lambda: b"BEGIN:VCARD\r\nEND:VCALENDAR\r\n", "unreadable"),
    "nothing": (lambda: b"", "unreadable"),
    "a page": (lambda: b"<!doctype html><title>Sign in</title>", "unreadable"),
    "a calendar": (lambda: calendar(event()), "unreadable"),
}  # fmt: skip

CALENDARS = {
    "a rule for every second": (lambda: calendar(event("RRULE:FREQ=SECONDLY")), "took_too_long"),
    "a rule for every minute, in small letters and folded": (lambda: calendar(event("RRULE:freq=min\r\n utely")), "took_too_long"),
    "a rule that names every second of a year": (
        lambda: calendar(event(f"RRULE:FREQ=YEARLY;BYSECOND={numbers(60)};BYMINUTE={numbers(60)};BYHOUR={numbers(24)};COUNT=1")), "took_too_long"),
    "a rule for every hour since the year 1": (lambda: calendar(event("RRULE:FREQ=HOURLY", start=":00010101T000000Z")), "took_too_long"),
    "a rule without a step": (lambda: calendar(event("RRULE:FREQ=DAILY;INTERVAL=0")), "took_too_long"),
    "a rule for every ten minutes": (lambda: calendar(event(f"RRULE:FREQ=DAILY;BYMINUTE=0,10,20,30,40,50;BYHOUR={numbers(24)}")), "too_many"),
    "as many daily rules as there may be events": (
        lambda: calendar("".join(event("RRULE:FREQ=DAILY", one, ":20160101T100000Z") for one in range(29_000))), "took_too_long"),
    "a zone that changes every second": (
        lambda: calendar("BEGIN:VTIMEZONE\r\nTZID:Odd\r\nBEGIN:STANDARD\r\nDTSTART:19000101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n"
                         "RRULE:FREQ=SECONDLY\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n" + event(start=";TZID=Odd:20261116T100000")), "took_too_long"),
    "a list of days without end": (lambda: calendar(event(f"RDATE:{','.join(['20261116T100000Z'] * 10_000)}")), "line_too_long"),
    "components in components": (lambda: b"BEGIN:VCALENDAR\r\n" * 7, "too_deep"),
    "forty thousand events": (lambda: calendar("".join(event(number=one) for one in range(40_000))), "too_many"),
    "a description of 19 MB": (lambda: calendar(event(f"DESCRIPTION:{'x' * 19_000_000}")), "line_too_long"),
    "a calendar that was cut": (lambda: calendar(event())[:-10], "unreadable"),
    "a card": (lambda: card().encode(), "unreadable"),
    "nothing at all": (lambda: b"", "unreadable"),
}  # fmt: skip
