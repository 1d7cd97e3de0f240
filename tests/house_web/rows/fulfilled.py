"""Requests for the acts that a floor below fulfils: a consent to withdraw, a person to put right, a minor to suspend; and somebody to look for."""

from apps.consents.models import Standing
from apps.data_requests.models import DataRequest
from apps.data_requests.states import Channel, Kind
from apps.staff.models import StaffMember
from tests.house_web.rows import accounts, consents, data_requests
from tests.house_web.rows.declared import Scene


def with_somebody(_member: StaffMember) -> None:
    accounts.person(0)


def withdrawal(_member: StaffMember) -> DataRequest:
    """Of somebody whose consent stands."""
    standing = consents.standing(0)
    return data_requests.opened(Kind.WITHDRAWAL, person=standing.person, channel=Channel.OWN)


def report_of_a_minor(_member: StaffMember) -> DataRequest:
    accounts.person(0)
    return data_requests.opened(Kind.MINOR, email="teacher@elsewhere.example")


ROWS: dict = {}

SCENES = {
    (DataRequest, "find_person"): Scene(with_somebody, {"term": "adelaide0@quuxworth.example"}),
    (DataRequest, "withdraw"): Scene(withdrawal, lambda asked: {"purpose": Standing.objects.get(person=asked.person, stands=True).purpose_id}),
    (DataRequest, "correct"): Scene(lambda _member: data_requests.in_work(Kind.CORRECTION)),
    (DataRequest, "minor"): Scene(report_of_a_minor, lambda _asked: {"person": accounts.Person.objects.get().reference}),
}
