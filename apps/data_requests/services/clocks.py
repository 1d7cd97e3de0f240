"""The clocks of a request: started when it is received, stopped by what the rule names, extended once with a reason, paused where it allows that.

`DataRequest.due_at` is the earliest of those that run, so that a list can be ordered by what runs out next. It must never start a clock
twice, move a day any other way than by an extension or a pause, nor set one going again that has stopped; the database refuses that too.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.audit.services import ledger
from apps.data_requests.clocks import ACKNOWLEDGED, ANSWERED, DONE, ERASED, RULES, stopped_by
from apps.data_requests.models import Clock, DataRequest
from apps.data_requests.states import OVER, PauseBasis, Regime
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember

__all__ = (
    "ACKNOWLEDGED", "ANSWERED", "DONE", "ERASED", "AlreadyExtended", "ClockMissing", "ClockOver", "MayNotPause", "NotExtendable", "PauseUnbounded",
    "ReasonNeeded", "corrected", "extend", "go_on_due", "happened", "pause", "refresh_due", "resume", "start", "start_all", "stop", "stop_all",
)  # fmt: skip

LONGEST_REASON = 500
#: a clock that this stopped goes on where the kind is put back; what else stopped one is for good
KIND_CORRECTED = "kind_corrected"


class ClockMissing(Refusal):
    """No clock of that rule runs on this request."""

    code = "clock_missing"
    mend = "Reload the page to see which clocks run."


class ClockOver(Refusal):
    """That clock has run out or was stopped already."""

    code = "clock_over"
    mend = "An extension or a pause comes before the day. Answer the request now."


class NotExtendable(Refusal):
    """The rule of that clock knows no extension."""

    code = "clock_not_extendable"
    mend = "Answer the request by its day."


class AlreadyExtended(Refusal):
    """That clock was extended already, and the rule allows it once."""

    code = "clock_extended"
    mend = "Answer the request by its day."


class ReasonNeeded(Refusal):
    """An extension needs the reason that the person is told."""

    code = "extension_without_reason"
    mend = f"Say in {LONGEST_REASON} characters at most why it takes longer. Name nobody."


class MayNotPause(Refusal):
    """The rule of that clock knows no pause."""

    code = "clock_not_pausable"
    mend = "Only an accounting of disclosures may be suspended, on the statement of an agency (45 CFR 164.528(a)(2))."


class PauseUnbounded(Refusal):
    """A pause needs its last day, in the future; on an oral statement 30 days at most."""

    code = "pause_unbounded"
    mend = "Give the day that the agency's statement names. An oral statement holds for 30 days unless a written one comes."


def start_all(request: DataRequest, at: datetime) -> list[Clock]:
    """Start every clock of `request.regimes` that is not there yet, as of that moment; the caller has locked or made the request."""
    known = set(request.clocks.values_list("regime", flat=True))
    made = [_made(request, Regime(regime), at) for regime in request.regimes if regime not in known]
    refresh_due(request)
    return made


def start(request: DataRequest, regime: str, *, at: datetime) -> Clock:
    """Start one further clock, such as that of a client's answer; twice is once."""
    known = request.clocks.filter(regime=regime).first()
    if known is None:
        known = _made(request, Regime(regime), at)
        request.regimes = [*request.regimes, str(regime)]
        request.save(update_fields=["regimes"])
        ledger.record("request.clock_started", by=SYSTEM, about=request.reference, at=at, facts={"regime": str(regime), "due_at": known.due_at})
        refresh_due(request)
    return known


def _made(request: DataRequest, regime: Regime, at: datetime) -> Clock:
    return Clock.objects.create(request=request, regime=regime, started_at=at, due_at=RULES[regime].due(at))


def corrected(request: DataRequest, regimes: list[str], *, at: datetime) -> None:
    """The request asks for something else: its clocks are those of these rules, as of its receipt. The caller saves the request."""
    _stop(request, [regime for regime in request.regimes if regime not in regimes], KIND_CORRECTED, at)
    request.regimes = list(dict.fromkeys(regimes))
    for clock in request.clocks.filter(regime__in=regimes, stopped_by_event=KIND_CORRECTED).select_for_update():
        clock.stopped_at, clock.stopped_by_event = None, ""
        clock.save()
    start_all(request, request.received_at)


def stop(request: DataRequest, regime: str, event: str, at: datetime) -> bool:
    """Stop one clock by what happened; False where it was stopped before or never ran."""
    return bool(_stop(request, [str(regime)], event, at))


def happened(request: DataRequest, event: str, *, at: datetime) -> list[str]:
    """Stop every clock that this event ends; returns whose rules. What the request itself remembers of it is written too."""
    if event == ACKNOWLEDGED and request.acknowledged_at is None:
        request.acknowledged_at = at
        request.save(update_fields=["acknowledged_at"])
    return _stop(request, stopped_by(event, request.regimes), event, at)


