"""Somebody of the demo asked for a copy of their data: approved, released by their client, made, and waiting to be fetched.

Every row is made by the services themselves, with times in the past. `prepare` calls it once, after demo_requests.py.
"""

from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.models import Person
from apps.data_requests.models import ClientQuestion
from apps.data_requests.services import approving, client_questions, executing, opening, owners, planning, proving
from apps.data_requests.services.opening import Asked
from apps.data_requests.states import Channel, ClientAnswer, Kind
from apps.foundation.actors import SYSTEM
from apps.staff.models import StaffMember

#: people in front of this one asked for other things already
PLACE = 5


def make(*, now: datetime) -> None:
    """The mail with the link lies in the folder of the demo's mails: behind it, one more link, and then the file."""
    dana, ezra = (StaffMember.objects.get(username=name) for name in ("dana", "ezra"))
    known = Person.objects.filter(organization__isnull=False, standing="active", emails__isnull=False).order_by("-pk").distinct()
    person = known.prefetch_related("emails")[PLACE]
    asked_at, made_at = now - timedelta(days=4), now - timedelta(hours=3)
    asked = Asked(kind=Kind.ACCESS, text="Please send me a copy of what you have about me.", name=person.given_name, email=person.emails.all()[0].address)
    with transaction.atomic():
        request, _is_new = opening.open_request(asked, channel=Channel.FORM, person=person, received_at=asked_at, by=SYSTEM, at=asked_at)
        proving.begin(request, at=asked_at)
    proving.by_staff(request=request, way=proving.Way.CALLED_BACK, by=dana, at=asked_at + timedelta(hours=5))
    owners.take(request=request, by=dana, at=asked_at + timedelta(hours=5))
    request.refresh_from_db()
    planning.make_plan(request, by=dana, at=made_at - timedelta(hours=20))
    approving.ask(request, by=dana, at=made_at - timedelta(hours=20))
    approving.approve(request, by=ezra, at=made_at - timedelta(hours=1))
    executing.work_due(at=made_at)
    for question in ClientQuestion.objects.filter(request=request, answered_at=None):
        client_questions.record_answer(
            question=question, answer=ClientAnswer.RELEASE, evidence="Its mail of today, in the file.", by=dana, at=made_at + timedelta(minutes=20)
        )
    executing.work_due(at=made_at + timedelta(minutes=90))
