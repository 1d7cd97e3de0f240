"""Requests that were approved are carried out: begun, done holding by holding, searched, and handed on to be answered.

| what | transaction | killed after it |
|---|---|---|
| claimed, the attempt counted before the work | its own | the lease runs out, another goes on |
| begun: who is erased is a row, owed to the journal; the registration is closed; whom it is about is sealed | one | nothing is erased yet |
| the journal has its line | its own | the next one finds it there |
| each step | its own, see `stepping` | it goes on there |
| the end of the last step: who was erased is owed to the journal | one, with the move to the search | the search comes |
| searched; clean, or back to the steps | the search's own | searched again |

Whatever can be called back, or whose approval does not hold any more, is not begun. It must never erase before the journal knows, and never
let a request be answered while a search finds something that nothing excuses.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from apps.accounts.models import Person
from apps.accounts.services import minors, standing
from apps.accounts.states import ClosedHow, PersonStanding
from apps.audit.services import journal, ledger
from apps.consents.months import months_later
from apps.data_requests import order
from apps.data_requests.models import Attempt, DataRequest, ErasedPerson, Plan, Scan, Step
from apps.data_requests.services import approving, deciding, moving, planning, provider_notices, scanning, stepping, stopping, whom
from apps.data_requests.services.packages import collecting, delivering, making
from apps.data_requests.services.stepping import LeaseLost, Run
from apps.data_requests.states import ERASES, AttemptEnd, Kind, State, StepKind, StepState
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.personal_data import Erase, Subject
from apps.foundation.refusals import Refusal
from apps.retention.services import people

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = MOST_SCANS = 5
BACK_OFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
AT_A_TIME = 20
#: how often it is looked whether somebody else, who is waited for, has answered; their answer rings too
LOOKED_AGAIN = timedelta(hours=1)
#: the mark of a request that stopped after five attempts, until a person has it tried again
PARKED = "parked"
ERASING, ERASED = "person.erasing", "person.erased"


class HoldingUnready(Refusal):
    """A holding of people can neither be erased nor says why it survives."""

    code = "holding_unready"
    mend = "This version of the software is not complete; the request goes on under one that is."


class StepParked(Refusal):
    """A step stopped after five attempts."""

    code = "step_parked"
    mend = "Mend what its last attempt names, and have it tried again."


class StillFound(Refusal):
    """What was erased again and again is found again and again."""

    code = "still_found"
    mend = "Look where the last search found something, mend the holding that leaves it, and have the request tried again."


class NotParked(Refusal):
    """This request did not stop."""

    code = "not_parked"
    mend = "Reload the page."


def work_due(*, at: datetime) -> int:
    """Carry out what is due, one after the other; returns how many requests were worked on. A sweep, and safe beside others."""
    approving.look_after(at=at)
    worked = 0
    while worked < AT_A_TIME and (run := claim(at=at)) is not None:
        work(run)
        worked += 1
    provider_notices.tell_due(at=at)
    whom.forget_due(at=at)
    return worked


@transaction.atomic
def claim(*, at: datetime) -> Run | None:
    """The next request that is due, leased; its attempt is counted before the work."""
    free = Q(leased_until__isnull=True) | Q(leased_until__lte=at)
    turn = Q(next_try_at__isnull=True) | Q(next_try_at__lte=at)
    due = Q(state__in=(State.RUNNING, State.SCANNING)) | Q(state=State.ANNOUNCED, call_back_until__lte=at)
    waiting = DataRequest.objects.filter(free, turn, due).exclude(last_code=PARKED)
    row = waiting.select_for_update(of=("self",), skip_locked=True).order_by("due_at", "pk").first()
    if row is None:
        return None
    row.attempts += 1
    row.leased_until, row.next_try_at = at + stepping.LEASE, at + pause(row.attempts)
    row.save(update_fields=["attempts", "leased_until", "next_try_at"])
    return Run(pk=row.pk, lease=row.leased_until, known=None, at=at)


def pause(attempts: int) -> timedelta:
    return BACK_OFF[min(max(attempts, 1), len(BACK_OFF)) - 1]


def work(run: Run) -> None:
    """Carry a claimed request on as far as it goes. Whatever happens, it is set down here: waiting, to be tried again, or parked."""
    try:
        while (go_on := STAGES.get(DataRequest.objects.values_list("state", flat=True).get(pk=run.pk))) is not None:
            if not go_on(run):
                break
        _set_down(run)
    except LeaseLost:
        return
    except Refusal as refusal:
        _failed(run, refusal.code, parks=isinstance(refusal, StepParked | HoldingUnready | StillFound))
    except Exception as error:  # a defect of one holding keeps no other request waiting; its words may quote what it erased
        log.error("request_not_carried_on", error=type(error).__name__, place=stopping.place(error))
        _failed(run, type(error).__name__, parks=False)


def _set_down(run: Run) -> None:
    with stepping.ours(run) as row:
        row.attempts, row.last_code, row.next_try_at = 0, "", run.now() + LOOKED_AGAIN if row.state in STAGES else None
        row.save(update_fields=["attempts", "last_code", "next_try_at"])
    _give_back(run)


def _failed(run: Run, code: str, *, parks: bool) -> None:
    """Tried again later; after five attempts, or where trying again can't help, it is parked until a person has it tried again."""
    try:
        with stepping.ours(run) as row:
            row.last_code, row.next_try_at = code, run.now() + pause(row.attempts)
            if parks or row.attempts >= MOST_ATTEMPTS:
                row.last_code, row.next_try_at = PARKED, None
                ledger.record("request.parked", by=SYSTEM, about=row.reference, at=run.now(), facts={"code": code, "attempts": row.attempts})
                stopping.alarm(row, code, at=run.now())
            row.save(update_fields=["last_code", "next_try_at"])
        _give_back(run)
    except LeaseLost:
        return


