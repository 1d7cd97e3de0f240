"""What people of the demo asked about their data: one waits for proof, one for a second person, one can be called back, one is nearly late.

Every row is made by the services themselves, with times in the past. `prepare` calls it once, after demo.py has made people and staff.
"""

from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.models import Person
from apps.data_requests.models import DataRequest
from apps.data_requests.services import approving, closing, denying, letters, moving, opening, owners, planning, proving, taking_in, wording
from apps.data_requests.services.opening import Asked
from apps.data_requests.states import Channel, DenialReason, Kind
from apps.foundation.actors import SYSTEM
from apps.staff.models import StaffMember

GOODBYE = "I changed my job. Please delete what you have about me."
COPY = "I would like a copy of everything that you hold about me."
STRANGER = "How long do you keep messages, and who may read them?"


def make(*, now: datetime) -> None:
    """Requests in most of their states, of people we know and of strangers."""
    dana, ezra = (StaffMember.objects.get(username=name) for name in ("dana", "ezra"))
    people = list(Person.objects.filter(organization__isnull=False, standing="active").order_by("-pk").prefetch_related("emails")[:5])
    leaving, copying, moving_on, renamed, unsure = people
    _asked(Kind.DELETION, leaving, GOODBYE, now - timedelta(days=2))
    _waiting_for_a_second_person(copying, dana, now)
    _announced(moving_on, dana, ezra, now)
    _by_phone(renamed, dana, now)
    _strangers(dana, now)
    _asked(Kind.CATEGORIES, unsure, "Which kinds of data do you have about me?", now - timedelta(hours=5))


def _asked(kind: str, person: Person | None, text: str, at: datetime, *, email: str = "", channel: str = Channel.FORM) -> DataRequest:
    """As the form leaves it: opened, and a link mailed to the contacts on file."""
    address = email or person.emails.all()[0].address
    asked = Asked(kind=kind, text=text, name=person.given_name if person else "", email=address)
    with transaction.atomic():
        request, _is_new = opening.open_request(asked, channel=channel, person=person, received_at=at, by=SYSTEM, at=at)
        return proving.begin(request, at=at) if request.state == "received" else request


def _waiting_for_a_second_person(person: Person, dana: StaffMember, now: datetime) -> None:
    request = _asked(Kind.ACCESS, person, COPY, now - timedelta(days=8), channel=Channel.EMAIL)
    proving.by_staff(request=request, way=proving.Way.CALLED_BACK, by=dana, at=now - timedelta(days=7))
    owners.take(request=request, by=dana, at=now - timedelta(days=7))
    request.refresh_from_db()
    planning.make_plan(request, by=dana, at=now - timedelta(hours=3))
    approving.ask(request, by=dana, at=now - timedelta(hours=3))


def _announced(person: Person, dana: StaffMember, ezra: StaffMember, now: datetime) -> None:
    request = _asked(Kind.CLOSING, person, GOODBYE, now - timedelta(days=5))
    proving.by_staff(request=request, way=proving.Way.LETTER, by=dana, at=now - timedelta(days=4))
    request.refresh_from_db()
    planning.make_plan(request, by=dana, at=now - timedelta(hours=2))
    approving.ask(request, by=dana, at=now - timedelta(hours=2))
    approving.approve(request, by=ezra, at=now - timedelta(hours=1))


def _by_phone(person: Person, dana: StaffMember, now: datetime) -> None:
    at = now - timedelta(days=3)
    asked = Asked(kind=Kind.CORRECTION, text="Her family name changed when she married.", name=person.given_name, correction="family name")
    request, _is_new = taking_in.take_in(
        asked=asked, channel=Channel.PHONE, received_on=at.date(), person_reference=person.reference, by=dana, at=at
    )
    wording.note(request=request, text="She asked to be called back in the morning, at the number on file.", by=dana, at=at)
    owners.take(request=request, by=dana, at=at)


def _strangers(dana: StaffMember, now: datetime) -> None:
    """Of nobody we know: one nearly late, one answered, one denied."""
    _asked(Kind.COMPLAINT, None, "You wrote to me though I never was your customer.", now - timedelta(days=43), email="otto@elsewhere.example")
    answered = _asked(Kind.COMPLAINT, None, STRANGER, now - timedelta(days=12), email="quinn@elsewhere.example")
    text = "Each client sets how long its messages live, and nobody of ours reads them.\n\nDana, privacy"
    letters.by_hand(request=answered, code="answer", text=text, by=dana, at=now - timedelta(days=11))
    denied = _asked(Kind.ACCESS, None, COPY, now - timedelta(days=10), email="rita@elsewhere.example")
    basis = "11 CCR 7024(a): nothing is held by the name, address and phone that were given."
    with transaction.atomic():
        denying.deny(moving.locked(denied.pk), reason=DenialReason.NOT_HELD, basis=basis, by=dana, at=now - timedelta(days=9))
    letters.acknowledge_due(at=now)
    closing.finish_when_answered(at=now)
