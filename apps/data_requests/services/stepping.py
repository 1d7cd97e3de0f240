"""One step of a plan is done once, wherever whoever does it is killed, and each time it was tried stays written.

| killed | what the next one finds |
|---|---|
| before the attempt is written | nothing was begun |
| after it | an attempt without an end: it is closed as killed, and another begins |
| within a piece | the piece was rolled back, its counts too |
| after a piece | it counts; the secrets and files that it owes stand in the step, and are destroyed first |
| after these are destroyed | they are destroyed once more, which changes nothing, and struck out |
| after the last piece | holdings answer 0 for what is gone, and the step is done |

Every transaction asks whether the request is still ours: whoever lost the lease writes nothing. It must never count a piece that was rolled
back, never destroy a secret before its rows are committed, and never go on with a step after five attempts that failed in a row.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F

from apps.audit.services import ledger
from apps.data_requests.models import Attempt, DataRequest, Remainder, Step
from apps.data_requests.services import moving
from apps.data_requests.services.whom import Known
from apps.data_requests.states import STEP_MOVES, AttemptEnd, State, StepState
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import keystore
from apps.foundation.moves import require_move
from apps.foundation.personal_data import Ended
from apps.foundation.refusals import Refusal

#: where a worker has something to do; everywhere else a request waits for people, or for its mail
WORKED_ON_HERE = frozenset({State.ANNOUNCED, State.RUNNING, State.SCANNING})
LEASE = timedelta(minutes=10)
MOST_ATTEMPTS = 5
#: a holding that asks to be called again and does nothing is a defect, and no work
MOST_IDLE = 100
log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """Somebody else works on this request now; nothing more is written for it here."""


class StepStuck(Refusal):
    """The holding asks to be called again and again, and does nothing."""

    code = "step_stuck"
    mend = "This is a defect of the holding; the step can be tried again when it is mended."


class FileOutside(Refusal):
    """A file that is owed to destruction does not lie among ours."""

    code = "file_outside"
    mend = "This is a defect of the holding that named it."


@dataclass
class Run:
    """One worker on one request, as long as its lease stands."""

    pk: int
    lease: datetime | None
    known: Known | None
    at: datetime
    began: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        return self.at + timedelta(seconds=time.monotonic() - self.began)


@contextmanager
def ours(run: Run) -> Iterator[DataRequest]:
    """A transaction in which the request is locked, ours, and leased anew. LeaseLost where it is not ours any more."""
    with transaction.atomic(durable=True):
        row = moving.locked(run.pk)
        if row.leased_until != run.lease or row.state not in WORKED_ON_HERE:
            raise LeaseLost
        yield row
        row.leased_until = run.now() + LEASE if row.state in WORKED_ON_HERE else None  # a move gave it back
        row.save(update_fields=["leased_until"])
    run.lease = row.leased_until


def begin(run: Run, step: Step) -> Attempt | None:
    """Write that it is tried, before it is; None where it was parked instead."""
    with ours(run) as row:
        locked = Step.objects.select_for_update().get(pk=step.pk)
        now = run.now()
        locked.attempts.filter(end=AttemptEnd.RUNNING).update(end=AttemptEnd.KILLED, ended_at=now)
        ends = list(locked.attempts.order_by("-number").values_list("number", "end")[:MOST_ATTEMPTS])
        tried = ends[0][0] if ends else 0
        if locked.state == StepState.RUNNING and len(ends) == MOST_ATTEMPTS and AttemptEnd.WELL not in [end for _number, end in ends]:
            _to(locked, StepState.PARKED)
            facts = {"step": locked.number, "holding": locked.holding, "attempts": tried}
            ledger.record("request.step_parked", by=SYSTEM, about=row.reference, at=now, facts=facts)
            return None
        if locked.state != StepState.RUNNING:
            _to(locked, StepState.RUNNING)
        return Attempt.objects.create(step=locked, number=tried + 1, began_at=now)


def settle(run: Run, step: Step) -> None:
    """Destroy what the step owes, then strike it out. What is gone already is gone."""
    owed = Step.objects.values_list("owed", flat=True).get(pk=step.pk)
    if not owed:
        return
    destroy(owed)
    with ours(run):
        locked = Step.objects.select_for_update().get(pk=step.pk)
        locked.owed = [one for one in locked.owed if one not in owed]
        locked.save(update_fields=["owed"])


def destroy(owed: list[dict[str, str]]) -> None:
    """Destroy secrets and files; the ones that are gone are gone."""
    for one in owed:
        if "secret" in one:
            keystore().destroy(one["secret"])
        else:
            destroy_file(one["file"])


def destroy_file(name: str) -> None:
    """Remove one file below our home, named from there. One that is not there is gone."""
    home = Path(settings.COVENANT_HOME).resolve()
    path = (home / name).resolve()
    if home not in path.parents:
        raise FileOutside
    path.unlink(missing_ok=True)


def owing(ended: Ended) -> list[dict[str, str]]:
    """What an erasure owes to destruction, as a step writes it down."""
    return [{"secret": name} for name in ended.secrets] + [{"file": name} for name in ended.files]


def piece(run: Run, step: Step, attempt: Attempt, work) -> Ended:
    """One call of a holding with what it did and what it owes, in one transaction."""
    with ours(run) as row:
        locked = Step.objects.select_for_update().get(pk=step.pk)
        now = run.now()
        ended: Ended = work(run.known.subject, now)
        locked.erased += ended.erased
        locked.anonymised += ended.anonymised
        locked.owed = [*locked.owed, *owing(ended)]
        locked.save(update_fields=["erased", "anonymised", "owed"])
        Attempt.objects.filter(pk=attempt.pk).update(erased=F("erased") + ended.erased, anonymised=F("anonymised") + ended.anonymised)
        keep(row, locked.holding, ended, at=now)
    settle(run, step)
    return ended


def keep(row: DataRequest, holding: str, ended: Ended, *, at: datetime) -> None:
    """Write down what was lawfully left of a holding: its ground, whose, how many rows."""
    for kept in ended.kept:
        found, is_new = Remainder.objects.get_or_create(
            request=row, holding=holding, ground=kept.ground.value, about=kept.about, ended_at=None,
            defaults={"rows": kept.rows, "since": at, "until": kept.until, "next_try_at": at},
        )  # fmt: skip
        if not is_new and (found.rows, found.until) != (kept.rows, kept.until):
            found.rows, found.until = kept.rows, kept.until
            found.save(update_fields=["rows", "until"])
        if is_new:
            facts = {"holding": holding, "ground": kept.ground.value, "about": kept.about, "rows": kept.rows, "until": kept.until}
            ledger.record("request.kept", by=SYSTEM, about=row.reference, at=at, facts=facts)


def erase(run: Run, step: Step, attempt: Attempt, work) -> None:
    """Call a holding until nothing is left to do."""
    idle = 0
    settle(run, step)
    while (ended := piece(run, step, attempt, work)).more:
        idle = 0 if ended.erased or ended.anonymised or ended.secrets or ended.files else idle + 1
        if idle >= MOST_IDLE:
            raise StepStuck


def done(run: Run, step: Step, attempt: Attempt) -> None:
    """It is done; the request's own attempts count anew, for something was done."""
    with ours(run) as row:
        locked = Step.objects.select_for_update().get(pk=step.pk)
        now = run.now()
        _end(attempt, AttemptEnd.WELL, "", now)
        locked.done_at, locked.waits_for = now, ""
        _to(locked, StepState.DONE, "done_at", "waits_for")
        row.attempts, row.last_code, row.next_try_at = 0, "", None
        row.save(update_fields=["attempts", "last_code", "next_try_at"])
        facts = {"step": locked.number, "kind": locked.kind, "holding": locked.holding, "attempts": attempt.number}
        counts = {"erased": locked.erased, "anonymised": locked.anonymised, "collected": locked.collected}
        ledger.record("request.step_done", by=SYSTEM, about=row.reference, at=now, facts=facts | counts)


