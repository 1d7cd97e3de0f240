"""The demo's address books and calendars: some people of each client allow it, lend a file, and find each other.

By the same services as in production, with files as a phone exports them. Nothing here is real but the machinery. It must never ask the
network for anything: an address that nobody reads is not lent.
"""

from datetime import datetime, timedelta

from apps.accounts.models import Organization, Person, PersonEmail
from apps.consents.models import Standing
from apps.consents.purposes import CALENDAR, CONTACTS
from apps.consents.services import asking, giving
from apps.consents.states import How
from apps.contacts.reading.refused import FileRefused
from apps.contacts.services import lending, matching, people
from apps.foundation.actors import Actor

A_CLIENT = 4  # people of each who take part


def make(*, now: datetime) -> None:
    """Let some people allow contacts and calendars, lend a file of each, and be matched."""
    taking_part = [
        person
        for organization in Organization.objects.order_by("pk")
        for person in Person.objects.filter(organization=organization, emails__isnull=False).distinct().order_by("pk")[:A_CLIENT]
    ]
    addresses = list(PersonEmail.objects.filter(person__in=taking_part).order_by("pk").values_list("address", flat=True))
    for number, person in enumerate(taking_part):
        for purpose in (CONTACTS, CALENDAR):
            _allow(person, purpose, now - timedelta(days=2))
        _lend(person, CONTACTS, "contacts.vcf", _book(addresses), now - timedelta(days=1))
        _lend(person, CALENDAR, "calendar.ics", _diary(now, number), now - timedelta(hours=5))
    if taking_part:
        _lend(taking_part[0], CONTACTS, "photos.vcf", b"\x89PNG no address book at all", now - timedelta(hours=4))
    people.bring_up_all(at=now)
    matching.match_changed(at=now)


def _allow(person: Person, purpose: str, at: datetime) -> None:
    if Standing.objects.filter(person=person, purpose_id=purpose).exists():
        return  # another part of the demo has asked already
    text = asking.text_in_force(purpose=purpose, at=at)
    giving.give(
        person=person, purpose=purpose, text=text.number, shown=bytes(text.digest), shown_at=at - timedelta(minutes=1),
        how=How.PREFERENCE_PAGE, where="page", by=Actor("person", person.reference), at=at,
    )  # fmt: skip


def _lend(person: Person, purpose: str, name: str, data: bytes, at: datetime) -> None:
    try:
        lending.upload(person=person, purpose=purpose, name=name, data=data, by=Actor("person", person.reference), at=at)
    except (FileRefused, lending.NotAllowedYet):  # a refused file is an item for staff, which the demo shows too
        return


def _book(addresses: list[str]) -> bytes:
    """Everybody who takes part, and some who are no users."""
    everybody = [*addresses, *(f"friend{number}@elsewhere.example" for number in range(12))]
    cards = (f"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:{number}\r\nFN:Somebody\r\nEMAIL:{address}\r\nEND:VCARD\r\n" for number, address in enumerate(everybody))
    return "".join(cards).encode()


def _diary(now: datetime, number: int) -> bytes:
    """Two appointments a day in the coming week."""
    events = []
    for day in range(7):
        for hour in (9 + number % 4, 14 + number % 3):
            begins = (now + timedelta(days=day)).replace(hour=hour, minute=0, second=0, microsecond=0)
            ends = begins + timedelta(minutes=45)
            events.append(
                f"BEGIN:VEVENT\r\nUID:{day}-{hour}\r\nDTSTAMP:{now:%Y%m%dT%H%M%SZ}\r\nDTSTART:{begins:%Y%m%dT%H%M%SZ}\r\n"
                f"DTEND:{ends:%Y%m%dT%H%M%SZ}\r\nSUMMARY:Ward round\r\nEND:VEVENT\r\n"
            )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Covenant//Demo//EN\r\n{''.join(events)}END:VCALENDAR\r\n".encode()
