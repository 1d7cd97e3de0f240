"""Acts that send each mail of the intake, for the tests of mail: when it was, and what the mail must say."""

from datetime import timedelta

from django.db import transaction

from apps.accounts.services import amending
from apps.data_requests.models import Arrival
from apps.data_requests.services import announcing, calling_back, moving, proving, sorting
from apps.data_requests.states import ArrivalState, Asker, Kind, State
from apps.foundation.actors import SYSTEM
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests.asked import dana
from tests.data_requests.intake import given

PAGES = "http://127.0.0.1:8000/requests"


def a_proof():
    """Ada asks, and gets a link."""
    cast.ada(cast.client(), given.ADA)
    request = given.taken()
    return NOON, [given.ADA, request.reference, "Hill Clinic", "deletion", "24 hours", f"{PAGES}/prove/"]


def an_agent():
    """Somebody asks for Ada."""
    cast.ada(cast.client(), given.ADA)
    request = given.taken(kind=Kind.ACCESS, asker=Asker.AGENT, agent_name="Anna Agent", agent_email=given.EVE, writer=given.EVE)
    return NOON, [given.ADA, request.reference, "Hill Clinic", "a copy of what is held", "24 hours", f"{PAGES}/confirm/"]


def a_receipt():
    """Somebody whom nobody knows asks."""
    given.taken(given.EVE)
    return NOON, [given.EVE, "once a day", "60 days", "March 8, 2026"]


def a_wait():
    """Ada's newest address proves her request."""
    person = cast.ada(cast.client(), given.ADA)
    amending.add_email(person=person, address=given.OLD, by=SYSTEM, at=NOON - 2 * DAY)
    request = given.taken()
    proving.prove(given.token(given.OLD), at=NOON)
    return NOON, [given.ADA, request.reference, "Hill Clinic", "deletion", "March 15, 2026, 12:00 UTC", f"{PAGES}/call-back/"]


def an_announcement():
    """Ada's deletion is approved."""
    cast.ada(cast.client(), given.ADA)
    request = announced()
    return NOON + timedelta(hours=1), [given.ADA, request.reference, "Hill Clinic", "deletion", "March 11, 2026, 13:00 UTC", f"{PAGES}/call-back/"]


def a_call_back():
    """Ada calls her deletion back."""
    cast.ada(cast.client(), given.ADA)
    request = announced()
    calling_back.call_back(given.token(page="call-back"), at=NOON + timedelta(hours=2))
    return NOON + timedelta(hours=2), [given.ADA, request.reference, "Hill Clinic", "deletion", f"{PAGES}/"]


def announced(*, at=NOON + timedelta(hours=1)):
    """A deletion of Ada's that was proven and approved."""
    request = given.taken()
    proving.prove(given.token(), at=NOON)
    return announce_at(request, at)


def announce_at(request, at):
    """A proven request is approved and announced."""
    with transaction.atomic():
        row = moving.move(moving.locked(request.reference), State.AWAITING_APPROVAL, by=SYSTEM, at=at)
        announcing.announce(row, at=at)
        return moving.move(row, State.ANNOUNCED, by=SYSTEM, at=at)


def what_waits():
    """Something came in that nobody can open."""
    dana()
    came = given.arrival(given.EVE)
    Arrival.objects.filter(pk=came.pk).update(state=ArrivalState.UNREADABLE)
    sorting.remind_due(at=NOON)
    return NOON, ["dana@covenant.example", "1 that came in could not be opened", "2026-03-08 12:00 UTC", "/admin/data_requests/arrival/"]
