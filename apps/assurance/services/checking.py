"""Runs the checks and keeps what they found.

| who depends on it | on what |
|---|---|
| the board, `manage.py promises` | that `kept` was proven on rows that exist, by a check that ended |
| an auditor | that a finding keeps the day it was first seen while it lasts |

A check must never be able to write (its transaction is read-only, and rolled back), never be counted as kept when it
failed, and its error's text must never be stored: texts of errors quote data.
"""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from apps.assurance.models import CheckResult, Finding, Promise, Run
from apps.assurance.registry import CHECKS
from apps.assurance.services import board
from apps.assurance.states import PromiseState, ResultState
from apps.audit.services import ledger
from apps.foundation.actors import Actor
from apps.foundation.promises import Check, Looked, Violation

CHECK_TIMEOUT_SECONDS = 300
MOST_FINDINGS = 1000
TOO_MANY = "more than 1,000 objects break the promise; the first 1,000 are listed"


@dataclass(frozen=True)
class Outcome:
    """What one check saw. `error` is the kind of error that ended it; `cut` says that more was found than is kept."""

    check: Check
    state: str
    rows: int = 0
    violations: tuple[Violation, ...] = ()
    duration_ms: int = 0
    error: str = ""
    cut: bool = False


def run(*, codes: Iterable[str] | None = None, by: Actor, at: datetime, checks: tuple[Check, ...] = CHECKS) -> Run:
    """Check the promises of these codes (all without), and keep results and findings promise by promise.

    Killed in the middle, what was checked stands, and the run stays without an end.
    """
    wanted = board.require_codes(codes)
    board.ensure(at)
    actor = getattr(by, "actor", by)
    this = Run.objects.create(by=str(actor), started_at=at, promises=len(wanted))
    began = time.monotonic()
    totals: Counter[str] = Counter()
    for code in wanted:
        outcomes = [look(check, at) for check in checks if check.promise == code]
        totals += _keep(this, code, outcomes, at)
    return _finish(this, actor, totals, at, began)


def look(check: Check, at: datetime) -> Outcome:
    """Run one check in a transaction of its own that can't write and is rolled back; an error is its outcome."""
    if check.run is None:
        return Outcome(check, ResultState.UNPROVEN)
    began = time.monotonic()
    try:
        looked = _read_only(check, at)
    except Exception as error:  # noqa: BLE001 - whatever a check raises, the promise is not proven and the other checks must run
        took = round((time.monotonic() - began) * 1000)
        kind = type(error).__name__[:80]
        violation = Violation(f"check:{check.code}", f"the check ended with {kind}")
        return Outcome(check, ResultState.ERROR, 0, (violation,), took, kind)
    return _outcome(check, looked, round((time.monotonic() - began) * 1000))


def _read_only(check: Check, at: datetime) -> Looked:
    """One snapshot for all queries of the check, so that work going on beside it can't look like a violation."""
    isolation = "" if connection.in_atomic_block else "ISOLATION LEVEL REPEATABLE READ, "
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION {isolation}READ ONLY")
            cursor.execute(f"SET LOCAL statement_timeout = '{CHECK_TIMEOUT_SECONDS}s'")
        looked = check.run(at)
        transaction.set_rollback(True)
    return looked


def _outcome(check: Check, looked: Looked, took: int) -> Outcome:
    found = sorted({_fitted(violation) for violation in looked.violations}, key=lambda one: (one.object, one.why))
    cut = len(found) > MOST_FINDINGS
    if cut:
        found = [*found[:MOST_FINDINGS], Violation(f"check:{check.code}", TOO_MANY)]
    state = ResultState.BROKEN if found else ResultState.KEPT if looked.rows else ResultState.NOTHING_TO_CHECK
    return Outcome(check, state, looked.rows, tuple(found), took, "", cut)


def _fitted(violation: Violation) -> Violation:
    """The violation as its columns can hold it, so that it is the same row in the next run."""
    return Violation(str(violation.object)[:120], str(violation.why)[:300])


