"""Consents whose time is over: recorded as expired, with what was collected under them erased. Use ended before, by the clock itself.

Each goes in a transaction of its own, so that one that can't go holds back no other; it is tried again with the next sweep, and the
check on consents past their end names it.
"""

from datetime import datetime

import structlog
from django.db import DatabaseError, transaction

from apps.accounts.models import Person
from apps.consents.models import Standing
from apps.consents.services import saying, withdrawing
from apps.consents.states import ConsentAct, How
from apps.foundation.actors import SYSTEM
from apps.foundation.refusals import Refusal

log = structlog.get_logger(__name__)

AT_A_TIME = 1000


def expire_due(*, at: datetime) -> int:
    """Let every consent fall whose end has come; returns how many did."""
    due = Standing.objects.over(at).values_list("pk", "person_id", "purpose_id")[:AT_A_TIME]
    return sum(_expire(*row, at=at) for row in list(due))


def _expire(standing_id: int, person_id: int, purpose: str, *, at: datetime) -> bool:
    try:
        with transaction.atomic():
            return _expire_locked(person_id, purpose, at=at)
    except (Refusal, DatabaseError) as error:
        log.error("consent_not_expired", standing=standing_id, error=type(error).__name__)
        return False


def _expire_locked(person_id: int, purpose: str, *, at: datetime) -> bool:
    person = Person.objects.select_for_update(no_key=True, of=("self",)).filter(pk=person_id).first()
    standing = saying.lock_standing(person, purpose) if person is not None else None
    if standing is None or not standing.stands or standing.until is None or standing.until > at:
        return False
    withdrawing.end(standing, person=person, act=ConsentAct.EXPIRED, how=How.CLOCK, where="", by=SYSTEM, at=at)
    return True