def stop_all(request: DataRequest, event: str, *, at: datetime) -> list[str]:
    """Stop whatever still runs, because the request ended."""
    return _stop(request, list(request.regimes), event, at)


def _stop(request: DataRequest, regimes: list[str], event: str, at: datetime) -> list[str]:
    stopped = []
    for clock in request.clocks.not_stopped().filter(regime__in=regimes).select_for_update():
        _end_pause(clock, at)
        clock.stopped_at, clock.stopped_by_event = at, event
        clock.save()
        stopped.append(clock.regime)
    if stopped:
        ledger.record("request.clock_stopped", by=SYSTEM, about=request.reference, at=at, facts={"regimes": stopped, "event": event})
        refresh_due(request)
    return stopped


@transaction.atomic
def extend(request: DataRequest, regime: str, reason: str, by: StaffMember | Actor, at: datetime) -> Clock:
    """Extend a clock once, before its day, with the reason that the person is told. The caller has locked the request and sends the notice."""
    rule, clock = RULES[Regime(regime)], _running(request, regime)
    if not rule.extendable_once:
        raise NotExtendable
    if clock.extended_at is not None:
        raise AlreadyExtended
    if clock.due_at <= at:
        raise ClockOver
    said = " ".join(reason.split())
    if not said or len(said) > LONGEST_REASON:
        raise ReasonNeeded
    clock.extended_at, clock.extended_due_at = at, rule.extended(clock.due_at)
    clock.extension_reason, clock.extended_by = said, str(_actor(by))
    clock.save()
    ledger.record(
        "request.extended", by=by, about=request.reference, at=at, facts={"regime": str(regime), "was": clock.due_at, "due_at": clock.extended_due_at}
    )
    refresh_due(request)
    return clock


@transaction.atomic
def pause(request: DataRequest, regime: str, *, basis: str, until: datetime, by: StaffMember | Actor, at: datetime) -> Clock:
    """Have a clock stand still on an agency's statement, until the day it names; only where the rule allows that."""
    rule, clock = RULES[Regime(regime)], _running(request, regime)
    if not rule.may_pause:
        raise MayNotPause
    longest = at + timedelta(days=settings.REQUEST_ORAL_PAUSE_DAYS)
    if until <= at or (PauseBasis(basis) == PauseBasis.ORAL and until > longest):
        raise PauseUnbounded
    if clock.ends_at <= at:
        raise ClockOver
    if clock.paused_at is None:
        clock.paused_at = at
    clock.paused_until, clock.pause_basis = until, basis
    clock.save()
    ledger.record("request.paused", by=by, about=request.reference, at=at, facts={"regime": str(regime), "basis": str(basis), "until": until})
    refresh_due(request)
    return clock


@transaction.atomic
def resume(request: DataRequest, regime: str, *, by: StaffMember | Actor, at: datetime) -> Clock:
    """Let a clock go on; its day moves by the days it stood still."""
    clock = _running(request, regime)
    if clock.paused_at is not None:
        _end_pause(clock, at)
        clock.save()
        ledger.record("request.resumed", by=by, about=request.reference, at=at, facts={"regime": str(regime), "due_at": clock.ends_at})
        refresh_due(request)
    return clock


def _end_pause(clock: Clock, at: datetime) -> None:
    """Whole days only: what is less than a day moves nothing, so that a day of ours is never later than the law's."""
    if clock.paused_at is None:
        return
    days = max(0, (min(at, clock.paused_until) - clock.paused_at) // timedelta(days=1))
    clock.due_at += timedelta(days=days)
    if clock.extended_due_at is not None:
        clock.extended_due_at += timedelta(days=days)
    clock.paused_days += days
    clock.paused_at, clock.paused_until, clock.pause_basis = None, None, ""


def go_on_due(*, at: datetime) -> int:
    """Clocks whose pause is over go on; returns how many."""
    due = Clock.objects.to_go_on(at).values_list("request_id", "regime")
    return sum(_go_on(request_id, regime, at) for request_id, regime in list(due))


@transaction.atomic
def _go_on(request_id: int, regime: str, at: datetime) -> bool:
    request = DataRequest.objects.select_for_update(of=("self",)).get(pk=request_id)
    if not request.clocks.to_go_on(at).filter(regime=regime).exists():
        return False
    resume(request, regime, by=SYSTEM, at=at)
    return True


def refresh_due(request: DataRequest) -> None:
    """Write the earliest day of the clocks that run onto the request."""
    first = request.clocks.running().values_list("ends", flat=True).first()
    if request.due_at != first:
        request.due_at = first
        request.save(update_fields=["due_at"])


def _running(request: DataRequest, regime: str) -> Clock:
    if request.state in OVER:
        raise ClockOver
    clock = request.clocks.select_for_update().filter(regime=regime).first()
    if clock is None:
        raise ClockMissing
    if clock.stopped_at is not None:
        raise ClockOver
    return clock


def _actor(by: StaffMember | Actor) -> Actor:
    return by if isinstance(by, Actor) else by.actor
