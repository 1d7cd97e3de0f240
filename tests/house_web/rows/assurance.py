"""Promises with what was found about them, and the runs that found it."""

from datetime import timedelta

from apps.assurance.models import Finding, Promise, Run
from apps.assurance.services import checking
from apps.foundation.actors import SYSTEM
from apps.foundation.promises import Check, Looked, Violation
from tests.cast import NOON
from tests.house_web.rows.declared import FORMULAS, Rows, Scene


def run(number: int) -> Run:
    """A run that finds `number` things and one more that break a promise, so that each run adds one finding."""
    violations = tuple(Violation(f"COH-{found}", FORMULAS[found]) for found in range(number + 1))
    check = Check("P06", "p06_planted", "what is planted here is found", lambda _at: Looked(5, violations))
    return checking.run(codes=["P06"], by=SYSTEM, at=NOON + timedelta(hours=number), checks=(check,))


ROWS = {
    Promise: Rows(run, queries=9, more="the promises with their checks and findings, the runs", fixed=True, scans=("title",)),
    Finding: Rows(run, queries=5, more="the promises to filter by", planted=True, scans=("=object", "=check_code")),
    Run: Rows(run, view="assurance.view_promise", scans=("=by",)),
}

SCENES = {(Promise, "run"): Scene(lambda _member: None)}