def _give_back(run: Run) -> None:
    DataRequest.objects.filter(pk=run.pk, leased_until=run.lease).update(leased_until=None)


@transaction.atomic
def try_again(request: DataRequest, *, by, at: datetime) -> DataRequest:
    """A person has mended what stopped it: its parked steps begin anew, with attempts of their own."""
    row = moving.locked(request.pk)
    if row.last_code != PARKED:
        raise NotParked
    row.attempts, row.last_code, row.next_try_at = 0, "", None
    row.save(update_fields=["attempts", "last_code", "next_try_at"])
    ledger.record("request.tried_again", by=by, about=row.reference, at=at)
    doorbell.ring("requests.due")
    return row


def _begin(run: Run) -> bool:
    """From here on it can't be called back. What does not hold any more is taken back to work instead."""
    with stepping.ours(run) as row:
        at = run.now()
        plan = Plan.objects.select_for_update(of=("self",)).select_related("request").get(request=row, void_at__isnull=True)
        if not approving.still_holds(plan):
            approving.take_back(row, because="approval_void", at=at)
            return False
        if planning.has_changed(plan, at):
            approving.take_back(row, because="plan_changed", at=at)
            return False
        known = whom.look_up(row, at=at)
        person = minors.lock(Person(pk=row.person_id))
        whom.keep(plan, known)
        digests = whom.digests(known.subject)
        kept_until = months_later(at, settings.REQUEST_KEEP_MONTHS)
        ErasedPerson.objects.update_or_create(
            person_reference=person.reference,
            defaults={"request_reference": row.reference, "digests": b"".join(digests), "began_at": at, "done_at": None, "kept_until": kept_until},
        )
        if person.standing != PersonStanding.CLOSED:
            standing.close(person, how=ClosedHow.PERSON, by=SYSTEM, at=at)
        journal.owe(ERASING, about=person.reference, body={"request": row.reference, "digests": digests, "kept_until": kept_until}, at=at)
        moving.move(row, State.RUNNING, by=SYSTEM, at=at, facts={"plan": plan.reference})
    return True


def write_journal() -> None:
    """All that the journal is owed, in the order of the acts: a hold that was placed before must stand before, also when a restore repeats it.

    Outside of any transaction; nothing is erased before this returned.
    """
    journal.write_owed()


