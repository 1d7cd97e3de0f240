"""Rescheduling: a job of its own that gives what is stored the day that the rules of today say.

Rules act forward only. Where an organization wants what is stored to follow as well, one person proposes a plan, a second
approves exactly that plan (void when rules or counts changed meanwhile), and then it is carried out chunk by chunk.

| stays where it is | why |
|---|---|
| held | a hold covers it and its new day would come sooner |
| sealed | its cohort is counted: a seal is never changed |
| archived | its cohort's archive has begun, and says which day it is of |
| twice | its new day has a message of that id already |
| closed | its new day takes nothing any more |

A new day that is over already, or sealed, becomes the first that is still open: seal, review and holds keep their time.
Each chunk is one transaction: rows, the two accounts (`Move`), progress and ledger. Killed anywhere, the next run goes on
from the last commit. Salt and proof hash travel with a message, its number does not: an archive of its new cohort would
take an old number for one that it has.
It must never make a day sooner for what is held, nor touch a cohort that is not open.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from apps.accounts.models import Organization
from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.foundation.digests import canonical, sha256
from apps.foundation.keys import keystore
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.retention import envelope
from apps.retention.life import expiry_day, rule_for
from apps.retention.models import Archive, BatchShare, Cohort, ConversationClass, ImportedOnce, Message, Rescheduling
from apps.retention.services import aside, grounds, whereabouts
from apps.retention.services.rules import NoRule, rules_of
from apps.retention.states import RESCHEDULING_MOVES, CohortState, LifeFrom, ReschedulingState
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals
from apps.staff.services.approvals import ChangedSince
from apps.staff.states import Verdict

ACT = "retention.approve_rescheduling"
#: the day of what has none that is open: the first that still is
FIRST_OPEN = "first"


class NothingToMove(Refusal):
    """Every stored message has the day that the rules of today say, or stays for a reason."""

    code = "nothing_to_move"
    mend = "Nothing to do. To change how long new messages live, propose a rule."


class AnotherUnderWay(Refusal):
    """A rescheduling of this organization is proposed or under way already."""

    code = "another_under_way"
    mend = "Have it decided, or wait until it is done."


class PlanChanged(Refusal):
    """Rules or counts have changed since this plan was shown."""

    code = "plan_changed"
    mend = "Look at the plan anew, and propose that."


# --- the plan ---------------------------------------------------------------------------------------------------------


def lives_of(organization: Organization, at: datetime) -> dict[str, int]:
    """The life in days of each class by the rules in force now; "" for all others."""
    rules = rules_of(organization.pk)
    if not rules:
        raise NoRule
    codes = ["", *ConversationClass.objects.filter(organization=organization).values_list("code", flat=True)]
    found = {code: rule_for(rules, code, at) for code in codes}
    return {code: rule.life_days for code, rule in sorted(found.items()) if rule is not None}


def preview(*, organization: Organization, at: datetime, through: int | None = None) -> dict:
    """What would move: by cohort the day now, the days then, and what stays, with its reason. Reads every open message.

    Messages up to the number `through`, the newest now where none is given: what arrives later has its day by today's rules.
    """
    lives, cohorts = lives_of(organization, at), []
    through = newest_number(organization) if through is None else through
    for cohort in Cohort.objects.readable().filter(organization=organization).select_related("organization"):
        if cohort.expiry_on > day_of(at):
            cohorts.append(_entry(cohort, lives, through, at))
    return {"through": through, "lives": lives, "cohorts": [entry for entry in cohorts if entry["messages"]]}


def newest_number(organization: Organization) -> int:
    """The newest message of an organization that is stored: what comes later has its day by today's rules."""
    days = Cohort.objects.readable().filter(organization=organization).values_list("expiry_on", flat=True)
    return Message.objects.on_days(days).filter(organization_id=organization.pk).aggregate(newest=Max("id"))["newest"] or 0


