"""The exercise of a restore on a copy: what would come back from a backup, and does the replay send it away again?

| step | what is there afterwards |
|---|---|
| clean up | nothing of an earlier drill that was killed |
| begin | the row that says that a copy lies about, and the name of its database |
| copy | a scratch database with a fresh or a given dump; a home of its own with keystore, journal and signing keys |
| exercise | guard, replay and sweep ran in a process that knows only the copy, and it was looked at |
| remove, end | no copy; the row says how it came out |

It must never work on the live database or home, and never leave a copy behind: a second copy of a key is a key that was
not destroyed. Killed at any moment, the next drill removes what is left, and until then a finding of P22 says so.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from apps.audit.services import ledger
from apps.backups.copies import databases, homes
from apps.backups.copies.databases import Programs, Server
from apps.backups.models import Drill, drill_reference
from apps.backups.states import DRILL_MOVES, Outcome
from apps.foundation.actors import Actor
from apps.foundation.keys import FileKeystore
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal

#: runs the exercise in a process of its own, on the copy alone; returns its report with the list "findings"
Exercise = Callable[[Server, Path], dict[str, Any]]


class DrillRuns(Refusal):
    """Another drill is running."""

    code = "drill_runs"
    mend = "Wait for it, or end it; the next drill cleans up after it."


@dataclass(frozen=True)
class Live:
    """What is drilled: the live database, home and keystore, and how the database's programs are reached."""

    database: Server
    home: Path
    store: FileKeystore
    programs: Programs
    superuser: Server | None = None


def drill(
    *, live: Live, exercise: Exercise, by: Actor, at: datetime, dump: Path | None = None, dump_sha256: bytes | None = None,
    given: Server | None = None,
) -> Drill:  # fmt: skip
    """Do the whole exercise and record it. A refusal on the way is raised again after everything was removed."""
    with _alone():
        clean_up(live=live, by=by, at=at)
        began = time.monotonic()
        this = begin(dump_sha256=dump_sha256, given=given, by=by, at=at)
        outcome, report = Outcome.FAILED, {"findings": []}
        try:
            report = _on_a_copy(this, live, exercise, dump, given)
            outcome = Outcome.FOUND if report["findings"] else Outcome.WELL
        except Refusal as refusal:
            report = {"findings": [], "refused": refusal.code}
            raise
        finally:
            _remove(this.scratch, live, given)
            this = end(this, outcome, report, by=by, at=at + timedelta(seconds=time.monotonic() - began))
        return this


def clean_up(*, live: Live, by: Actor, at: datetime) -> list[Drill]:
    """Remove what killed drills left; returns them. Call it where no drill runs."""
    left = list(Drill.objects.running().order_by("id"))
    for killed in left:
        _remove(killed.scratch, live, None)
        end(killed, Outcome.KILLED, {"findings": []}, by=by, at=at)
    for copy in homes.left_behind(live.home):
        homes.remove(copy)
    return left


def _on_a_copy(this: Drill, live: Live, exercise: Exercise, dump: Path | None, given: Server | None) -> dict[str, Any]:
    scratch = databases.take(given, live.database) if given else databases.make(live.database, this.scratch, superuser=live.superuser)
    if dump is not None:
        databases.restore(dump, scratch, live.programs)
    else:
        databases.copy(live.database, scratch, live.programs)
    copy = homes.make(live.home, live.store, this.reference)  # after the dump: the journal is never behind its database
    return exercise(scratch, copy)


def _remove(scratch: str, live: Live, given: Server | None) -> None:
    """Every trace of the copy; the home first, for it holds secrets."""
    for copy in homes.left_behind(live.home):
        homes.remove(copy)
    if scratch:
        databases.drop(live.database, scratch, superuser=live.superuser)
    if given is not None and databases.is_ours(given):
        databases.give_back(given)


@transaction.atomic
def begin(*, dump_sha256: bytes | None, given: Server | None, by: Actor, at: datetime) -> Drill:
    """The row that says that a copy lies about; to be committed before there is one."""
    reference = drill_reference()
    scratch = "" if given is not None else f"{databases.MARK}_{reference.partition('-')[2].lower()}"
    this = Drill.objects.create(reference=reference, started_at=at, by=str(by), dump_sha256=dump_sha256, scratch=scratch)
    ledger.record("drill.started", by=by, about=reference, at=at, facts={"dump": dump_sha256 or "fresh"})
    return this


@transaction.atomic
def end(this: Drill, outcome: Outcome, report: dict[str, Any], *, by: Actor, at: datetime) -> Drill:
    """How it came out. Call it when nothing of the copy is left."""
    row = Drill.objects.select_for_update().get(pk=this.pk)
    require_move(DRILL_MOVES, row.outcome, outcome)
    row.outcome, row.ended_at, row.report, row.entries = outcome, at, report, report.get("lacking")
    row.save(update_fields=["outcome", "ended_at", "report", "entries"])
    ledger.record(
        "drill.ended", by=by, about=row.reference, at=at,
        facts={"outcome": outcome, "findings": len(report["findings"]), "entries": row.entries},
    )  # fmt: skip
    return row


@contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock of the session, which the server lets go of when this process is killed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('covenant_drill'))")
        if not cursor.fetchone()[0]:
            raise DrillRuns
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtext('covenant_drill'))")
