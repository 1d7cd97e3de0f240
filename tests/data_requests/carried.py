"""Requests on their way through plan, approval and work, as tests need them."""

from datetime import datetime, timedelta

from apps.accounts.models import Organization, Person
from apps.accounts.services import subjects
from apps.data_requests.models import DataRequest, Plan
from apps.data_requests.services import approving, executing, opening, planning
from apps.data_requests.states import Channel, Kind
from apps.foundation.actors import SYSTEM
from apps.foundation.personal_data import Subject
from apps.retention.models import PersonRule
from apps.retention.services.people import rules
from tests import cast
from tests.gate import given

ASKED = cast.NOON
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def client_says(organization: Organization, *, erasure: str = "erase", access: str = "release", at: datetime = ASKED) -> None:
    """A standing rule of the client on messages of people who ask."""
    rule = PersonRule(organization=organization, erasure=erasure, access=access, evidence="Letter of 2 March")
    rules.propose(rule=rule, by=cast.bo(), at=at)
    rules.approve(rule=rule, by=cast.cleo(), at=at)


def subject(person: Person) -> Subject:
    return subjects.subject_of(person)


def asked(person: Person, kind: str = Kind.DELETION, at: datetime = ASKED) -> DataRequest:
    """In work: another part of the system knew who asks."""
    request, _is_new = opening.open_request(
        opening.Asked(kind=kind, text="Please erase me."), channel=Channel.OWN, person=person, received_at=at, by=SYSTEM, at=at
    )
    return request


def planned(person: Person, kind: str = Kind.DELETION, at: datetime = ASKED) -> Plan:
    return planning.make_plan(asked(person, kind, at), by=SYSTEM, at=at)


def approved(person: Person, kind: str = Kind.DELETION, at: datetime = ASKED) -> DataRequest:
    """Planned, asked for by Dana, approved by Cleo."""
    plan = planned(person, kind, at)
    approving.ask(plan.request, by=given.dana(), at=at)
    return approving.approve(plan.request, by=cast.cleo(), at=at)


def due(request: DataRequest) -> datetime:
    """When it can't be called back any more."""
    return DataRequest.objects.get(pk=request.pk).call_back_until + MINUTE


def carried_out(person: Person, kind: str = Kind.DELETION, at: datetime = ASKED) -> DataRequest:
    """Approved, and worked on as far as it goes."""
    request = approved(person, kind, at)
    executing.work_due(at=due(request))
    request.refresh_from_db()
    return request