def _carry_out(run: Run) -> bool:
    """Do every step that can be done; False where somebody is waited for."""
    request = DataRequest.objects.get(pk=run.pk)
    run.known = run.known or whom.known(request, at=run.now())
    write_journal()
    plan = Plan.objects.get(request=request, void_at__isnull=True)
    waiting = False
    for step in plan.steps.order_by("number"):
        if step.state != StepState.DONE and not _step(run, request, step):
            waiting = True
    if waiting:
        return False
    return END[request.kind in ERASES](run, request, plan)


def _end_handing_over(run: Run, request: DataRequest, plan: Plan) -> bool:
    """What was collected becomes one package; whoever asked hears where to fetch it."""
    package = making.make_package(request, at=run.now())
    with stepping.ours(run) as row:
        delivering.offer(row, at=run.now())  # its letter is the answer; where nobody can be told yet, a sweep offers it later
        moving.move(row, State.ANSWERING, by=SYSTEM, at=run.now(), facts={"plan": plan.reference, "package": package.reference})
    return False


def _end_erasing(run: Run, _request: DataRequest, plan: Plan) -> bool:
    """Nothing is left to do: who was erased is owed to the journal, and the search begins."""
    if unready := unready_holdings():
        raise HoldingUnready(f"{', '.join(unready)} can neither be erased nor says why it survives.")
    with stepping.ours(run) as row:
        at, reference = run.now(), run.known.subject.reference
        ErasedPerson.objects.filter(person_reference=reference).update(done_at=at)
        # where a hold keeps the person's row, no request points to it any more: what is left is known from the plan
        DataRequest.objects.filter(person_id=run.known.subject.pk).update(person=None)
        row.person = None
        owe_erased(row, run.known.subject, at=at)
        moving.move(row, State.SCANNING, by=SYSTEM, at=at, facts={"plan": plan.reference})
    write_journal()
    return True


#: what follows the last step, by whether the request erases
END: dict[bool, Callable[[Run, DataRequest, Plan], bool]] = {True: _end_erasing, False: _end_handing_over}


def owe_erased(request: DataRequest, subject: Subject, *, at: datetime) -> None:
    """Owe the journal that somebody was erased, with what their client decided, in the caller's transaction."""
    journal.owe(ERASED, about=subject.reference, body={"request": request.reference, "decided": deciding.on_erasure(request)}, at=at)


def unready_holdings() -> list[str]:
    """Holdings of people that can neither be erased nor say why they survive: nothing is complete with one of them."""
    return [holding.code for holding in order.in_order() if holding.erase is None and not holding.survives]


def _step(run: Run, request: DataRequest, step: Step) -> bool:
    """One step; False where it waits. Whatever goes wrong is raised after the attempt says so."""
    kind = StepKind(step.kind)
    if kind in WAITS and WAITS[kind](request, step):
        return False
    attempt = stepping.begin(run, step)
    if attempt is None:
        raise StepParked(f"Step {step.number} ({step.holding}) stopped after {stepping.MOST_ATTEMPTS} attempts.")
    try:
        awaited = DOES[kind](run, request, step, attempt)
    except LeaseLost:
        raise
    except Refusal as refusal:
        stepping.fail(run, attempt, AttemptEnd.REFUSED, refusal.code)
        raise
    except Exception as error:
        stepping.fail(run, attempt, AttemptEnd.FAILED, type(error).__name__[:60])
        raise
    if awaited:
        stepping.wait(run, step, attempt, what=awaited)
        return False
    stepping.done(run, step, attempt)
    return True


def _unanswered(request: DataRequest, step: Step) -> bool:
    """Whether a client that was asked has not answered yet."""
    return step.state == StepState.WAITING and deciding.awaited(request, step.holding)


def _undecided(_request: DataRequest, step: Step) -> bool:
    """Message Data waits for what its client decides; nothing else does."""
    if step.holding != planning.CLIENT_DECIDES:
        return False
    return Step.objects.filter(plan_id=step.plan_id, kind=StepKind.ASK_CLIENT).exclude(state=StepState.DONE).exists()