def _entry(cohort: Cohort, lives: dict[str, int], through: int, at: datetime) -> dict:
    """One cohort's line of the plan."""
    then, stays = Counter(), Counter()
    whole = why_all_of_it_stays(cohort)
    messages = messages_of(cohort, through)
    if whole:
        stays[whole] = messages
    else:
        kept, days = grounds.grounds_of(cohort, at=at), Days(cohort, lives)
        for rows in _chunks(cohort, 0, through):
            count(cohort, rows, days, kept, at, then, stays)
    return entry_of(cohort, messages, then, stays)


def count(cohort: Cohort, rows: list[aside.Row], days: "Days", kept: grounds.Grounds, at: datetime, then: Counter, stays: Counter) -> None:
    """Add what would become of these rows."""
    for message, _salt in opened(cohort, rows):
        day = days.of(message)
        goes_to = target(day, cohort.expiry_on, at)
        if goes_to == cohort.expiry_on:
            continue
        if goes_to < cohort.expiry_on and is_held(kept, message):
            stays["held"] += 1
        else:
            then[day.isoformat() if goes_to == day else FIRST_OPEN] += 1


def entry_of(cohort: Cohort, messages: int, then: Counter, stays: Counter) -> dict:
    """A line of a plan."""
    return {
        "cohort": cohort.reference, "now": cohort.expiry_on.isoformat(), "messages": messages,
        "then": sorted([day, number] for day, number in then.items()), "stays": dict(sorted(stays.items())),
    }  # fmt: skip


def why_all_of_it_stays(cohort: Cohort) -> str:
    if cohort.state != CohortState.OPEN:
        return "sealed"
    return "archived" if Archive.objects.filter(cohort=cohort).exists() else ""


def is_held(kept: grounds.Grounds, message: dict) -> bool:
    return any(scope.covers(message) for scope in kept.scopes)


def last_sealed(at: datetime) -> date:
    """The last day whose cohorts are sealed by now, or about to be."""
    return day_of(at + timedelta(hours=settings.RETENTION_SEAL_AHEAD_HOURS))


def target(day: date, now: date, at: datetime) -> date:
    """Where a message goes that has the day `now` and would have `day`: never to one that is over or sealed, nor for that later."""
    return day if day > now else max(day, min(last_sealed(at) + timedelta(days=1), now))


def messages_of(cohort: Cohort, through: int) -> int:
    """How many messages of a cohort a plan is about."""
    return Message.objects.on_days([cohort.expiry_on]).filter(organization_id=cohort.organization_id, id__lte=through).count()


def fingerprint(plan: dict) -> str:
    """By which a plan that was shown is known again."""
    return sha256(canonical(plan)).hex()


def digest_of(*, organization: Organization, plan: dict, at: datetime) -> bytes:
    """What an approval is bound to: the plan, the rules as they are now, and how many of its messages are there now."""
    rules = sorted([rule.conversation_class, rule.life_days, rule.effective_from.isoformat()] for rule in rules_of(organization.pk))
    named = {entry["cohort"] for entry in plan["cohorts"] if entry["then"]}
    cohorts = Cohort.objects.filter(reference__in=named).order_by("reference")
    counts = [[cohort.reference, messages_of(cohort, plan["through"])] for cohort in cohorts]
    return sha256(canonical([organization.reference, plan, rules, lives_of(organization, at), counts]))


# --- two persons ------------------------------------------------------------------------------------------------------


@transaction.atomic
def propose(*, organization: Organization, through: int, shown: str, by: StaffMember, at: datetime) -> Rescheduling:
    """Propose exactly the plan that was shown, by its fingerprint; it does nothing until a second person approves it."""
    organization = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    require_none_under_way(organization, at)
    plan = preview(organization=organization, at=at, through=through)
    if fingerprint(plan) != shown:
        raise PlanChanged
    if moves_of(plan) == 0:
        raise NothingToMove
    digest = digest_of(organization=organization, plan=plan, at=at)
    row = Rescheduling.objects.create(
        organization=organization, plan=plan, plan_digest=digest, proposed_by=str(by.actor), proposed_at=at
    )
    ask(row, by, at)
    return row


