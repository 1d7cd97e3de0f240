"""Packages: one that waits to be fetched, one that was fetched, one whose days are over."""

from datetime import timedelta

from django.db import transaction

from apps.data_requests.models import Package
from apps.data_requests.services import moving
from apps.data_requests.services.packages import delivering, ending, making
from apps.data_requests.states import Kind, State
from apps.foundation.actors import SYSTEM
from apps.staff.models import StaffMember
from tests.data_requests import asked
from tests.house_web.rows import accounts
from tests.house_web.rows.declared import PRESENT, Rows, Scene


def package(number: int = 0) -> Package:
    made_at = PRESENT - timedelta(days=9 if number == 2 else 0, hours=3 - number)
    person = accounts.person(number)
    request = asked.request(Kind.CATEGORIES, person=person, email=person.emails.first().address, at=made_at)
    with transaction.atomic():
        asked.brought(request, State.RUNNING, at=made_at)
    row = making.make_package(request, at=made_at)
    with transaction.atomic():
        moving.move(moving.locked(request.pk), State.ANSWERING, by=SYSTEM, at=made_at)
    delivering.offer_due(at=made_at)
    if number == 1:
        Package.objects.filter(pk=row.pk).update(fetches=1, fetched_at=PRESENT, disclosure="DSC-0000001")
    if number == 2:
        ending.end_due(at=PRESENT)
    return Package.objects.get(pk=row.pk)


def waiting(_member: StaffMember) -> Package:
    return package()


ROWS = {Package: Rows(package, committed=True)}

SCENES = {(Package, "offer"): Scene(waiting, committed=True)}
