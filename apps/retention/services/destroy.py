"""The destruction of one expiry day, beyond recovery: intent → journal → key → rows → certificates → journal.

The order is the promise (DESIGN, "Order of the journal"): the database is always first, so that a journal entry without
its row means a restored backup, and a journal shorter than the database a lost journal. Every step commits its own end,
is safe to repeat, and checks again right before the act; killed anywhere, the next run goes on from the last commit.

| step | what is true afterwards |
|---|---|
| step_aside | no row that is owed to an archive is left in the day's leaf |
| intend | the intent is a row; the account of every cohort adds up; nothing is destroyed yet |
| journal_intent | the intent is on disk outside the database, signed |
| destroy_key | the day's secret is gone: every copy of the messages, also in backups and WAL, is unreadable |
| truncate_and_certify | the rows are gone and each cohort has its certificate, in one transaction |
| journal_end | the journal says that it is done |

It must never run while a clock is in doubt or journal and database are out of step.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction

from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.foundation.keys import keystore
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.retention import envelope
from apps.retention.models import Cohort, Destruction
from apps.retention.services import accounts, aside, certify, clock_guard
from apps.retention.services.clock_guard import ClockInDoubt
from apps.retention.states import (
    COHORT_MOVES,
    DESTRUCTION_MOVES,
    CohortState,
    DestructionState,
)
from apps.staff.models import StaffMember

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 5


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


# --- the work list ----------------------------------------------------------------------------------------------------


@transaction.atomic
def open_due(*, at: datetime) -> list[date]:
    """Make the work row of every expired day that has none. Returns the days."""
    days = sorted(Destruction.objects.without_their_own_row(Cohort.objects.all(), day_of(at)))
    Destruction.objects.bulk_create([Destruction(day=day, opened_at=at) for day in days], ignore_conflicts=True)
    return days


@transaction.atomic
def claim(*, at: datetime) -> Destruction | None:
    """Take the oldest claimable day with a lease; the attempt counts before the work, so that a killer is found out."""
    work = Destruction.objects.select_for_update(skip_locked=True).claimable(at).first()
    if work is None:
        return None
    if work.attempts >= MOST_ATTEMPTS:
        work.parked_at = at
        work.save(update_fields=["parked_at"])
        ledger.record("destruction.parked", by=SYSTEM, about=work.reference, at=at, facts={"attempts": work.attempts})
        return None
    work.attempts += 1
    work.leased_until = at + timedelta(seconds=settings.RETENTION_LEASE_SECONDS)
    work.save(update_fields=["attempts", "leased_until"])
    return work


def destroy_due(*, at: datetime) -> list[str]:
    """Destroy every day that is due, oldest first. Returns the references of the destructions that ended.

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
        except Refusal as refusal:
            _note(work, f"{refusal.code}: {refusal.what}"[:200])
        except Exception as error:
            _note(work, type(error).__name__)
            log.exception("destruction_failed", destruction=work.reference)
    return done


def _note(work: Destruction, what: str) -> None:
    """Keep the kind of error; the lease runs out by itself, so that the next try waits a little."""
    with transaction.atomic():
        row = Destruction.objects.select_for_update().get(pk=work.pk)
        row.last_error = what
        row.save(update_fields=["last_error"])


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
    """Do all steps that are left of one day."""
    if work.day > day_of(at):
        raise DayNotOver(f"The day {work.day.isoformat()} is not over.")
    for step in STEPS:
        step(work.pk, at)
    return Destruction.objects.get(pk=work.pk)


def _locked(work_id: int) -> Destruction:
    return Destruction.objects.select_for_update().get(pk=work_id)


def _cohorts(work: Destruction) -> list[Cohort]:
    """All cohorts of the day, locked in the order everybody locks them in."""
    return list(
        Cohort.objects.select_for_update(of=("self",))
        .select_related("organization")
        .filter(expiry_on=work.day)
        .order_by("id")
    )


def _is_owed(cohort: Cohort) -> bool:
    return cohort.archive_owed or cohort.organization.archive_entitlement != "none"


def _to_destroy(cohorts: list[Cohort]) -> list[Cohort]:
    return [cohort for cohort in cohorts if cohort.aside_at is None]


def _move(work: Destruction, state: DestructionState, at: datetime, *fields: str) -> None:
    require_move(DESTRUCTION_MOVES, work.state, state)
    work.state = state
    work.leased_until = at + timedelta(seconds=settings.RETENTION_LEASE_SECONDS)
    work.save(update_fields=["state", "leased_until", *fields])


def step_aside(work_id: int, at: datetime) -> None:
    """Rows owed to an archive that does not have them leave the day's leaf."""
    work = Destruction.objects.get(pk=work_id)
    if work.state != DestructionState.DUE:
        return
    for cohort in Cohort.objects.select_related("organization").filter(expiry_on=work.day, aside_at=None).order_by("id"):
        if cohort.state == CohortState.EXPIRED and _is_owed(cohort):
            aside.step_aside(cohort=cohort, at=at)