def _ask(run: Run, _request: DataRequest, step: Step, _attempt: Attempt) -> str:
    """Ask it, unless its standing rule answers, or there is nothing to decide on."""
    with stepping.ours(run) as row:
        return deciding.ask(row, run.known.subject, at=run.now())


def _tell(run: Run, _request: DataRequest, step: Step, _attempt: Attempt) -> str:
    """What the provider got is to be erased there; that it hears of it is a work row of its own."""
    with stepping.ours(run) as row:
        got = provider_notices.who_got_something(run.known.subject).get(step.holding, [])
        provider_notices.make(row, provider=step.holding, person=run.known.subject.reference, disclosures=got, at=run.now())
    return ""


def _survives(_run: Run, _request: DataRequest, _step: Step, _attempt: Attempt) -> str:
    """Nothing to do: the holding says why it stays."""
    return ""


def _erase(run: Run, request: DataRequest, step: Step, attempt: Attempt) -> str:
    stepping.erase(run, step, attempt, erasing(step.holding, request))
    return ""


def _collect(run: Run, request: DataRequest, step: Step, attempt: Attempt) -> str:
    """Rows where they were asked for; where only their kinds were, it is enough to count them."""
    subject, at = run.known.subject, run.now()
    if request.kind == Kind.ACCESS:
        rows = collecting.collect_holding(request, step.holding, subject=subject, at=at)
    else:
        rows = planning.counted(next(holding for holding in order.in_order() if holding.code == step.holding), subject, at)
    with stepping.ours(run):
        locked = Step.objects.select_for_update().get(pk=step.pk)
        locked.collected = max(locked.collected, rows)
        locked.save(update_fields=["collected"])
        Attempt.objects.filter(pk=attempt.pk).update(collected=rows)
    return ""


def erasing(code: str, request: DataRequest) -> Erase:
    """How a holding is erased; Message Data as its client decided."""
    if code == planning.CLIENT_DECIDES:
        return partial(people.erase, answer=deciding.on_erasure(request))
    return next(holding for holding in order.in_order() if holding.code == code).erase


def _search(run: Run) -> bool:
    """Look everywhere for what is left, with nothing of what erased it. What is found is erased again; a clean search is answered."""
    request = DataRequest.objects.get(pk=run.pk)
    known = run.known = run.known or whom.known(request, at=run.now())
    found = search(request, known.subject, at=run.now())
    with stepping.ours(run) as row:
        at = run.now()
        if found.is_clean:
            moving.move(row, State.ANSWERING, by=SYSTEM, at=at, facts={"scan": found.number})
            return False
        attempts = row.attempts
        moving.move(row, State.RUNNING, by=SYSTEM, at=at, facts={"scan": found.number, "findings": len(found.findings)})
        for step in Step.objects.select_for_update().filter(plan__request=row, plan__void_at__isnull=True, kind=StepKind.ERASE, state=StepState.DONE):
            step.state, step.done_at = StepState.RUNNING, None
            step.save(update_fields=["state", "done_at"])
        dirty = row.scans.filter(is_clean=False).count()
        row.attempts = attempts
        row.save(update_fields=["attempts"])
    if dirty % MOST_SCANS == 0:
        raise StillFound(f"{dirty} searches found something.")
    return True


def search(request: DataRequest, subject: Subject, *, at: datetime) -> Scan:
    """The search that shares nothing with what erases."""
    return scanning.scan(request, subject, at=at)


DOES: dict[StepKind, Callable[[Run, DataRequest, Step, Attempt], str]] = {
    StepKind.ASK_CLIENT: _ask,
    StepKind.TELL_PROVIDER: _tell,
    StepKind.SURVIVES: _survives,
    StepKind.ERASE: _erase,
    StepKind.COLLECT: _collect,
}
#: what a step waits for before it is tried
WAITS: dict[StepKind, Callable[[DataRequest, Step], bool]] = {
    StepKind.ASK_CLIENT: _unanswered, StepKind.ERASE: _undecided, StepKind.COLLECT: _undecided,
}  # fmt: skip
#: what is done in each state; False where it goes no further now
STAGES: dict[str, Callable[[Run], bool]] = {State.ANNOUNCED: _begin, State.RUNNING: _carry_out, State.SCANNING: _search}
