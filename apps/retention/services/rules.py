"""How long messages live: proposed by one person, approved by another, acting forward only.

It must never touch what is stored: a rule says what happens to messages sent from its day on.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Min, Sum

from apps.accounts.models import Organization
from apps.audit.services import ledger
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.retention.life import Rule, expiry_day, in_words, rule_for
from apps.retention.models import BatchShare, Cohort, ConversationClass, RetentionRule
from apps.retention.services import leaves
from apps.retention.states import READABLE, RULE_MOVES, RuleState
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals
from apps.staff.states import Verdict

ACT = "retention.approve_retentionrule"
#: a rule takes effect no sooner than this after its approval, so that no message already sent can fall under it
NOTICE = timedelta(minutes=settings.RETENTION_FUTURE_TOLERANCE_MINUTES)


class NoRule(Refusal):
    """The organization has no approved rule of life, so nobody knows how long its messages may exist."""

    code = "no_rule"
    mend = "Propose a rule for the organization and have a second person approve it; then send the messages again."


class RuleOutOfBounds(Refusal):
    """The rule does not fit the bounds of the organization or of this installation."""

    code = "rule_out_of_bounds"
    mend = "Choose a life between the shortest and the longest, inside the organization's own bounds."


class RuleActsBackward(Refusal):
    """A rule may only act on messages sent after it."""

    code = "rule_acts_backward"
    mend = "Choose a later moment from which it takes effect."


@dataclass(frozen=True)
class Simulation:
    """What a rule would change, before it is saved."""

    life: str
    life_before: str
    effective_from: datetime
    first_expiry: object
    first_expiry_before: object
    messages_a_day: int
    stored_in_the_long_run: int
    stored_in_the_long_run_before: int
    stored_untouched: int
    cohorts_untouched: int
    looked_at_days: int


def rules_of(organization_id: int) -> list[Rule]:
    """The approved rules of an organization as life needs them."""
    rows = (
        RetentionRule.objects.approved()
        .filter(organization_id=organization_id)
        .values_list("conversation_class__code", "life_days", "effective_from")
    )
    return [Rule(code or "", days, effective_from) for code, days, effective_from in rows]


def _check_bounds(rule: RetentionRule) -> None:
    if not 1 <= rule.minimum_days <= rule.life_days <= rule.maximum_days:
        raise RuleOutOfBounds(
            f"A life of {rule.life_days} days does not lie between {rule.minimum_days} and {rule.maximum_days} days."
        )
    if rule.maximum_days > settings.RETENTION_LONGEST_LIFE_DAYS:
        raise RuleOutOfBounds(f"No life may be longer than {settings.RETENTION_LONGEST_LIFE_DAYS} days here.")
    if rule.conversation_class_id:
        if rule.conversation_class.organization_id != rule.organization_id:
            raise RuleOutOfBounds("The conversation class belongs to another organization.")
        bounds = (
            RetentionRule.objects.approved()
            .filter(organization_id=rule.organization_id, conversation_class=None, effective_from__lte=rule.effective_from)
            .order_by("-effective_from")
            .first()
        )
        if bounds and not bounds.minimum_days <= rule.life_days <= bounds.maximum_days:
            raise RuleOutOfBounds(
                f"The organization's own bounds are {bounds.minimum_days} to {bounds.maximum_days} days."
            )


def digest_of(rule: RetentionRule) -> bytes:
    """What an approval is bound to."""
    return sha256(
        canonical([
            rule.reference, rule.organization_id, rule.conversation_class_id, rule.life_days, rule.minimum_days,
            rule.maximum_days, rule.effective_from.isoformat(),
        ])
    )  # fmt: skip


@transaction.atomic
def propose(
    *, organization: Organization, life_days: int, minimum_days: int, maximum_days: int, effective_from: datetime,
    by: StaffMember, at: datetime, conversation_class: ConversationClass | None = None,
) -> RetentionRule:  # fmt: skip
    """Propose a rule; it does nothing until a second person approves it."""
    rule = RetentionRule(
        organization=organization, conversation_class=conversation_class, life_days=life_days, minimum_days=minimum_days,
        maximum_days=maximum_days, effective_from=effective_from, proposed_by=str(by.actor), proposed_at=at,
    )  # fmt: skip
    _check_bounds(rule)
    rule.save()
    approvals.ask(act=ACT, subject=rule.reference, digest=digest_of(rule), by=by, at=at)
    ledger.record(
        "rule.proposed", by=by.actor, about=rule.reference, at=at,
        facts={"organization": organization.reference, "life_days": life_days, "minimum_days": minimum_days,
               "maximum_days": maximum_days, "class": conversation_class.code if conversation_class else ""},
    )  # fmt: skip
    return rule


@transaction.atomic
def approve(*, rule: RetentionRule, by: StaffMember, at: datetime) -> RetentionRule:
    """Approve a proposed rule. The first rule of an organization takes effect at once, others not before their notice."""
    organization = Organization.objects.select_for_update().get(pk=rule.organization_id)
    rule = RetentionRule.objects.select_for_update(of=("self",)).select_related("conversation_class").get(pk=rule.pk)
    require_move(RULE_MOVES, rule.state, RuleState.APPROVED)
    approvals.approve(approval=_open_approval(rule), digest=digest_of(rule), by=by, at=at)
    _check_bounds(rule)
    others = RetentionRule.objects.approved().filter(organization=organization)
    if not others.exists():
        rule.effective_from = min(rule.effective_from, at)
    else:
        latest = others.filter(conversation_class=rule.conversation_class_id).order_by("-effective_from").first()
        earliest = at + NOTICE
        if latest and latest.effective_from >= earliest:
            raise RuleActsBackward(
                f"Rule {latest.reference} is approved already and takes effect on {latest.effective_from:%Y-%m-%d %H:%M} UTC.",
                mend="Propose it again with a later moment than that.",
            )
        rule.effective_from = max(rule.effective_from, earliest)
    rule.state, rule.decided_by, rule.decided_at = RuleState.APPROVED, str(by.actor), at
    rule.save(update_fields=["state", "decided_by", "decided_at", "effective_from"])
    ledger.record(
        "rule.approved", by=by.actor, about=rule.reference, at=at,
        facts={"organization": organization.reference, "life_days": rule.life_days,
               "effective_from": rule.effective_from.isoformat()},
    )  # fmt: skip
    leaves.make_leaves(at=at)
    return rule


@transaction.atomic
def reject(*, rule: RetentionRule, by: StaffMember, at: datetime) -> RetentionRule:
    """Reject a proposed rule; nothing changes."""
    rule = RetentionRule.objects.select_for_update().get(pk=rule.pk)
    require_move(RULE_MOVES, rule.state, RuleState.REJECTED)
    approvals.reject(approval=_open_approval(rule), digest=digest_of(rule), by=by, at=at)
    rule.state, rule.decided_by, rule.decided_at = RuleState.REJECTED, str(by.actor), at
    rule.save(update_fields=["state", "decided_by", "decided_at"])
    ledger.record("rule.rejected", by=by.actor, about=rule.reference, at=at)
    return rule


def _open_approval(rule: RetentionRule):
    return Approval.objects.get(act=ACT, subject=rule.reference, verdict=Verdict.OPEN)


def simulate(
    *, organization: Organization, conversation_class: ConversationClass | None, life_days: int, effective_from: datetime,
    at: datetime, looked_at_days: int = 30,
) -> Simulation:  # fmt: skip
    """What a rule would change, from the messages of the last `looked_at_days`. Changes nothing."""
    rules = rules_of(organization.pk)
    code = conversation_class.code if conversation_class else ""
    before = rule_for(rules, code, effective_from)
    shares = BatchShare.objects.filter(
        batch__organization=organization, at__gt=at - timedelta(days=looked_at_days), at__lte=at
    )
    with_own_rule = {rule.conversation_class for rule in rules if rule.conversation_class}
    shares = shares.filter(conversation_class=code) if code else shares.exclude(conversation_class__in=with_own_rule)
    found = shares.aggregate(messages=Sum("messages"), since=Min("at"))
    days = max(1, min(looked_at_days, (at - found["since"]).days + 1)) if found["since"] else looked_at_days
    a_day = round((found["messages"] or 0) / days)
    untouched = Cohort.objects.filter(organization=organization, state__in=READABLE).aggregate(
        cohorts=Count("id", distinct=True), messages=Sum("shares__messages")
    )
    return Simulation(
        life=in_words(life_days),
        life_before=in_words(before.life_days) if before else "no rule: messages are refused",
        effective_from=effective_from,
        first_expiry=expiry_day(effective_from, life_days),
        first_expiry_before=expiry_day(effective_from, before.life_days) if before else None,
        messages_a_day=a_day,
        stored_in_the_long_run=a_day * life_days,
        stored_in_the_long_run_before=a_day * before.life_days if before else 0,
        stored_untouched=untouched["messages"] or 0,
        cohorts_untouched=untouched["cohorts"],
        looked_at_days=looked_at_days,
    )
