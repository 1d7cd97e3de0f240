"""What a person does on their preference page with what they lend us. Each answers with the page, and a sentence on top.

The sentence for an upload says how many entries were read, and nothing of what is in them: whether somebody in a book is known here shows
later, and only where both sides allow it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from allauth.core import ratelimit
from django.core.cache import cache
from django.http import HttpRequest

from apps.accounts.models import Person
from apps.consents import visits
from apps.contacts.forms import AddressForm, FileForm, RenewForm, cleaned
from apps.contacts.reading.files import BOUNDS
from apps.contacts.services import lending
from apps.contacts.services.lent import Lent
from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal
from apps.foundation.uploading import into_memory

#: longer than the longest reading; a process that died in the middle blocks its person no longer
SECONDS_A_READING = 60
SOON = "Whom you are matched with shows here within minutes."


class StillReading(Refusal):
    """Another file of yours is being read right now. This one was not taken."""

    code = "still_reading"
    mend = "Wait a minute, then upload it again."


class TooManyFiles(Refusal):
    """So many files were uploaded here within the last hour that no more are read now."""

    code = "too_many_files"
    mend = "Try again in an hour. What was read already stays."


def _actor(visit: visits.Visit) -> Actor:
    return Actor("person", visit.person.reference)


@contextmanager
def one_at_a_time(request: HttpRequest, person: Person) -> Iterator[None]:
    """A hostile file takes a process of ours many seconds before it is refused: nobody has two read at once, nor one after the other all day."""
    place = f"contacts.reading:{person.pk}"
    if not cache.add(place, True, timeout=SECONDS_A_READING):
        raise StillReading
    try:
        if not ratelimit.consume(request, action="lent_file", key=person.reference):
            raise TooManyFiles
        yield
    finally:
        cache.delete(place)


@into_memory(lambda: BOUNDS.largest)
@visits.door
def upload(request: HttpRequest, visit: visits.Visit, *, at: datetime) -> str:
    """Takes a file in."""
    given = cleaned(FileForm(request.POST, request.FILES))
    file = given["file"]
    with one_at_a_time(request, visit.person):
        source = lending.upload(person=visit.person, purpose=given["kind"], name=file.name, data=file.read(), by=_actor(visit), at=at)
    count = f"{source.entries:,} {'entry' if source.entries == 1 else 'entries'}"
    if source.purpose_id == lending.CALENDAR:
        return f"Your calendar is taken in: {count} in the coming weeks."
    return f"Your address book is taken in: {count}. {SOON}"


@visits.door
def add_address(request: HttpRequest, visit: visits.Visit, *, at: datetime) -> str:
    """Notes an address that is read from now on."""
    given = cleaned(AddressForm(request.POST))
    where = Lent(given["address"], given["user"], given["password"])
    lending.add_address(person=visit.person, purpose=given["kind"], given=where, by=_actor(visit), at=at)
    return "The address is noted and read within minutes; this page then says whether that worked."


@visits.door
def remove(request: HttpRequest, visit: visits.Visit, *, at: datetime) -> str:
    """Takes a source away, with all that was read from it."""
    source = lending.of_person(visit.person, request.POST.get("source", ""))
    lending.remove(source=source, by=_actor(visit), at=at)
    return "It is taken away, with all that was read from it."


@visits.door
def retry(request: HttpRequest, visit: visits.Visit, *, at: datetime) -> str:
    """Reads an address again now."""
    lending.retry(source=lending.of_person(visit.person, request.POST.get("source", "")), by=_actor(visit), at=at)
    return "It is read again within minutes."


@visits.door
def renew(request: HttpRequest, visit: visits.Visit, *, at: datetime) -> str:
    """Takes another name and password for an address."""
    source = lending.of_person(visit.person, request.POST.get("source", ""))
    given = cleaned(RenewForm(request.POST))
    lending.renew(source=source, user=given["user"], password=given["password"], by=_actor(visit), at=at)
    return "The name and password are noted, and the address is read again within minutes."
