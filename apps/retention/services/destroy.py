"""Destruction beyond recovery, of whatever dies with one secret: intent → journal → key → rows → certificates → journal.

The order is the promise (DESIGN, "Order of the journal"): the database is always first, so that a journal entry without
its row means a restored backup, and a journal shorter than the database a lost journal. Every step commits its own end,
is safe to repeat, and checks again right before the act; killed anywhere, the next run goes on from the last commit.

| step | what is true afterwards |
|---|---|
| keep_what_is_kept | no row that a hold, an archive or a review keeps is left under the secret |
| intend | the intent is a row; the account of every cohort adds up; nothing is destroyed yet |
| journal_intent | the intent is on disk outside the database, signed |
| destroy_key | the secret is gone: every copy of the messages, also in backups and WAL, is unreadable |
| remove_copies | copies outside the database (a hosted archive's files) are gone from their place, proven |
| truncate_and_certify | the rows are gone and each cohort has its certificate, in one transaction |
| journal_end | the journal says that it is done |

What differs between a day, rows aside and a hosted archive stands in `ends/`, one module each with the same verbs.
It must never run while a clock is in doubt or journal and database are out of step.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.foundation.keys import KeyDestroyed, keystore
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.gate.client.passage import NOT_LET_OUT
from apps.gate.client.troubles import PeerTrouble
from apps.holds.services import asking
from apps.retention.models import Cohort, Destruction
from apps.retention.services import certify, clock_guard
from apps.retention.services.clock_guard import ClockInDoubt
from apps.retention.services.ends import End, archive, bundle, day
from apps.retention.states import (
    COHORT_MOVES,
    DESTRUCTION_MOVES,
    CohortState,
    DestructionScope,
    DestructionState,
)
from apps.staff.models import StaffMember

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 5

#: how long a place that is down is left alone; the messages are unreadable already
PLACE_REST = timedelta(minutes=10)

#: what ends, by scope
ENDS: dict[str, End] = {
    DestructionScope.DAY: day,
    DestructionScope.ASIDE: bundle,
    DestructionScope.ARCHIVE: archive,
}


class DayNotOver(Refusal):
    """The day has not come; nothing is destroyed before its time."""

    code = "day_not_over"
    mend = "Wait for the day. To remove single messages sooner, delete them early."


class JournalOutOfStep(Refusal):
    """Journal and database are out of step, so nothing is destroyed."""

    code = "journal_out_of_step"
    mend = "Look at the journal's page: it says which of the two was lost or restored, and what to do."


class NotParked(Refusal):
    """That destruction is not parked."""

    code = "not_parked"
    mend = "Reload the page: somebody may have taken it up already."


class TakenOver(Exception):
    """Another worker goes on with this destruction; whoever was too slow leaves it alone."""


# --- the work list ----------------------------------------------------------------------------------------------------


def open_due(*, at: datetime) -> list[str]:
    """Make the work row of everything whose end has come and that has none. Returns their references."""
    opened = [work.reference for end in ENDS.values() for work in end.open_due(at=at)]
    return sorted(opened)


@transaction.atomic
def claim(*, at: datetime) -> Destruction | None:
    """Take the oldest claimable work with a lease; the attempt counts before the work, so that a killer is found out.

    What has had its attempts is parked on the way, and holds up nothing behind it.
    """
    waiting = Destruction.objects.select_for_update(skip_locked=True).claimable(at).order_by("day", "id")
    while (work := waiting.first()) is not None and work.attempts >= MOST_ATTEMPTS:
        work.parked_at = at
        work.save(update_fields=["parked_at"])
        ledger.record("destruction.parked", by=SYSTEM, about=work.reference, at=at, facts={"attempts": work.attempts})
    if work is None:
        return None
    work.attempts += 1
    work.leased_until = at + timedelta(seconds=settings.RETENTION_LEASE_SECONDS)
    work.save(update_fields=["attempts", "leased_until"])
    return work


def destroy_due(*, at: datetime) -> list[str]:
    """Destroy everything that is due, oldest first. Returns the references of the destructions that ended.

    One that fails is noted with the kind of its error and does not keep the others from going on.
    """
    if not clock_guard.watch(at=at):
        return []
    status = journal.status()
    if not status.in_step:
        log.error("destruction_stopped", why=JournalOutOfStep.code)
        return []
    open_due(at=at)
    done, seen = [], set()
    while (work := claim(at=at)) is not None and work.pk not in seen:
        seen.add(work.pk)
        try:
            done.append(run(work=work, at=at).reference)
        except TakenOver:
            log.info("destruction_taken_over", destruction=work.reference)
        except NOT_LET_OUT as no:  # who has the copies may not be spoken to now; they are unreadable already
            _note(work, f"{no.code}: {no.what}"[:200], wait=PLACE_REST)
        except PeerTrouble as trouble:
            _note(work, f"{trouble.code}: {trouble.what}"[:200], wait=PLACE_REST if trouble.retryable else None)
        except Refusal as refusal:
            _note(work, f"{refusal.code}: {refusal.what}"[:200])
        except Exception as error:
            _note(work, type(error).__name__)
            log.exception("destruction_failed", destruction=work.reference)
    return done


def _note(work: Destruction, what: str, *, wait: timedelta | None = None) -> None:
    """Keep the kind of error; the lease runs out by itself, so that the next try waits a little.

    `wait` is for what mends itself, such as a place that is down: the attempt does not count, and the next one waits longer.
    """
    with transaction.atomic():
        row = Destruction.objects.select_for_update().get(pk=work.pk)
        row.last_error = what
        if wait is not None:
            row.attempts, row.leased_until = max(0, row.attempts - 1), row.leased_until + wait
        row.save(update_fields=["last_error", "attempts", "leased_until"])


@transaction.atomic
def retry(*, work: Destruction, by: StaffMember, at: datetime) -> Destruction:
    """Take up a parked destruction again, after a person looked at why it failed."""
    work = Destruction.objects.select_for_update().get(pk=work.pk)
    if work.parked_at is None:
        raise NotParked
    work.parked_at, work.attempts, work.leased_until, work.last_error = None, 0, None, ""
    work.save(update_fields=["parked_at", "attempts", "leased_until", "last_error"])
    ledger.record("destruction.taken_up_again", by=by.actor, about=work.reference, at=at)
    doorbell.ring("retention.due")
    return work


# --- the steps --------------------------------------------------------------------------------------------------------


def run(*, work: Destruction, at: datetime) -> Destruction:
    """Do all steps that are left of one destruction."""
    if work.day > day_of(at):
        raise DayNotOver(f"The day {work.day.isoformat()} is not over.")
    for step in STEPS:
        step(work.pk, at)
    return Destruction.objects.get(pk=work.pk)


def _locked(work_id: int, at: datetime) -> Destruction:
    """The row, unless another worker has gone on with it at a later time, after our lease ran out: then it is no longer ours."""
    work = Destruction.objects.select_for_update().get(pk=work_id)
    if work.last_step_at is not None and work.last_step_at > at:
        raise TakenOver
    return work


def _move(work: Destruction, state: DestructionState, at: datetime, *fields: str) -> None:
    require_move(DESTRUCTION_MOVES, work.state, state)
    work.state = state
    work.leased_until = at + timedelta(seconds=settings.RETENTION_LEASE_SECONDS)
    work.save(update_fields=["state", "leased_until", *fields])


def _step_on(cohort: Cohort, state: CohortState, field: str, at: datetime) -> None:
    require_move(COHORT_MOVES, cohort.state, state)
    cohort.state = state
    setattr(cohort, field, at)
    cohort.save(update_fields=["state", field])


def keep_what_is_kept(work_id: int, at: datetime) -> None:
    """Rows that something keeps leave the reach of the secret, also those that came to be kept after the intent."""
    work = Destruction.objects.get(pk=work_id)
    if work.state in (DestructionState.DUE, DestructionState.INTENDED, DestructionState.JOURNALLED) and not _is_going(work):
        ENDS[work.scope].keep(work, at=at)


def _is_going(work: Destruction) -> bool:
    """Whether a worker was killed after the key began to go and before that was written down: nothing can be kept any more.

    Everything was asked then, under the same locks; what came since came too late, and only the end is left.
    """
    if work.state != DestructionState.JOURNALLED:
        return False
    try:
        keystore().get(work.secret)
    except KeyDestroyed:  # or marked, and half of it is there still
        return True
    except Refusal:  # missing, damaged or closed: nobody has begun to destroy it
        return False
    return False


@transaction.atomic
def intend(work_id: int, at: datetime) -> None:
    """Write down what will be destroyed, after its account was checked."""
    work = _locked(work_id, at)
    if work.state != DestructionState.DUE:
        return
    end, named = ENDS[work.scope], []
    cohorts = end.locked(work)
    end.require_free(work, cohorts, at=at)
    for cohort, messages, ends_with_it in end.intended(work, cohorts):
        if ends_with_it:
            _step_on(cohort, CohortState.INTENDED, "intended_at", at)
        named.append({"cohort": cohort.reference, "messages": messages})
        ledger.record("cohort.destruction_intended", by=SYSTEM, about=cohort.reference, at=at,
                      facts={"destruction": work.reference, "messages": messages})  # fmt: skip
    entry = journal.owe(
        "destruction.intended", about=work.reference, at=at,
        body={"scope": work.scope, "secret": work.secret, "day": work.day.isoformat(), "cohorts": named},
    )  # fmt: skip
    work.intended_at, work.intent_entry = at, entry.pk
    _move(work, DestructionState.INTENDED, at, "intended_at", "intent_entry")


def journal_intent(work_id: int, at: datetime) -> None:
    """The intent goes into the journal, fsynced, before anything is destroyed."""
    work = Destruction.objects.get(pk=work_id)
    if work.state != DestructionState.INTENDED:
        return
    journal.write(work.intent_entry)
    with transaction.atomic():
        work = _locked(work_id, at)
        if work.state == DestructionState.INTENDED:
            work.journalled_at = at
            _move(work, DestructionState.JOURNALLED, at, "journalled_at")


def destroy_key(work_id: int, at: datetime) -> None:
    """The secret goes: from here on nobody can read these messages, in whatever copy."""
    with transaction.atomic():
        work = _locked(work_id, at)
        if work.state != DestructionState.JOURNALLED:
            return
        end = ENDS[work.scope]
        asking.keep_new_holds_out()  # one that waits comes before our look at the holds, or after the key is gone
        cohorts = end.locked(work)  # the locks a hold or an arrival would need are ours until the key is gone
        if work.day > day_of(at):
            raise DayNotOver(f"The day {work.day.isoformat()} is not over.")
        if not clock_guard.watch(at=at):
            raise ClockInDoubt
        is_going = _is_going(work)
        if not is_going:
            end.require_free(work, cohorts, at=at)
        keystore().destroy(work.secret)
        for cohort in cohorts:
            if cohort.state == CohortState.INTENDED:
                _step_on(cohort, CohortState.SHREDDED, "shredded_at", at)
        seen = max((cohort.holds_seen for cohort in cohorts), default=0)
        work.shredded_at, work.newest_hold = at, seen if is_going else asking.newest(at)
        _move(work, DestructionState.SHREDDED, at, "shredded_at", "newest_hold")


def remove_copies(work_id: int, at: datetime) -> None:
    """What lies outside the database goes too; unreadable already, so a place that is down only delays it."""
    work = Destruction.objects.get(pk=work_id)
    if work.state == DestructionState.SHREDDED:
        ENDS[work.scope].remove_copies(work, at=at)


@transaction.atomic
def truncate_and_certify(work_id: int, at: datetime) -> None:
    """The rows go, and each cohort gets its certificate: both or neither."""
    work = _locked(work_id, at)
    if work.state != DestructionState.SHREDDED:
        return
    end = ENDS[work.scope]
    cohorts = end.locked(work)
    work.truncated_at = at
    for cohort, messages in end.remove(work, cohorts, at=at):
        if cohort.state == CohortState.SHREDDED:
            _step_on(cohort, CohortState.DESTROYED, "destroyed_at", at)
        certificate = certify.issue(cohort=cohort, work=work, messages=messages, at=at)
        ledger.record(
            "cohort.destroyed", by=SYSTEM, about=cohort.reference, at=at,
            facts={"destruction": work.reference, "scope": work.scope, "messages": messages, "certificate": certificate.number},
        )  # fmt: skip
    entry = journal.owe(
        "destruction.done", about=work.reference, at=at,
        body={"day": work.day.isoformat(), "certificates": sorted(work.certificates.values_list("number", flat=True))},
    )  # fmt: skip
    work.done_entry = entry.pk
    _move(work, DestructionState.TRUNCATED, at, "truncated_at", "bytes_freed", "done_entry")


def journal_end(work_id: int, at: datetime) -> None:
    """The journal learns that it is done."""
    work = Destruction.objects.get(pk=work_id)
    if work.state != DestructionState.TRUNCATED:
        return
    journal.write(work.done_entry)
    with transaction.atomic():
        work = _locked(work_id, at)
        if work.state == DestructionState.TRUNCATED:
            work.done_at, work.last_error = at, ""
            _move(work, DestructionState.DONE, at, "done_at", "last_error")


#: the steps in their order; faults are tested before and after each of this very list
STEPS: tuple[Callable[[int, datetime], None], ...] = (
    keep_what_is_kept,
    intend,
    journal_intent,
    destroy_key,
    remove_copies,
    truncate_and_certify,
    journal_end,
)


