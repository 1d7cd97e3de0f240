"""Acts that send the mails of packages, for the tests of mail: when it was, and what the mail must say."""

from django.db import transaction

from apps.data_requests.services import moving
from apps.data_requests.services.packages import delivering, making
from apps.data_requests.states import Kind, State
from apps.foundation.actors import SYSTEM
from apps.mail.models import OutgoingMail
from tests import cast
from tests.cast import NOON
from tests.data_requests import asked

PAGES = "http://127.0.0.1:8000/requests"


def waiting(person) -> str:
    """A package that was made and offered; the token of the offer."""
    opened = asked.request(Kind.ACCESS, person=person)
    with transaction.atomic():
        request = asked.brought(opened, State.RUNNING)
    making.make_package(request, at=NOON)
    with transaction.atomic():
        moving.move(moving.locked(request.pk), State.ANSWERING, by=SYSTEM, at=NOON)
    delivering.offer_due(at=NOON)
    offer = OutgoingMail.objects.get(body__contains=f"{PAGES}/ready/")
    return offer.body.partition("/ready/")[2].partition("/")[0]


def a_fresh_link():
    """Ada wants to fetch what waits."""
    token = waiting(cast.ada(cast.client()))
    package = delivering.ask_anew(token, at=NOON)
    return NOON, [asked.ADA, package.request.reference, "Hill Clinic", "30 minutes", f"{PAGES}/fetch/"]