def ask(row: Rescheduling, by: StaffMember, at: datetime) -> None:
    """Have a second person decide on a plan. Call it in the transaction that proposes it."""
    digest = bytes(row.plan_digest)
    approvals.ask(act=ACT, subject=row.reference, digest=digest, by=by, at=at)
    ledger.record(
        "rescheduling.proposed", by=by.actor, about=row.reference, at=at,
        facts={"organization": row.organization.reference, "messages": moves_of(row.plan), "plan": digest.hex()},
    )  # fmt: skip


def moves_of(plan: dict) -> int:
    """How many messages a plan moves."""
    return sum(count for entry in plan["cohorts"] for _day, count in entry["then"])


def require_none_under_way(organization: Organization, at: datetime) -> None:
    """Refuse where another plan of the organization is proposed or approved."""
    _put_away_withdrawn(organization, at)
    if Rescheduling.objects.filter(organization=organization, state__in=[ReschedulingState.PROPOSED, ReschedulingState.APPROVED]).exists():
        raise AnotherUnderWay


def _put_away_withdrawn(organization: Organization, at: datetime) -> None:
    """A proposal whose request was withdrawn, or void with its asker's leaving, stands in nobody's way."""
    for row in Rescheduling.objects.select_for_update().filter(organization=organization, state=ReschedulingState.PROPOSED):
        if not Approval.objects.filter(act=ACT, subject=row.reference, verdict=Verdict.OPEN).exists():
            put_away(row, "", at)


def put_away(row: Rescheduling, by: str, at: datetime) -> None:
    """Nothing becomes of it. Call it under the row's lock."""
    require_move(RESCHEDULING_MOVES, row.state, ReschedulingState.REJECTED)
    row.state, row.decided_by, row.decided_at = ReschedulingState.REJECTED, by, at
    row.save(update_fields=["state", "decided_by", "decided_at"])


def approve(*, rescheduling: Rescheduling, by: StaffMember, at: datetime) -> Rescheduling:
    """Approve a proposed plan. Where rules or counts changed since, it is void instead, for good."""
    try:
        return _approve(rescheduling, by, at)
    except ChangedSince:
        _void(rescheduling, at)
        raise PlanChanged("Rules or counts have changed since it was proposed, so it is void.") from None


@transaction.atomic
def _approve(rescheduling: Rescheduling, by: StaffMember, at: datetime) -> Rescheduling:
    row = locked(rescheduling)
    require_move(RESCHEDULING_MOVES, row.state, ReschedulingState.APPROVED)
    now = digest_of(organization=row.organization, plan=row.plan, at=at)
    approvals.approve(approval=_open_approval(row), digest=now, by=by, at=at)
    row.state, row.decided_by, row.decided_at = ReschedulingState.APPROVED, str(by.actor), at
    row.save(update_fields=["state", "decided_by", "decided_at"])
    ledger.record("rescheduling.approved", by=by.actor, about=row.reference, at=at, facts={"plan": bytes(row.plan_digest).hex()})
    journal.owe("rescheduling.approved", about=row.reference, at=at, body=_told(row))
    doorbell.ring("journal.owed")
    doorbell.ring("rescheduling.due")
    return row


def _told(row: Rescheduling) -> dict:
    """What the journal keeps of an approved plan: all that it takes to carry it out again after a restore, and who decided."""
    return {
        "organization": row.organization.reference, "plan": row.plan_digest, "through": row.plan["through"],
        "lives": sorted([code, days] for code, days in row.plan["lives"].items()), "cohorts": row.plan["cohorts"],
        "asked_by": row.proposed_by, "asked_at": row.proposed_at, "by": row.decided_by,
    }  # fmt: skip


@transaction.atomic
def _void(rescheduling: Rescheduling, at: datetime) -> None:
    row = locked(rescheduling)
    approvals.void(approval=_open_approval(row), at=at)
    put_away(row, "", at)
    ledger.record("rescheduling.void", by=SYSTEM, about=row.reference, at=at)


