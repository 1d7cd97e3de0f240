"""Works out the plan of a rescheduling whose messages are too many to be read while somebody waits for a page.

Which day a message would have stands inside of it, so each has to be opened: 14 microseconds, a million 14 seconds. A worker does
it, chunk by chunk, and each chunk's counts are saved; killed anywhere, the next run goes on after the last one.

| state | what is true |
|---|---|
| counting | the lives and the newest message are fixed; so many of its messages were looked at |
| counted | the plan is whole; who sees it proposes it, or puts it away |
| proposed | as every rescheduling; void where rules or counts changed since it was counted |

It must never hold a lock while it opens messages: an ingest would wait for it.
"""

from collections import Counter
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from apps.accounts.models import Organization
from apps.audit.services import ledger
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.foundation.moves import require_move
from apps.retention.models import BatchShare, Cohort, Rescheduling
from apps.retention.services import grounds, rescheduling
from apps.retention.services.rescheduling import Days, NothingToMove, PlanChanged
from apps.retention.states import READABLE, RESCHEDULING_MOVES, ReschedulingState
from apps.staff.models import StaffMember
from apps.staff.services import presence

#: messages that are read while somebody waits: about a second and a half
MOST_WHILE_SOMEBODY_WAITS = 100_000
ASK = "retention.add_rescheduling"


def is_large(organization: Organization, at: datetime) -> bool:
    """Whether a plan is worked out by a worker, by how many messages came in."""
    return _came(organization, at) > MOST_WHILE_SOMEBODY_WAITS


def _cohorts(organization: Organization, at: datetime):
    return Cohort.objects.readable().filter(organization=organization, expiry_on__gt=day_of(at))


def _came(organization: Organization, at: datetime) -> int:
    return BatchShare.objects.filter(cohort__in=_cohorts(organization, at)).aggregate(n=Sum("messages"))["n"] or 0


@transaction.atomic
def begin(*, organization: Organization, by: StaffMember, at: datetime) -> Rescheduling:
    """Have a plan worked out. Asking twice is asking once; one that was worked out and not proposed is put away for the new one."""
    organization = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    asker = presence.lock(by)[by.pk]
    presence.require_right(asker, ASK)
    rescheduling.require_none_under_way(organization, at)
    standing = Rescheduling.objects.select_for_update().filter(
        organization=organization, state__in=[ReschedulingState.COUNTING, ReschedulingState.COUNTED]
    )
    for row in standing:
        if row.state == ReschedulingState.COUNTING:
            return row
        rescheduling.put_away(row, "", at)
    plan = {"through": rescheduling.newest_number(organization), "lives": rescheduling.lives_of(organization, at), "cohorts": []}
    left = list(_cohorts(organization, at).values_list("reference", flat=True))
    row = Rescheduling.objects.create(
        organization=organization, state=ReschedulingState.COUNTING, plan=plan, plan_digest=bytes(32),
        progress={"left": left, "looked_at": 0, "of": _came(organization, at)}, proposed_by=str(asker.actor), proposed_at=at,
    )  # fmt: skip
    ledger.record("rescheduling.counting", by=asker, about=row.reference, at=at, facts={"organization": organization.reference})
    doorbell.ring("rescheduling.due")
    return row


def count_chunk(pk: int, at: datetime) -> bool:
    """Look at the next chunk; whether the plan is whole now."""
    row = Rescheduling.objects.select_related("organization").get(pk=pk)
    if row.state != ReschedulingState.COUNTING:
        return True
    if not row.progress["left"]:
        return _finish(pk, at)
    cohort = Cohort.objects.select_related("organization").get(reference=row.progress["left"][0])
    entry, progress = _next(cohort, row, at)
    with transaction.atomic():
        fresh = Rescheduling.objects.select_for_update().get(pk=pk)
        if fresh.state != ReschedulingState.COUNTING or fresh.progress != row.progress:
            return False  # put away meanwhile, or somebody else counted this chunk, after our lease had run out
        fresh.progress, fresh.attempts = progress, 0
        fresh.plan["cohorts"] += [entry] if entry and entry["messages"] else []
        fresh.leased_until = at + timedelta(seconds=settings.RETENTION_LEASE_SECONDS)
        fresh.save(update_fields=["progress", "plan", "attempts", "leased_until"])
    return False


