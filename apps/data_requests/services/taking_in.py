"""What somebody says on the phone or writes by post, typed in by staff: the same request with the same proof as any other.

The day on which it came counts, not the day on which it was typed. It must never take the word of a caller for who they are: proof goes by a
link to a contact on file, or by what `proving.by_staff` records.
"""

from datetime import UTC, date, datetime, time

from django.db import transaction

from apps.accounts import details
from apps.accounts.models import Person
from apps.data_requests.models import DataRequest
from apps.data_requests.services import contacts, opening, proving
from apps.data_requests.services.correcting import NoSuchPerson
from apps.data_requests.services.opening import Asked
from apps.data_requests.states import Asker, Channel, State
from apps.foundation.clock import day_of
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import presence

TAKE_IN = "data_requests.add_datarequest"
BY_STAFF = (Channel.PHONE, Channel.POST)
#: who may ask for somebody; nobody of ours does
ASKERS = (Asker.SELF, Asker.AGENT, Asker.ATTORNEY, Asker.REPRESENTATIVE)
LONGEST_TEXT = 10_000
#: longer ago nothing lies on a desk; a typing error in the year would start a clock that is over
OLDEST_DAYS = 60


class ChannelNotStaffs(Refusal):
    """Only what came by phone or by post is typed in."""

    code = "request_channel_other"
    mend = "What came by e-mail or by the form is taken in by itself."


class DayNotUsable(Refusal):
    """The day on which it came lies in the future or too far back."""

    code = "request_day_not_usable"
    mend = f"Give the day on which it reached us, {OLDEST_DAYS} days back at most."


class SeveralPeople(Refusal):
    """More than one person is known by this address or phone."""

    code = "request_several_people"
    mend = "Find out at which client, look for them under People, and give the reference."


class NothingAsked(Refusal):
    """It says neither who asks nor what."""

    code = "request_nothing_asked"
    mend = f"Write what was asked, in {LONGEST_TEXT:,} characters at most, and a name, an address or a phone."


@transaction.atomic
def take_in(*, asked: Asked, channel: str, received_on: date, person_reference: str = "", by: StaffMember, at: datetime) -> tuple[DataRequest, bool]:
    """Open the request that was told or written, or join the open one; returns it, and whether it is new."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, TAKE_IN)
    if channel not in BY_STAFF:
        raise ChannelNotStaffs
    if not 0 <= (day_of(at) - received_on).days <= OLDEST_DAYS:
        raise DayNotUsable
    known_by = asked.name or asked.email or asked.phone or person_reference
    if not asked.text.strip() or len(asked.text) > LONGEST_TEXT or not known_by:
        raise NothingAsked
    person = _person(asked, person_reference, at)
    received_at = at if received_on == day_of(at) else datetime.combine(received_on, time(0), UTC)
    request, is_new = opening.open_request(asked, channel=channel, person=person, received_at=received_at, by=member, at=at)
    if is_new and request.state == State.RECEIVED:
        proving.begin(request, at=at)
    return request, is_new


def _person(asked: Asked, reference: str, at: datetime) -> Person | None:
    if reference:
        person = Person.objects.filter(reference=reference.strip().upper()).select_related("organization").first()
        if person is None:
            raise NoSuchPerson
        return person
    phone = details.phone(asked.phone, region="US") if asked.phone else ""
    found = contacts.people_of(email=asked.email, phone=phone, organization=asked.organization, at=at)
    if len(found) > 1:
        raise SeveralPeople
    return found[0] if found else None
