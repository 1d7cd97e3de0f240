"""The one way in which a request changes its state: by the table of moves, with its record, its clocks and a ring.

| who depends on it | on what |
|---|---|
| every verb of this floor | that no state changes but through `move`, under the request's lock |
| the time line | an event `request.<state>` for each move, in the same transaction |
| the clocks | that what ends a request stops them, and nothing else here does |

The database refuses every other pair, and a request that nobody proved from being worked on. It must never be called without the row locked
in the running transaction.
"""

from datetime import datetime
from typing import Any

from django.conf import settings

from apps.audit.services import ledger
from apps.consents.months import months_later
from apps.data_requests.models import DataRequest
from apps.data_requests.services import clocks
from apps.data_requests.states import MOVES, NEEDS_NO_PROOF, NOT_FOR, OVER, WORKED_ON, Outcome, State
from apps.foundation import doorbell
from apps.foundation.moves import NotAMove, require_move
from apps.foundation.refusals import Refusal

#: what of a request belongs to its way: a caller sets these before `move`, which saves them with the state
WAY = (
    "state", "outcome", "denial_reason", "denial_basis", "merged_into", "acknowledged_at", "verified_at", "cools_until", "approved_at",
    "call_back_until", "answered_at", "closed_at", "kept_until", "attempts", "leased_until", "next_try_at", "last_code",
)  # fmt: skip

#: how a request ended, where its end says that by itself
OUTCOMES = {State.DENIED: Outcome.DENIED, State.CALLED_BACK: Outcome.CALLED_BACK, State.MERGED: Outcome.MERGED}
#: what stops the clocks that still run when a request ends
END_EVENTS = {State.COMPLETED: "completed", State.DENIED: "denied", State.CALLED_BACK: "called_back", State.MERGED: "merged"}


class NotProven(Refusal):
    """Nobody has proved yet that this request comes from the person it is about."""

    code = "request_not_proven"
    mend = "Wait until a contact on file confirmed it, or deny it as not verified."


class NotForThisKind(NotAMove):
    """What this request asks for goes another way."""

    code = "not_a_move_of_its_kind"
    mend = "A deletion is approved, announced, done and searched before it is answered; a copy is approved and made. Make the plan first."


class RequestUnknown(Refusal):
    """There is no request of that reference."""

    code = "request_unknown"
    mend = "Look for it in the list of requests, and copy its reference, like REQ-7F3K2M9."


def locked(key: str | int) -> DataRequest:
    """The request of that reference or id as it is now, locked until the transaction ends."""
    named = {"reference": key} if isinstance(key, str) else {"pk": key}
    request = DataRequest.objects.select_for_update(of=("self",)).filter(**named).select_related("person", "organization").first()
    if request is None:
        raise RequestUnknown
    return request


def move(request: DataRequest, to: str, *, by: Any, at: datetime, facts: dict | None = None) -> DataRequest:
    """Move a request that the caller has locked, and save what else of its way (`WAY`) the caller has set on it.

    Raises NotAMove (NotForThisKind where only other kinds may), or NotProven where it would be worked on and its kind needs proof. What a worker
    noted about the state it leaves (attempts, lease, last trouble) begins anew. A request that ends gets its end, its outcome (`WHOLE`, unless the
    caller said otherwise) and the day until which its record is kept; clocks that still run stop.
    """
    here = request.state
    require_move(MOVES, here, to)
    if request.kind in NOT_FOR.get((here, to), ()):
        raise NotForThisKind
    if to in WORKED_ON and request.verified_at is None and request.kind not in NEEDS_NO_PROOF:
        raise NotProven
    request.state = State(to)
    request.attempts, request.leased_until, request.next_try_at, request.last_code = 0, None, None, ""
    if to in OVER:
        request.outcome = OUTCOMES.get(to, request.outcome or Outcome.WHOLE)
        request.closed_at, request.kept_until = at, months_later(at, settings.REQUEST_KEEP_MONTHS)
    request.save(update_fields=WAY)
    ledger.record(f"request.{to}", by=by, about=request.reference, at=at, facts={"from": here} | _outcome(request) | (facts or {}))
    if here == State.SCANNING and to == State.ANSWERING:
        clocks.happened(request, clocks.ERASED, at=at)
    if to in OVER:
        clocks.stop_all(request, END_EVENTS[to], at=at)
    doorbell.ring("requests.due")
    return request


def _outcome(request: DataRequest) -> dict:
    return {"outcome": request.outcome} if request.state in OVER else {}