@transaction.atomic
def reject(*, rescheduling: Rescheduling, by: StaffMember, at: datetime) -> Rescheduling:
    """Reject a proposed plan; nothing moves."""
    row = locked(rescheduling)
    require_move(RESCHEDULING_MOVES, row.state, ReschedulingState.REJECTED)
    approvals.reject(approval=_open_approval(row), digest=bytes(row.plan_digest), by=by, at=at)
    put_away(row, str(by.actor), at)
    ledger.record("rescheduling.rejected", by=by.actor, about=row.reference, at=at)
    return row


def locked(rescheduling: Rescheduling) -> Rescheduling:
    """The organization's lock first: an ingest holds it shared, and rules are approved under it."""
    Organization.objects.select_for_update(no_key=True).get(pk=rescheduling.organization_id)
    return Rescheduling.objects.select_for_update(of=("self",)).select_related("organization").get(pk=rescheduling.pk)


def _open_approval(row: Rescheduling) -> Approval:
    return Approval.objects.get(act=ACT, subject=row.reference, verdict=Verdict.OPEN)


# --- reading ----------------------------------------------------------------------------------------------------------


def _chunks(cohort: Cohort, after: int, through: int) -> Iterator[list[aside.Row]]:
    """The messages of a cohort in chunks, in the order of their numbers."""
    go_on: int | None = after
    while go_on is not None:
        rows, go_on = next_rows(cohort, go_on, through)
        if rows:
            yield rows


def next_rows(cohort: Cohort, after: int, through: int) -> tuple[list[aside.Row], int | None]:
    """The next chunk, and the number after which to go on, None where it was the last."""
    where = "FROM message WHERE expiry = %s AND organization_id = %s AND id > %s AND id <= %s ORDER BY id"
    values = [cohort.expiry_on, cohort.organization_id, after]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, octet_length(ciphertext) {where} LIMIT {aside.CHUNK + 1}", [*values, through])
        last, go_on = aside.chunk_end(cursor.fetchall())
        if last is None:
            return [], None
        cursor.execute(f"SELECT id, segment, policy_version_id, proof, ciphertext {where}", [*values, last])
        return [aside.Row(*row[:3], bytes(row[3]), bytes(row[4])) for row in cursor], go_on


def opened(cohort: Cohort, rows: list[aside.Row]) -> Iterator[tuple[dict, bytes]]:
    opener = envelope.for_cohort(keystore(), organization=cohort.organization.reference, expiry=cohort.expiry_on)
    return (opener.open(row.ciphertext, number=row.id, policy_version=row.policy_version) for row in rows)


class Days:
    """The day that the lives of a plan say for each message of one cohort, not rounded up to one that is open."""

    def __init__(self, cohort: Cohort, lives: dict[str, int]):
        self._cohort, self._lives = cohort, lives
        self._imported = frozenset(
            bytes(tag)
            for tag in ImportedOnce.objects.filter(organization_id=cohort.organization_id, expiry_on=cohort.expiry_on)
            .values_list("tag", flat=True)
        )  # fmt: skip
        self._imported_at = self._when_imported()

    def _when_imported(self) -> datetime | None:
        """Of messages whose life counts from an import, when that was: of several in this cohort the latest, never too soon."""
        if not self._imported:
            return None
        shares = BatchShare.objects.filter(cohort__in=whereabouts.came_through(self._cohort), batch__life_from=LifeFrom.IMPORT)
        return max(shares.values_list("batch__life_counts_from", flat=True).distinct(), default=None)

    def of(self, message: dict) -> date:
        life = self._lives.get(message["class"] or "", self._lives.get(""))
        if life is None:  # its class has no rule, and there is none for all
            return self._cohort.expiry_on
        sent_at = datetime.fromisoformat(message["sent_at"]).astimezone(UTC)
        return expiry_day(max(sent_at, self._imported_at) if self.is_imported(message) else sent_at, life)

    def is_imported(self, message: dict) -> bool:
        return self._imported_at is not None and imported_tag(self._cohort, message) in self._imported


def imported_tag(cohort: Cohort, message: dict) -> bytes:
    """Under which a message is known whose life counts from an import."""
    return envelope.imported_once_tag(
        keystore(), organization=cohort.organization.reference, source=message["source"], message_id=message["id"]
    )
