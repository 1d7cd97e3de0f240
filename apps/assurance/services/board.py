"""The 26 promises as rows, and the board as plain data for the command, the admin and whoever asks by machine.

It must never say more than was found: a promise nobody checked is `unproven`, and one without rows is not `kept`.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.assurance.models import CheckResult, Finding, Promise
from apps.assurance.registry import CHECKS
from apps.assurance.states import PromiseState, ResultState
from apps.foundation.promises import PROMISES, Check
from apps.foundation.refusals import Refusal

#: the sections of the policy, and the last promise of each
SECTIONS: tuple[tuple[int, str, str], ...] = (
    (1, "What is collected, and how", "P10"),
    (2, "What it is used for, and who receives it", "P16"),
    (3, "How it is protected, and where it lies", "P19"),
    (4, "Deletion, choices and changes", "P26"),
)


class UnknownPromise(Refusal):
    """There is no promise of that code."""

    code = "unknown_promise"
    mend = "Use a code from P01 to P26."


@dataclass(frozen=True)
class CheckLine:
    """One check on the board: what it proves, and what it saw last."""

    code: str
    title: str
    state: str
    rows: int | None
    duration_ms: int | None
    error: str
    waits_for: str


@dataclass(frozen=True)
class PromiseLine:
    """One promise on the board."""

    promise: Promise
    proofs: tuple[CheckLine, ...]
    waiting: tuple[CheckLine, ...]
    findings: tuple[Finding, ...]
    more_findings: int = 0


def section_of(code: str) -> int:
    """The section of the policy that makes the promise."""
    return next(number for number, _title, last in SECTIONS if code <= last)


def require_codes(codes: Iterable[str] | None) -> list[str]:
    """The codes asked for, in the order of the policy; all of them where none is named. Refuses an unknown one."""
    wanted = set(PROMISES) if codes is None else set(codes)
    if wanted - set(PROMISES):
        raise UnknownPromise(f"There is no promise {min(wanted - set(PROMISES))[:20]}.")
    return [code for code in PROMISES if code in wanted]


@transaction.atomic
def ensure(at: datetime) -> list[Promise]:
    """The 26 rows, made where missing, their titles as the code has them. What was found is left as it is.

    `at` is taken like by every verb; the rows don't say when they were made.
    """
    Promise.objects.bulk_create(
        [Promise(code=code, title=title, section=section_of(code)) for code, title in PROMISES.items()],
        update_conflicts=True, unique_fields=["code"], update_fields=["title", "section"],
    )  # fmt: skip
    return list(Promise.objects.order_by("code"))


def _latest_results(codes: list[str]) -> dict[tuple[str, str], CheckResult]:
    """The newest result of each check, by promise and check."""
    found = CheckResult.objects.filter(promise__in=codes).order_by("promise_id", "check_code", "-id")
    found = found.distinct("promise_id", "check_code")
    return {(result.promise_id, result.check_code): result for result in found}


def _line(check: Check, result: CheckResult | None) -> CheckLine:
    if check.run is None or result is None:
        return CheckLine(check.code, check.title, ResultState.UNPROVEN, None, None, "", check.waits_for)
    return CheckLine(
        check.code, check.title, result.state, result.rows, result.duration_ms, result.error, check.waits_for
    )


def lines(codes: Iterable[str] | None = None, *, checks: tuple[Check, ...] = CHECKS, findings: int | None = None):
    """The board: a PromiseLine per promise in order, with at most `findings` open findings each (None: all)."""
    wanted = require_codes(codes)
    promises = Promise.objects.in_bulk(wanted)
    results = _latest_results(wanted)
    found = defaultdict(list)
    for finding in Finding.objects.open().filter(promise__in=wanted).order_by("since", "id"):
        found[finding.promise_id].append(finding)
    return [_promise_line(promises.get(code), code, checks, results, found[code], findings) for code in wanted]


def _promise_line(promise, code, checks, results, found, limit) -> PromiseLine:
    promise = promise or Promise(code=code, title=PROMISES[code], section=section_of(code))
    mine = [check for check in checks if check.promise == code]
    shown = found if limit is None else found[:limit]
    return PromiseLine(
        promise=promise,
        proofs=tuple(_line(check, results.get((code, check.code))) for check in mine if check.run),
        waiting=tuple(_line(check, None) for check in mine if not check.run),
        findings=tuple(shown),
        more_findings=len(found) - len(shown),
    )


def as_dict(codes: Iterable[str] | None = None, *, checks: tuple[Check, ...] = CHECKS) -> dict[str, dict[str, Any]]:
    """The board as JSON has it: promise → state, checks, findings, checked_at."""
    return {line.promise.code: _promise_as_dict(line) for line in lines(codes, checks=checks)}


def _promise_as_dict(line: PromiseLine) -> dict[str, Any]:
    checked_at = line.promise.checked_at
    return {
        "state": str(PromiseState(line.promise.state)),
        "checks": [_check_as_dict(check) for check in (*line.proofs, *line.waiting)],
        "findings": [
            {"object": finding.object, "why": finding.why, "since": finding.since.isoformat()}
            for finding in line.findings
        ],
        "checked_at": checked_at.isoformat() if checked_at else None,
    }


def _check_as_dict(check: CheckLine) -> dict[str, Any]:
    return {
        "code": check.code,
        "title": check.title,
        "state": str(check.state),
        "rows": check.rows,
        "duration_ms": check.duration_ms,
        "error": check.error,
        "waits_for": check.waits_for,
    }
