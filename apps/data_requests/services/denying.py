"""A request is denied: for a reason from the list, with its basis, and with the words on how to appeal (11 CCR 7022(f), 7024(c)).

What nobody proved is denied by itself when its first day comes, because nobody could be told otherwise. It must never deny without saying so,
nor tell whoever asked whether anybody is known.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from apps.data_requests.models import Clock, DataRequest
from apps.data_requests.services import letters, moving
from apps.data_requests.services.sweeping import each
from apps.data_requests.states import NEEDS_NO_PROOF, DenialReason, Regime, State
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import presence

WORK = "data_requests.work_datarequest"
LONGEST_BASIS = 500
#: so long before the day, so that the letter leaves in time
AHEAD = timedelta(days=1)
UNPROVEN_STATES = (State.RECEIVED, State.IDENTIFYING)
UNPROVEN = "11 CCR 7021(b), 7060: no contact on file confirmed the request within the time that the law gives for an answer."


class BasisMissing(Refusal):
    """A denial needs its reason and its basis."""

    code = "denial_without_basis"
    mend = f"Choose the reason, and name the clause or statute and why it applies, in {LONGEST_BASIS} characters at most. Name nobody."


@transaction.atomic
def deny(request: DataRequest, *, reason: str, basis: str, by: StaffMember | Actor, at: datetime) -> DataRequest:
    """Deny a request that was not carried out yet, and say so to whoever may hear it."""
    if isinstance(by, StaffMember):
        by = presence.lock(by)[by.pk]
        presence.require_right(by, WORK)
    said = " ".join(basis.split())
    if reason not in DenialReason.values or not said or len(said) > LONGEST_BASIS:
        raise BasisMissing
    row = moving.locked(request.pk)
    who = letters.addressee(row, at=at)
    row.denial_reason, row.denial_basis, row.answered_at = reason, said, at
    moving.move(row, State.DENIED, by=by, at=at, facts={"reason": str(reason)})
    letters.send(
        row, code="denial", to=who.to, address=who.address, context={"reason": DenialReason(reason).label, "basis": said},
        once_key=f"{row.reference}/denial", by=by, at=at,
    )  # fmt: skip
    return row


def deny_unproven(*, at: datetime) -> int:
    """Deny what nobody confirmed when the day of its answer is near; returns how many. 11 CCR 7021(b) lets it be denied then."""
    near = Clock.objects.running().exclude(regime=Regime.CCPA_ACKNOWLEDGE).filter(request=OuterRef("pk"), ends__lte=at + AHEAD).order_by()
    waiting = DataRequest.objects.filter(Exists(near), state__in=UNPROVEN_STATES, verified_at=None).exclude(kind__in=NEEDS_NO_PROOF).order_by("pk")
    return each(_deny, waiting.values_list("pk", flat=True), at)


def _deny(pk: int, at: datetime) -> bool:
    row = moving.locked(pk)
    if row.state not in UNPROVEN_STATES or row.verified_at is not None:
        return False
    deny(row, reason=DenialReason.UNVERIFIED, basis=UNPROVEN, by=SYSTEM, at=at)
    return True