def state_of(outcomes: Iterable[Outcome]) -> str:
    """The state of a promise from its checks: broken by any finding; kept only where something was looked at."""
    proofs = [outcome for outcome in outcomes if outcome.check.run is not None]
    if any(outcome.violations for outcome in proofs):
        return PromiseState.BROKEN
    if not proofs:
        return PromiseState.UNPROVEN
    if all(outcome.rows == 0 for outcome in proofs):
        return PromiseState.NOTHING_TO_CHECK
    return PromiseState.KEPT


@transaction.atomic
def _keep(this: Run, code: str, outcomes: list[Outcome], at: datetime) -> Counter[str]:
    """Write results, findings and state of one promise. Of two runs at once the later one has the last word."""
    promise = Promise.objects.select_for_update().get(code=code)
    CheckResult.objects.bulk_create([_result(this, promise, outcome) for outcome in outcomes])
    state = state_of(outcomes)
    if promise.checked_at and promise.checked_at > at:
        return Counter({state: 1})
    seen, opened = _open_findings(promise, outcomes, at)
    gone = _close_findings(promise, outcomes, seen, at)
    promise.state, promise.checked_at = state, at
    promise.save(update_fields=["state", "checked_at"])
    return Counter({state: 1, "opened": opened, "gone": gone})


def _result(this: Run, promise: Promise, outcome: Outcome) -> CheckResult:
    return CheckResult(
        run=this, promise=promise, check_code=outcome.check.code, state=outcome.state, rows=outcome.rows,
        duration_ms=outcome.duration_ms, error=outcome.error,
    )  # fmt: skip


def _open_findings(promise: Promise, outcomes: list[Outcome], at: datetime) -> tuple[list[int], int]:
    """One row per object and reason: a new one, or the one that stands. Returns all that were seen, and how many are new."""
    standing = {(one.check_code, one.object, one.why): one.pk for one in promise.findings.open()}
    seen, fresh = [], []
    for outcome in outcomes:
        for violation in outcome.violations:
            key = (outcome.check.code, violation.object, violation.why)
            if key in standing:
                seen.append(standing[key])
            else:
                fresh.append(_finding(promise, outcome, violation, at))
    Finding.objects.filter(pk__in=seen).update(last_seen_at=at)
    made = Finding.objects.bulk_create(fresh)
    return [*seen, *(finding.pk for finding in made)], len(made)


def _finding(promise: Promise, outcome: Outcome, violation: Violation, at: datetime) -> Finding:
    return Finding(
        promise=promise, check_code=outcome.check.code, object=violation.object, why=violation.why,
        since=at, last_seen_at=at,
    )  # fmt: skip


def _close_findings(promise: Promise, outcomes: list[Outcome], seen: list[int], at: datetime) -> int:
    """What was not seen now is gone, unless its check could not look, or found more than it lists."""
    blind = [outcome.check.code for outcome in outcomes if outcome.state == ResultState.ERROR or outcome.cut]
    return promise.findings.open().exclude(pk__in=seen).exclude(check_code__in=blind).update(gone_at=at)


def _finish(this: Run, actor: Actor, totals: Counter[str], at: datetime, began: float) -> Run:
    """The end of a run, with its ledger entry."""
    took = time.monotonic() - began
    this.finished_at = at + timedelta(seconds=took)
    this.broken, this.opened, this.gone = totals[PromiseState.BROKEN], totals["opened"], totals["gone"]
    with transaction.atomic():
        this.save(update_fields=["finished_at", "broken", "opened", "gone"])
        ledger.record(
            "assurance.checked", by=actor, about=this.reference, at=at,
            facts={
                "promises": this.promises,
                "kept": totals[PromiseState.KEPT],
                "broken": this.broken,
                "unproven": totals[PromiseState.UNPROVEN],
                "nothing_to_check": totals[PromiseState.NOTHING_TO_CHECK],
                "findings_opened": this.opened,
                "findings_gone": this.gone,
                "milliseconds": round(took * 1000),
            },
        )  # fmt: skip
    return this
