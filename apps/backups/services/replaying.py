"""After a restore: what was destroyed since the backup was made is destroyed again, what was protected is protected again.

The journal tells it in order. Each entry that the database lacks becomes its row again and has its act repeated by the
handler of its kind, with the record of that, in one transaction; so wherever it is killed, the next run goes on there.

| step | what is true afterwards |
|---|---|
| look | every missing line is signed by us and continues the chain; each kind has a handler; nothing was changed |
| note | the restore is a row and a ledger event |
| each entry | its row, its act and the record of the repetition are there, or none of the three |
| the last entry | the same, and the restore is closed: journal and database are in step |

The handlers come as a table, kind → handler, from who knows every floor. It must never skip a kind: one without a handler
stops the replay before anything is changed.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db import connection, transaction

from apps.audit.journal_file import Line
from apps.audit.services import journal, ledger, restoring
from apps.backups.models import Restore
from apps.backups.services import restores
from apps.backups.services.restores import Gap
from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal


class Handler(Protocol):
    """Repeats the act that a line tells of, in the running transaction. Twice is once: the act may be there already."""

    def __call__(self, line: Line, *, at: datetime) -> None: ...


class NoHandler(Refusal):
    """The journal tells of an act that this version can't repeat."""

    code = "no_handler"
    mend = "Run a version of the software at least as new as the one that wrote the journal. Nothing was changed."


class ReplayRuns(Refusal):
    """Another replay is running."""

    code = "replay_runs"
    mend = "Wait for it; it can be killed, a new one then goes on where it was."


class Stopped(Refusal):
    """A line could not be replayed; everything before it was."""

    code = "replay_stopped"
    mend = "Mend what it names and run `manage.py replay` again; it goes on at that line."


@dataclass(frozen=True)
class Replayed:
    """What a replay did. Without a restore there was nothing to replay."""

    restore: Restore | None
    repeated: Counter[str]
    marked: int = 0


def look(handlers: Mapping[str, Handler]) -> Gap:
    """What would be replayed. Refusals: NoHandler, and whatever else keeps journal and database apart than a restore."""
    if _is_in_step():
        return Gap()
    gap = restores.look()
    missing = sorted(set(gap.acts) - set(handlers))
    if missing:
        raise NoHandler(f"Nobody can repeat entries of the kind {', '.join(missing)}.")
    return gap


def replay(
    *,
    handlers: Mapping[str, Handler],
    by: Actor,
    at: datetime,
    afterwards: Sequence[Callable[..., None]] = (),
    told: Callable[[Line], None] = lambda _line: None,
) -> Replayed:
    """Repeat everything the database lacks. `told` hears of each line after its transaction.

    `afterwards` are called with `at=` in the transaction of the last line.
    """
    with _alone():
        gap = look(handlers)
        if not gap.entries:
            return Replayed(None, Counter())
        restore = restores.found(gap=gap, at=at)
        repeated: Counter[str] = Counter()
        marked = 0
        for one in restoring.lacking():
            ends = afterwards if one.line.sequence == gap.last else None
            if _take_over(one.line, restore, handlers, ends=ends, by=by, at=at):
                repeated[one.line.kind] += 1
            else:
                marked += 1
            told(one.line)
        restore.refresh_from_db()
        return Replayed(restore, repeated, marked)


def _is_in_step() -> bool:
    try:
        journal.require_in_step()
    except journal.DatabaseRestored:
        return False
    return True


@transaction.atomic(durable=True)
def _take_over(
    line: Line, restore: Restore, handlers: Mapping[str, Handler], *, ends: Sequence[Callable[..., None]] | None, by: Actor, at: datetime
) -> bool:
    """One line, whole: its row, its act, its record. True where the act had to be repeated. The last one comes with its `ends`."""
    is_new = restoring.adopt(line)
    if is_new:
        try:
            handlers[line.kind](line, at=at)
        except Refusal as refusal:
            raise Stopped(
                f"Entry {line.sequence} ({line.kind} {line.about}) could not be replayed: {refusal.what}", mend=refusal.mend
            ) from refusal
        ledger.record(
            restores.REPLAYED_ENTRY, by=by, about=line.about, at=at,
            facts={"restore": restore.reference, "sequence": line.sequence, "kind": line.kind},
        )  # fmt: skip
    if ends is not None:
        for end in ends:
            end(at=at)
        restores.close(restore=restore, last=line.sequence, at=at)
    return is_new


@contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock of the session, which the server lets go of when this process is killed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('covenant_replay'))")
        if not cursor.fetchone()[0]:
            raise ReplayRuns
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtext('covenant_replay'))")
