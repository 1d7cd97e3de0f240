"""What a person does on their preference page with what they lend us. Each answers with the page, and a sentence on top.

The sentence for an upload says how many entries were read, and nothing of what is in them: whether somebody in a book is known here shows
later, and only where both sides allow it.
"""

from datetime import datetime

from django.http import HttpRequest

from apps.consents import visits
from apps.contacts.forms import AddressForm, FileForm, RenewForm, cleaned
from apps.contacts.services import lending
from apps.contacts.services.lent import Lent
from apps.contacts.uploading import into_memory
from apps.foundation.actors import Actor

SOON = "Whom you are matched with shows here within minutes."


def _actor(visit: visits.Visit) -> Actor:
    return Actor("person", visit.person.reference)


@into_memory
@visits.door
def upload(request: HttpRequest, visit: visits.Visit, *, at: datetime) -> str:
    """Takes a file in."""
    given = cleaned(FileForm(request.POST, request.FILES))
    file = given["file"]
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
