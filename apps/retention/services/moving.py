"""Carries out an approved rescheduling, and works out the plan of a large one: chunk by chunk, each one transaction, from wherever the last run ended.

| lock | in this order, why |
|---|---|
| the organization | an ingest holds it shared: none adds, edits or deletes while a chunk moves |
| new holds are kept out | a hold comes before our look, or finds the messages where they are then |
| the cohorts of the chunk, by id | sealing, early deletion and archives lock them too |

It must never move a row whose origin is no longer open, and never count as moved what was not committed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import structlog
from django.conf import settings
from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

from apps.accounts.models import Organization
from apps.audit.services import ledger
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import keystore
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.holds.services import asking
from apps.retention import envelope
from apps.retention.models import Cohort, EarlyDeletion, ImportedOnce, Move, Rescheduling
from apps.retention.services import arrivals, aside, counting, grounds, leaves, rescheduling
from apps.retention.services.rescheduling import Days
from apps.retention.states import RESCHEDULING_MOVES, ReschedulingState
from apps.staff.models import StaffMember

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 5
#: chunks a run moves before it lets go: the next one asks the clock again, and others get their turn
CHUNKS_A_RUN = 60


class NotParked(Refusal):
    """That rescheduling is not parked."""

    code = "not_parked"
    mend = "Reload the page: somebody may have taken it up already."


# --- the work list ----------------------------------------------------------------------------------------------------


@transaction.atomic
def claim(*, at: datetime) -> Rescheduling | None:
    """Take the oldest work with a lease; the attempt counts before the work, and a chunk that commits clears it."""
    row = Rescheduling.objects.select_for_update(skip_locked=True).to_be_done(at).first()
    if row is None:
        return None
    if row.attempts >= MOST_ATTEMPTS:
        row.parked_at = at
        row.save(update_fields=["parked_at"])
        ledger.record("rescheduling.parked", by=SYSTEM, about=row.reference, at=at, facts={"attempts": row.attempts})
        return None
    row.attempts += 1
    row.leased_until = at + timedelta(seconds=settings.RETENTION_LEASE_SECONDS)
    row.save(update_fields=["attempts", "leased_until"])
    return row


def reschedule_due(*, at: datetime) -> list[str]:
    """Carry out what is approved, and count what is to be proposed. Returns the references of what was completed. One that fails does not keep the others."""
    done, unfinished = [], []
    while (row := claim(at=at)) is not None:
        try:
            (done if run(row=row, at=at) else unfinished).append(row)
        except Refusal as refusal:
            _note(row, f"{refusal.code}: {refusal.what}"[:200])
        except Exception as error:
            _note(row, type(error).__name__)
            log.exception("rescheduling_failed", rescheduling=row.reference)
    for row in unfinished:
        _let_go(row)
    return [row.reference for row in done]


@transaction.atomic
def _let_go(row: Rescheduling) -> None:
    """Give up the lease of what is not at its end yet, and ring for the next run."""
    row = Rescheduling.objects.select_for_update().get(pk=row.pk)
    row.leased_until = None
    row.save(update_fields=["leased_until"])
    doorbell.ring("rescheduling.due")


def _note(row: Rescheduling, what: str) -> None:
    with transaction.atomic():
        row = Rescheduling.objects.select_for_update().get(pk=row.pk)
        row.last_error = what
        row.save(update_fields=["last_error"])


@transaction.atomic
def retry(*, row: Rescheduling, by: StaffMember, at: datetime) -> Rescheduling:
    """Take up a parked rescheduling again, after a person looked at why it failed."""
    row = Rescheduling.objects.select_for_update().get(pk=row.pk)
    if row.parked_at is None:
        raise NotParked
    row.parked_at, row.attempts, row.leased_until, row.last_error = None, 0, None, ""
    row.save(update_fields=["parked_at", "attempts", "leased_until", "last_error"])
    ledger.record("rescheduling.taken_up_again", by=by.actor, about=row.reference, at=at)
    doorbell.ring("rescheduling.due")
    return row


def run(*, row: Rescheduling, at: datetime) -> bool:
    """The chunks that are left, cohort by cohort, and the end; False where so many are left that another run goes on."""
    if row.state == ReschedulingState.COUNTING:
        return any(counting.count_chunk(row.pk, at) for _chunk in range(CHUNKS_A_RUN))
    for _chunk in range(CHUNKS_A_RUN):
        entry = _next_entry(row.pk)
        if entry is None:
            finish(row.pk, at)
            return True
        move_chunk(row.pk, entry, at)
    return False


def _next_entry(pk: int) -> dict | None:
    """The line of the plan that is to be gone on with, None where every one is done."""
    row = Rescheduling.objects.get(pk=pk)
    left = (entry for entry in row.plan["cohorts"] if entry["then"] and not row.progress.get(entry["cohort"], {}).get("done"))
    return next(left, None)


@transaction.atomic
def finish(pk: int, at: datetime) -> None:
    """Everything of the plan was looked at. Twice is once."""
    row = Rescheduling.objects.select_for_update().get(pk=pk)
    if row.state != ReschedulingState.APPROVED:
        return
    require_move(RESCHEDULING_MOVES, row.state, ReschedulingState.DONE)
    row.state, row.done_at, row.leased_until, row.last_error = ReschedulingState.DONE, at, None, ""
    row.save(update_fields=["state", "done_at", "leased_until", "last_error"])
    ledger.record("rescheduling.done", by=SYSTEM, about=row.reference, at=at, facts={"moved": row.moved, "stayed": row.stayed})


# --- one chunk --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """A row as it was looked at before anything was locked: what it says, and where it would go."""

    row: aside.Row
    message: dict
    salt: bytes
    day: date
    imported: bool


def move_chunk(pk: int, entry: dict, at: datetime) -> None:
    """Look at the next chunk of a cohort, then move of it what may be moved.

    Decrypting takes its time, so it comes before the locks; a row that changed in between is opened again behind them.
    """
    row = Rescheduling.objects.get(pk=pk)
    origin = Cohort.objects.select_related("organization").get(reference=entry["cohort"])
    after, rows, go_on = row.progress.get(origin.reference, {}).get("after", 0), [], None
    if not rescheduling.why_all_of_it_stays(origin):
        rows, go_on = rescheduling.next_rows(origin, after, row.plan["through"])
    seen = {one.row.id: one for one in _look(origin, rows, row.plan["lives"], at)}
    leaves.make_leaves(at=at, days={one.day for one in seen.values()})
    for attempt in (1, 2, 3):
        try:
            return _move_chunk(pk, entry, origin.pk, seen, after, go_on, at)
        except OperationalError as error:
            if attempt == 3 or not isinstance(error.__cause__, DeadlockDetected):
                raise
    raise AssertionError("unreachable")


def _look(origin: Cohort, rows: list[aside.Row], lives: dict[str, int], at: datetime) -> Iterable[Seen]:
    """Rows that would go to another day."""
    if not rows:
        return
    days = Days(origin, lives)
    for row, (message, salt) in zip(rows, rescheduling.opened(origin, rows), strict=True):
        day = rescheduling.target(days.of(message), origin.expiry_on, at)
        if day != origin.expiry_on:
            yield Seen(row, message, salt, day, days.is_imported(message))


@transaction.atomic
def _move_chunk(pk: int, entry: dict, origin_id: int, seen: dict[int, Seen], after: int, go_on: int | None, at: datetime) -> None:
    row = Rescheduling.objects.get(pk=pk)
    Organization.objects.select_for_update(no_key=True).get(pk=row.organization_id)
    asking.keep_new_holds_out()
    row = Rescheduling.objects.select_for_update(of=("self",)).select_related("organization").get(pk=pk)
    if row.state != ReschedulingState.APPROVED or row.progress.get(entry["cohort"], {}).get("after", 0) != after:
        return  # somebody else moved this chunk, after our lease had run out
    cohorts = _locked(row.organization, origin_id, {one.day for one in seen.values()})
    origin = cohorts[origin_id]
    stays: Counter[str] = Counter()
    moved, whole = 0, rescheduling.why_all_of_it_stays(origin)
    if whole:
        stays[whole], go_on = _left_of(row, entry), None
    else:
        going = _still_going(origin, seen, stays, at)
        for day in sorted({one.day for one in going}):
            moved += _to_day(row, origin, day, [one for one in going if one.day == day], stays, at)
    _progress(row, origin, moved, stays, after if go_on is None else go_on, go_on is None, at)


def _left_of(row: Rescheduling, entry: dict) -> int:
    """How many messages the plan names of a cohort and nothing became of yet."""
    was = row.progress.get(entry["cohort"], {})
    return max(0, sum(count for _day, count in entry["then"]) - was.get("moved", 0) - sum(was.get("stays", {}).values()))


def _locked(organization: Organization, origin_id: int, days: set[date]) -> dict[int, Cohort]:
    """The cohorts of a chunk that exist, locked in the order of their ids; new ones come after them and have higher ids."""
    wanted = Cohort.objects.filter(organization=organization, expiry_on__in=days) | Cohort.objects.filter(pk=origin_id)
    locked = wanted.select_for_update(of=("self",)).select_related("organization").order_by("id")
    return {cohort.pk: cohort for cohort in locked}


def _still_going(origin: Cohort, seen: dict[int, Seen], stays: Counter, at: datetime) -> list[Seen]:
    """Of what was looked at that which is still there and may go, with what it says now."""
    kept = grounds.grounds_of(origin, at=at)
    going = []
    for row in _rows(origin, list(seen)):
        one = seen[row.id]
        if row.ciphertext != one.row.ciphertext:  # edited meanwhile: its sending time and class stay, its words are others
            [(message, salt)] = rescheduling.opened(origin, [row])
            one = replace(one, row=row, message=message, salt=salt)
        if one.day < origin.expiry_on and rescheduling.is_held(kept, one.message):
            stays["held"] += 1
        else:
            going.append(one)
    return going


def _rows(origin: Cohort, numbers: list[int]) -> list[aside.Row]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, segment, policy_version_id, proof, ciphertext FROM message WHERE expiry = %s AND id = ANY(%s::bigint[])"
            " ORDER BY id FOR UPDATE",
            [origin.expiry_on, numbers],
        )
        return [aside.Row(*row[:3], bytes(row[3]), bytes(row[4])) for row in cursor]


def _to_day(row: Rescheduling, origin: Cohort, day: date, going: list[Seen], stays: Counter, at: datetime) -> int:
    """Move messages to one cohort; returns how many."""
    place = arrivals.open_place(organization=row.organization, day=day, owed=grounds.is_owed(origin), at=at, by=SYSTEM)
    if place is None:
        stays["closed"] += len(going)
        return 0
    store, organization = keystore(), row.organization.reference
    opener = envelope.for_cohort(store, organization=organization, expiry=origin.expiry_on)
    sealer = envelope.for_cohort(store, organization=organization, expiry=day, create=True)
    there = _there(place.cohort, [sealer.source_tag(one.message["source"], one.message["id"]) for one in going])
    left = [one for one in going if sealer.source_tag(one.message["source"], one.message["id"]) not in there]
    stays["twice"] += len(going) - len(left)
    if not left:
        return 0
    by_version: dict[int, list] = defaultdict(list)
    size = 0
    for one, number in zip(left, arrivals.next_numbers(len(left)), strict=True):
        sealed = sealer.seal(one.message, number=number, policy_version=one.row.policy_version, salt=one.salt)
        if sealed.proof != one.row.proof:
            raise envelope.Unreadable(f"Message {one.row.id} does not match its proof hash.")
        by_version[one.row.policy_version].append((number, sealed))
        size += len(sealed.ciphertext)
    for version, rows in sorted(by_version.items()):
        arrivals.copy_in(rows, day=day, organization_id=row.organization_id, segment=place.segment, policy_version=version)
    arrivals.take_out(origin.expiry_on, [one.row.id for one in left])
    Move.objects.create(
        rescheduling=row, origin=origin, destination=place.cohort, messages=len(left), bytes=size, at=at,
        source_tags=sorted(opener.source_tag(one.message["source"], one.message["id"]) for one in left),
    )  # fmt: skip
    imported = [rescheduling.imported_tag(origin, one.message) for one in left if one.imported]
    ImportedOnce.objects.filter(organization_id=row.organization_id, tag__in=imported).update(expiry_on=day)
    return len(left)


def _there(cohort: Cohort, tags: list[bytes]) -> set[bytes]:
    """Source tags that the cohort has already, or had and that were deleted early: a second such row can't come."""
    stored = arrivals.stored(cohort.expiry_on, tags)
    deleted = EarlyDeletion.objects.filter(cohort=cohort, source_tag__in=tags).values_list("source_tag", flat=True)
    return {bytes(tag) for tag in (*stored, *deleted)}


def _progress(row: Rescheduling, origin: Cohort, moved: int, stays: Counter, after: int, done: bool, at: datetime) -> None:
    """How far it is, what moved and what stayed with its reason, in the transaction of the chunk."""
    was = row.progress.get(origin.reference, {})
    row.progress[origin.reference] = {
        "after": after, "done": done, "moved": was.get("moved", 0) + moved,
        "stays": dict(sorted((Counter(was.get("stays", {})) + stays).items())),
    }  # fmt: skip
    row.moved, row.stayed, row.attempts = row.moved + moved, row.stayed + stays.total(), 0
    row.leased_until = at + timedelta(seconds=settings.RETENTION_LEASE_SECONDS)
    row.save(update_fields=["progress", "moved", "stayed", "attempts", "leased_until"])
    ledger.record(
        "messages.rescheduled", by=SYSTEM, about=row.reference, at=at,
        facts={"cohort": origin.reference, "moved": moved, "stayed": stays.total()},
    )  # fmt: skip