def wait(run: Run, step: Step, attempt: Attempt, *, what: str) -> None:
    """It waits for somebody else; whatever comes after it may go on."""
    with ours(run) as row:
        locked = Step.objects.select_for_update().get(pk=step.pk)
        _end(attempt, AttemptEnd.WELL, "waits", run.now())
        is_new = locked.waits_for != what
        locked.waits_for = what
        _to(locked, StepState.WAITING, "waits_for")
        if is_new:
            ledger.record("request.step_waits", by=SYSTEM, about=row.reference, at=run.now(), facts={"step": locked.number, "for": what})


def fail(run: Run, attempt: Attempt, end: AttemptEnd, code: str) -> None:
    """It was refused, or failed; the attempt stays, and says so."""
    with ours(run) as row:
        _end(attempt, end, code, run.now())
        row.last_code = code
        row.save(update_fields=["last_code"])


def _end(attempt: Attempt, end: AttemptEnd, code: str, at: datetime) -> None:
    Attempt.objects.filter(pk=attempt.pk, end=AttemptEnd.RUNNING).update(end=end, code=code, ended_at=at)


def _to(step: Step, state: StepState, *fields: str) -> None:
    require_move(STEP_MOVES, step.state, state)
    step.state = state
    step.save(update_fields=["state", *fields])
