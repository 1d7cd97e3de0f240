"""An erasure that was approved is announced to all contacts on file before it begins, and can be called back until then.

The time for it ends before the first clock does: a person is never kept waiting past the day that the law or the policy gives them.
"""

from datetime import datetime, timedelta

from django.conf import settings

from apps.data_requests.models import DataRequest
from apps.data_requests.services import calling_back
from apps.data_requests.states import ERASES
from apps.foundation.refusals import Refusal

TEMPLATE = "data_requests/announced"
#: before its day: carrying out, searching and answering need some time too
ROOM = timedelta(days=1)
#: nobody reads mail faster
LEAST = timedelta(hours=1)


class ErasesNothing(Refusal):
    """Only what erases is announced."""

    code = "request_erases_nothing"
    mend = "Carry it out without an announcement."


def until(request: DataRequest, *, at: datetime) -> datetime:
    """Until when an erasure that is announced now may be called back; an hour where it was approved so late that its day is near or past."""
    wanted, due = at + timedelta(days=settings.REQUEST_CALL_BACK_DAYS), request.due_at
    if due is None:
        return wanted
    least = at + LEAST if due <= at else min(at + LEAST, due)
    return max(least, min(wanted, due - ROOM))


def announce(request: DataRequest, *, at: datetime) -> DataRequest:
    """Tell all contacts, in the transaction of the approval; the caller holds the row and has moved it to ANNOUNCED, or does so after."""
    if request.kind not in ERASES:
        raise ErasesNothing
    request.call_back_until = until(request, at=at)
    request.save(update_fields=["call_back_until"])
    calling_back.offer(request, template=TEMPLATE, until=request.call_back_until, at=at)
    return request
