"""Whether Global Privacy Control is honoured: asked for by one member of staff, decided by another, for good from a moment on.

To stop what a switch began, another one is asked for; what an earlier one did stays done. It must never count for a moment that
passed before its approval, and never be decided by who asked. Staff rows are locked first, then the switch.
"""

from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts import details
from apps.audit.services import ledger
from apps.consents.heeding import SWITCH_MOVES, SwitchState
from apps.consents.models.browsers import SignalSwitch
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals, presence

ASK, APPROVE = "consents.add_signalswitch", "consents.approve_signalswitch"
LONGEST_REASON = 500
LONGEST_AHEAD = timedelta(days=366)


class SwitchNotAsked(Refusal):
    """Nobody asks for this switch, or no longer."""

    code = "switch_not_asked"
    mend = "Reload the page. If it is still wanted, ask for a new one."


class SwitchTimeNotFit(Refusal):
    """A switch counts from now on or from a later moment, a year ahead at most."""

    code = "switch_time_not_fit"
    mend = "Correct the moment from which it counts."


class NothingSwitched(Refusal):
    """That is how it stands already."""

    code = "nothing_switched"
    mend = "Nothing needs to be done."


def digest_of(switch: SignalSwitch) -> bytes:
    """What an approval is bound to."""
    return sha256(canonical([switch.reference, switch.is_honoured, switch.from_at.isoformat(), switch.reason, switch.asked_by]))


def asked_for(switch: SignalSwitch) -> Approval | None:
    """The open request for this switch, if there is one."""
    return Approval.objects.waiting().filter(act=APPROVE, subject=switch.reference).select_related("asked_by").first()


def what_it_does(switch: SignalSwitch) -> str:
    """One sentence on what changes, for who decides and for who asks."""
    since = f"{switch.from_at:%Y-%m-%d %H:%M} UTC"
    if switch.is_honoured:
        return (
            f"From {since} Global Privacy Control counts as a no to each disclosure that a person never decided on. "
            "What somebody allowed expressly is left alone, and they are shown the conflict."
        )
    return f"From {since} Global Privacy Control is noted and not acted on. What it counted as a no before stays a no."


@transaction.atomic
def ask(*, is_honoured: bool, from_at: datetime, reason: str, by: StaffMember, at: datetime) -> SignalSwitch:
    """Ask for a switch. Nothing changes before somebody else has approved it."""
    asker = presence.lock(by)[by.pk]
    presence.require_right(asker, ASK)
    if from_at < at - timedelta(minutes=5) or from_at > at + LONGEST_AHEAD:
        raise SwitchTimeNotFit
    reason = details.line(reason, field="reason", longest=LONGEST_REASON)
    waiting = SignalSwitch.objects.select_for_update().waiting().first()
    if waiting is not None:
        if (waiting.is_honoured, waiting.from_at, waiting.reason, waiting.asked_by) == (is_honoured, from_at, reason, str(asker.actor)):
            return waiting
        raise approvals.AlreadyAsked(f"{waiting} is asked for and not decided yet.")
    before = SignalSwitch.objects.in_force(from_at).first()
    if (before is not None and before.is_honoured) == is_honoured:
        raise NothingSwitched
    switch = SignalSwitch.objects.create(is_honoured=is_honoured, from_at=from_at, reason=reason, asked_by=str(asker.actor), asked_at=at)
    approvals.ask(act=APPROVE, subject=switch.reference, digest=digest_of(switch), by=asker, at=at)
    ledger.record("signal_switch.asked", by=asker, about=switch.reference, at=at, facts=_facts(switch))
    return switch


@transaction.atomic
def approve(*, switch: SignalSwitch, by: StaffMember, at: datetime) -> SignalSwitch:
    """Approve what somebody else asked for. It counts from its moment on, or from now where that has passed."""
    return _decide(switch, SwitchState.APPROVED, by=by, at=at)


@transaction.atomic
def reject(*, switch: SignalSwitch, by: StaffMember, at: datetime) -> SignalSwitch:
    """Reject what somebody else asked for."""
    return _decide(switch, SwitchState.REJECTED, by=by, at=at)


def _decide(switch: SignalSwitch, verdict: SwitchState, *, by: StaffMember, at: datetime) -> SignalSwitch:
    approval = asked_for(switch)
    if approval is None:
        raise SwitchNotAsked
    decider = presence.lock(by, approval.asked_by)[by.pk]
    row = SignalSwitch.objects.select_for_update().get(pk=switch.pk)
    require_move(SWITCH_MOVES, row.state, verdict)
    decided = approvals.approve if verdict == SwitchState.APPROVED else approvals.reject
    decided(approval=approval, digest=digest_of(row), by=decider, at=at)
    if verdict == SwitchState.APPROVED:
        row.from_at = max(row.from_at, at)
    row.state, row.decided_by, row.decided_at = verdict, str(decider.actor), at
    row.save(update_fields=["state", "from_at", "decided_by", "decided_at"])
    ledger.record(f"signal_switch.{verdict.value}", by=decider, about=row.reference, at=at, facts=_facts(row) | {"asked_by": row.asked_by})
    return row


def _facts(switch: SignalSwitch) -> dict:
    return {"honoured": switch.is_honoured, "from": switch.from_at.isoformat()}