@transaction.atomic
def intend(work_id: int, at: datetime) -> None:
    """Write down what will be destroyed, after its account was checked."""
    work = _locked(work_id)
    if work.state != DestructionState.DUE:
        return
    cohorts = _cohorts(work)
    named = []
    for cohort in cohorts:
        account = accounts.require_balance(cohort)
        if cohort.aside_at is not None:
            continue
        if _is_owed(cohort):  # became owed since the last step
            raise accounts.AccountDoesNotBalance(f"{cohort.reference} is owed to an archive and has not stepped aside.")
        require_move(COHORT_MOVES, cohort.state, CohortState.INTENDED)
        cohort.state, cohort.intended_at = CohortState.INTENDED, at
        cohort.save(update_fields=["state", "intended_at"])
        named.append({"cohort": cohort.reference, "messages": account.in_leaf})
        ledger.record("cohort.destruction_intended", by=SYSTEM, about=cohort.reference, at=at,
                      facts={"destruction": work.reference, "messages": account.in_leaf})  # fmt: skip
    entry = journal.owe(
        "destruction.intended", about=work.reference, body={"day": work.day.isoformat(), "cohorts": named}, at=at
    )
    work.intended_at, work.intent_entry = at, entry.pk
    _move(work, DestructionState.INTENDED, at, "intended_at", "intent_entry")


def journal_intent(work_id: int, at: datetime) -> None:
    """The intent goes into the journal, fsynced, before anything is destroyed."""
    work = Destruction.objects.get(pk=work_id)
    if work.state != DestructionState.INTENDED:
        return
    journal.write(work.intent_entry)
    with transaction.atomic():
        work = _locked(work_id)
        if work.state == DestructionState.INTENDED:
            work.journalled_at = at
            _move(work, DestructionState.JOURNALLED, at, "journalled_at")


def destroy_key(work_id: int, at: datetime) -> None:
    """The day's secret goes: from here on nobody can read these messages, in whatever copy."""
    with transaction.atomic():
        work = _locked(work_id)
        if work.state != DestructionState.JOURNALLED:
            return
        cohorts = _to_destroy(_cohorts(work))  # the locks a hold would need are ours until the key is gone
        if work.day > day_of(at):
            raise DayNotOver(f"The day {work.day.isoformat()} is not over.")
        if not clock_guard.watch(at=at):
            raise ClockInDoubt
        if any(_is_owed(cohort) for cohort in cohorts):
            raise accounts.AccountDoesNotBalance(f"A cohort of {work.day.isoformat()} is owed to an archive.")
        keystore().destroy(envelope.day_secret(work.day))
        for cohort in cohorts:
            require_move(COHORT_MOVES, cohort.state, CohortState.SHREDDED)
            cohort.state, cohort.shredded_at = CohortState.SHREDDED, at
            cohort.save(update_fields=["state", "shredded_at"])
        work.shredded_at = at
        _move(work, DestructionState.SHREDDED, at, "shredded_at")


@transaction.atomic
def truncate_and_certify(work_id: int, at: datetime) -> None:
    """The rows go, and each cohort gets its certificate: both or neither."""
    work = _locked(work_id)
    if work.state != DestructionState.SHREDDED:
        return
    cohorts = _to_destroy(_cohorts(work))
    before = {cohort.pk: accounts.require_balance(cohort) for cohort in cohorts}
    with connection.cursor() as cursor:
        cursor.execute("SELECT covenant_destroy_leaf(%s, %s)", [work.pk, at])
        work.bytes_freed = cursor.fetchone()[0]
    work.truncated_at = at
    for cohort in cohorts:
        require_move(COHORT_MOVES, cohort.state, CohortState.DESTROYED)
        cohort.state, cohort.destroyed_at = CohortState.DESTROYED, at
        cohort.destroyed_messages = before[cohort.pk].in_leaf
        cohort.save(update_fields=["state", "destroyed_at", "destroyed_messages"])
        certificate = certify.issue(cohort=cohort, work=work, account=accounts.require_balance(cohort), at=at)
        ledger.record(
            "cohort.destroyed", by=SYSTEM, about=cohort.reference, at=at,
            facts={"destruction": work.reference, "messages": cohort.destroyed_messages, "certificate": certificate.number},
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
        work = _locked(work_id)
        if work.state == DestructionState.TRUNCATED:
            work.done_at, work.last_error = at, ""
            _move(work, DestructionState.DONE, at, "done_at", "last_error")


#: the steps in their order; faults are tested before and after each of this very list
STEPS: tuple[Callable[[int, datetime], None], ...] = (
    step_aside,
    intend,
    journal_intent,
    destroy_key,
    truncate_and_certify,
    journal_end,
)
