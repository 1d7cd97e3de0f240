"""A request that only a fresh contact proved waits some days, while everybody who can be reached hears of it and can call it back.

Whoever got into an account puts a contact of their own on file and asks by it; the owner's older contacts, also those that were taken off
lately, hear of that here. An older contact that proves the same request ends the waiting at once.
"""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from apps.data_requests.models import DataRequest
from apps.data_requests.services import calling_back, moving
from apps.data_requests.states import State
from apps.foundation.actors import SYSTEM

log = structlog.get_logger(__name__)

TEMPLATE = "data_requests/cooling"
A_SWEEP = 500


def begin(request: DataRequest, *, by, at: datetime) -> DataRequest:
    """Wait, and tell all contacts. The caller holds the row."""
    request.verified_at, request.cools_until = at, at + timedelta(days=settings.REQUEST_COOLING_DAYS)
    request.save(update_fields=["verified_at", "cools_until"])
    request = moving.move(request, State.COOLING_OFF, by=by, at=at, facts={"until": request.cools_until})
    calling_back.offer(request, template=TEMPLATE, until=request.cools_until, at=at)
    return request


def end_due(*, at: datetime) -> int:
    """What nobody called back goes to work; returns how many."""
    due = DataRequest.objects.filter(state=State.COOLING_OFF, cools_until__lte=at).order_by("pk").values_list("pk", flat=True)
    return sum(_end(pk, at) for pk in due[:A_SWEEP])


def _end(pk: int, at: datetime) -> bool:
    try:
        with transaction.atomic():
            request = moving.locked(pk)
            if request.state != State.COOLING_OFF or request.cools_until > at:
                return False
            calling_back.withdraw_offer(request, at=at)
            moving.move(request, State.IN_WORK, by=SYSTEM, at=at, facts={"by": "link", "cooled_off": True})
            return True
    except Exception as error:  # one request that can't go on must not keep the others waiting
        log.warning("request_not_cooled_off", error=type(error).__name__)
        return False
