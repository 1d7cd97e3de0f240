"""Whom we know by an address, and by which contacts on file we reach them. Nothing else of a person is told to anybody before they proved themself.

For somebody below 18 who has a representative, the representative is the contact: the policy lets nobody younger ask alone (P24).
A contact is fresh when it came on file lately and not with the registration itself: whoever got into an account changes its contact first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from apps.accounts import details
from apps.accounts.models import Person, PersonEmail, Representative
from apps.data_requests import hashing
from apps.foundation.clock import day_of

#: an address that many organizations have on file leads to so many people at most
PEOPLE_AN_ADDRESS = 10
#: of one person; the newest are left out
CONTACTS_A_PERSON = 5


@dataclass(frozen=True)
class Contact:
    """An address on file. `is_fresh`: it proves nothing at once."""

    address: str
    since: datetime
    is_fresh: bool = False

    @property
    def digest(self) -> bytes:
        return hashing.of_email(self.address)


def people_of(*, email: str, phone: str = "", organization: str = "", at: datetime) -> list[Person]:
    """Whom an address is on file for, also as a representative's; else whom a phone is. An organization that fits one of them narrows it."""
    found = _by_email(details.normalise_email(email), at) if email else []
    if not found and phone:
        found = list(Person.objects.filter(phones__number=phone).select_related("organization").distinct().order_by("pk")[:PEOPLE_AN_ADDRESS])
    wanted = organization.strip().casefold()
    named = [person for person in found if person.organization and wanted in (person.organization.reference.casefold(), person.organization.name.casefold())]
    return named or found


def _by_email(normalised: str, at: datetime) -> list[Person]:
    found = list(Person.objects.filter(emails__normalised=normalised).select_related("organization").distinct().order_by("pk")[:PEOPLE_AN_ADDRESS])
    acting = Representative.objects.in_force(day_of(at)).filter(email__iexact=normalised, person__isnull=False).select_related("person__organization")
    known = {person.pk for person in found}
    return found + [row.person for row in acting.order_by("pk")[:PEOPLE_AN_ADDRESS] if row.person_id not in known]


def on_file(person: Person, *, at: datetime) -> list[Contact]:
    """By which contacts somebody can prove that they are this person, the oldest first."""
    acting = Representative.objects.in_force(day_of(at)).filter(person=person).exclude(email="").order_by("decided_at", "pk")
    representing = [_contact(row.email, row.decided_at, row.decided_at, at) for row in acting[:CONTACTS_A_PERSON]]
    return representing or _own(person, at)


def everybody(person: Person, *, at: datetime) -> list[Contact]:
    """All who are told what goes on: who can prove it, the person's own addresses, and those that were taken off the file lately."""
    told = {contact.digest: contact for contact in [*on_file(person, at=at), *_own(person, at), *_taken_off(person, at)]}
    return list(told.values())


def of_digest(person: Person, digest: bytes, *, at: datetime) -> Contact | None:
    """The contact that a link went to, while it is on file."""
    return next((contact for contact in on_file(person, at=at) if contact.digest == bytes(digest)), None)


def _own(person: Person, at: datetime) -> list[Contact]:
    rows = PersonEmail.objects.filter(person=person).order_by("added_at", "pk")[:CONTACTS_A_PERSON]
    return [_contact(row.address, row.added_at, person.registered_at, at) for row in rows]


def _taken_off(person: Person, at: datetime) -> list[Contact]:
    since = at - timedelta(days=settings.REQUEST_CONTACT_FRESH_DAYS)
    gone = PersonEmail.history.filter(person_id=person.pk, history_type="-", history_date__gt=since).order_by("history_date", "history_id")
    return [Contact(address=row.address, since=row.added_at) for row in gone[:CONTACTS_A_PERSON]]


def _contact(address: str, since: datetime, first: datetime, at: datetime) -> Contact:
    lately = since > at - timedelta(days=settings.REQUEST_CONTACT_FRESH_DAYS)
    return Contact(address=address, since=since, is_fresh=lately and since > first)