def _next(cohort: Cohort, row: Rescheduling, at: datetime) -> tuple[dict | None, dict]:
    """A cohort's line where this chunk was its last, and the progress then."""
    progress, through = dict(row.progress), row.plan["through"]
    so_far = progress.pop("cohort", {"after": 0, "then": {}, "stays": {}})
    then, stays = Counter(so_far["then"]), Counter(so_far["stays"])
    whole, rows, go_on = rescheduling.why_all_of_it_stays(cohort), [], None
    if cohort.state not in READABLE or cohort.expiry_on <= day_of(at):  # its day came while others were counted
        return None, progress | {"left": progress["left"][1:]}
    if not whole:
        rows, go_on = rescheduling.next_rows(cohort, so_far["after"], through)
        if rows:
            rescheduling.count(cohort, rows, Days(cohort, row.plan["lives"]), grounds.grounds_of(cohort, at=at), at, then, stays)
    progress["looked_at"] += len(rows)
    if go_on is not None:
        return None, progress | {"cohort": {"after": go_on, "then": dict(then), "stays": dict(stays)}}
    messages = rescheduling.messages_of(cohort, through)
    if whole:  # also where it was sealed after some chunks
        then, stays = Counter(), Counter({whole: messages})
    return rescheduling.entry_of(cohort, messages, then, stays), progress | {"left": progress["left"][1:]}


@transaction.atomic
def _finish(pk: int, at: datetime) -> bool:
    row = Rescheduling.objects.select_for_update(of=("self",)).select_related("organization").get(pk=pk)
    if row.state == ReschedulingState.COUNTING:
        require_move(RESCHEDULING_MOVES, row.state, ReschedulingState.COUNTED)
        row.plan_digest = rescheduling.digest_of(organization=row.organization, plan=row.plan, at=at)
        row.state, row.leased_until, row.last_error = ReschedulingState.COUNTED, None, ""
        row.save(update_fields=["plan_digest", "state", "leased_until", "last_error"])
        ledger.record("rescheduling.counted", by=SYSTEM, about=row.reference, at=at, facts={"messages": rescheduling.moves_of(row.plan)})
    return True


def propose(*, row: Rescheduling, by: StaffMember, at: datetime) -> Rescheduling:
    """Propose exactly the plan that was worked out. Where rules or counts changed since, it is put away instead."""
    if _propose(row, by, at):
        return Rescheduling.objects.get(pk=row.pk)
    raise PlanChanged("Rules or counts have changed since it was worked out, so it is put away.", mend="Have it worked out anew.")


@transaction.atomic
def _propose(row: Rescheduling, by: StaffMember, at: datetime) -> bool:
    row = rescheduling.locked(row)
    asker = presence.lock(by)[by.pk]
    presence.require_right(asker, ASK)
    require_move(RESCHEDULING_MOVES, row.state, ReschedulingState.PROPOSED)
    rescheduling.require_none_under_way(row.organization, at)
    if rescheduling.moves_of(row.plan) == 0:
        raise NothingToMove
    if rescheduling.digest_of(organization=row.organization, plan=row.plan, at=at) != bytes(row.plan_digest):
        rescheduling.put_away(row, "", at)
        return False
    row.state, row.progress, row.proposed_by, row.proposed_at = ReschedulingState.PROPOSED, {}, str(asker.actor), at
    row.save(update_fields=["state", "progress", "proposed_by", "proposed_at"])
    rescheduling.ask(row, asker, at)
    return True


@transaction.atomic
def put_away(*, row: Rescheduling, by: StaffMember, at: datetime) -> Rescheduling:
    """Stop counting, or forget what was counted; nothing moves."""
    row = rescheduling.locked(row)
    if row.state != ReschedulingState.COUNTED:  # what is proposed is rejected, by somebody else
        require_move(RESCHEDULING_MOVES, row.state, ReschedulingState.COUNTED)
    rescheduling.put_away(row, "", at)
    ledger.record("rescheduling.put_away", by=by.actor, about=row.reference, at=at)
    return row
