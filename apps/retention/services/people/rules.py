"""What a client has said once for all of messages of people who ask: proposed by one member of staff, approved by another.

It must never guess: without an approved rule the client is asked each time.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.accounts.models import Organization
from apps.audit.services import ledger
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import require_move
from apps.retention.models import PersonRule
from apps.retention.states import RULE_MOVES, OnAccess, OnErasure, RuleState
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals
from apps.staff.states import Verdict

ACT = "retention.approve_personrule"


@dataclass(frozen=True)
class Standing:
    """What counts for an organization now. `reference` is empty where there is no rule."""

    erasure: str = OnErasure.ASK
    access: str = OnAccess.ASK
    reference: str = ""


def rule_of(organization: Organization | str | None) -> Standing:
    """The standing rule of an organization, given as such or by reference."""
    if not organization:
        return Standing()
    which = {"organization__reference": organization} if isinstance(organization, str) else {"organization": organization}
    rule = PersonRule.objects.approved().filter(**which).order_by("-decided_at", "-id").first()
    return Standing(rule.erasure, rule.access, rule.reference) if rule else Standing()


def digest_of(rule: PersonRule) -> bytes:
    """What an approval is bound to."""
    return sha256(canonical([rule.reference, rule.organization_id, rule.erasure, rule.access, rule.evidence]))


@transaction.atomic
def propose(*, rule: PersonRule, by: StaffMember, at: datetime) -> PersonRule:
    """Propose what a client said, given as a row that is not saved yet; it does nothing until a second person approves it."""
    rule.proposed_by, rule.proposed_at = str(by.actor), at
    rule.save(force_insert=True)
    approvals.ask(act=ACT, subject=rule.reference, digest=digest_of(rule), by=by, at=at)
    _record("person_rule.proposed", rule, by, at)
    return rule


@transaction.atomic
def approve(*, rule: PersonRule, by: StaffMember, at: datetime) -> PersonRule:
    """It counts from now on, in place of the one before."""
    return _decide(rule, RuleState.APPROVED, by, at)


@transaction.atomic
def reject(*, rule: PersonRule, by: StaffMember, at: datetime) -> PersonRule:
    """Put it away; what counted goes on to count."""
    return _decide(rule, RuleState.REJECTED, by, at)


def _decide(rule: PersonRule, to: RuleState, by: StaffMember, at: datetime) -> PersonRule:
    rule = PersonRule.objects.select_for_update(of=("self",)).select_related("organization").get(pk=rule.pk)
    require_move(RULE_MOVES, rule.state, to)
    approval = Approval.objects.get(act=ACT, subject=rule.reference, verdict=Verdict.OPEN)
    decide = approvals.approve if to == RuleState.APPROVED else approvals.reject
    decide(approval=approval, digest=digest_of(rule), by=by, at=at)
    rule.state, rule.decided_by, rule.decided_at = to, str(by.actor), at
    rule.save(update_fields=["state", "decided_by", "decided_at"])
    _record(f"person_rule.{to}", rule, by, at)
    return rule


def _record(verb: str, rule: PersonRule, by: StaffMember, at: datetime) -> None:
    ledger.record(
        verb, by=by.actor, about=rule.reference, at=at,
        facts={"organization": rule.organization.reference, "erasure": rule.erasure, "access": rule.access},
    )  # fmt: skip
