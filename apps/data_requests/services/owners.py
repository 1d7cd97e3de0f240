"""Who answers for a request: one member of staff at a time, who hears when a day comes near. It must never give one to somebody who may not work on it."""

from datetime import datetime

from django.db import transaction

from apps.audit.services import ledger
from apps.data_requests.models import DataRequest
from apps.data_requests.services import moving
from apps.data_requests.states import OVER
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import presence

WORK = "data_requests.work_datarequest"


class IsOver(Refusal):
    """This request is over; its record stays as it is."""

    code = "request_over"
    mend = "Whoever asks again begins a new request."


class OwnerCannotWork(Refusal):
    """Whoever is to have it may not work on requests."""

    code = "request_owner_cannot"
    mend = "Choose somebody whose role lets them work on data requests."


def take(*, request: DataRequest, by: StaffMember, at: datetime) -> DataRequest:
    """Own a request from now on."""
    return hand_over(request=request, to=by, by=by, at=at)


@transaction.atomic
def hand_over(*, request: DataRequest, to: StaffMember, by: StaffMember, at: datetime) -> DataRequest:
    """Give a request an owner; twice is once."""
    members = presence.lock(by, to)
    giver, taker = members[by.pk], members[to.pk]
    presence.require_right(giver, WORK)
    if not taker.is_active or not taker.has_perm(WORK):
        raise OwnerCannotWork
    row = moving.locked(request.pk)
    if row.state in OVER:
        raise IsOver
    if row.owner != str(taker.actor):
        row.owner = str(taker.actor)
        row.save(update_fields=["owner"])
        ledger.record("request.handed_over", by=giver, about=row.reference, at=at, facts={"to": row.owner})
    return row
