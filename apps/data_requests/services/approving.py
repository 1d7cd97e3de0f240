"""A second person reads the plan and lets it be carried out; what they read is what will be done, or nothing.

| what happens | what becomes of it |
|---|---|
| the plan is made anew, or would have other steps now | the approval is void; the request is in work again |
| who asked leaves | the same |
| who approved loses the right, or leaves, before it begins | the same (`executing.begin` asks again) |

It must never let somebody approve what they asked for, in whatever part: the plan, its approval, the request as they took it in, the proof of
who asks, the end of a registration or the removal of a minor (invariant 10); and never let anything be erased that was not announced first.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from apps.accounts.models import MinorCase
from apps.audit.models import Event
from apps.data_requests.models import DataRequest, Plan
from apps.data_requests.services import announcing, moving, planning
from apps.data_requests.states import ERASES, State
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.refusals import Refusal
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals, presence
from apps.staff.states import Verdict

ACT = "data_requests.approve_datarequest"
ASK = "data_requests.work_datarequest"


class NoPlan(Refusal):
    """There is no plan that could be approved."""

    code = "no_plan"
    mend = "Make the plan first."


class PlanChanged(Refusal):
    """The plan would have other steps now than when it was made."""

    code = "plan_changed"
    mend = "Make the plan anew, read it, and have it asked for again."


class NotWaiting(Refusal):
    """This request does not wait for an approval."""

    code = "not_waiting"
    mend = "Reload the page to see what was decided."


@transaction.atomic
def ask(request: DataRequest, *, by: StaffMember, at: datetime) -> Approval:
    """Ask a second person to approve the plan as it stands. Asking twice is asking once."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, ASK)
    row = moving.locked(request.pk)
    plan = _plan(row)
    _require_unchanged(plan, at)
    approval = approvals.ask(act=ACT, subject=row.reference, digest=bytes(plan.digest), by=member, at=at)
    if row.state == State.AWAITING_APPROVAL and plan.approval == approval.reference:
        return approval
    plan.approval = approval.reference
    plan.save(update_fields=["approval"])
    moving.move(row, State.AWAITING_APPROVAL, by=member, at=at, facts={"plan": plan.reference, "approval": approval.reference})
    return approval


@transaction.atomic
def approve(request: DataRequest, *, by: StaffMember, at: datetime) -> DataRequest:
    """Approve it. An erasure is announced to every contact on file and may be called back; what is handed over is collected at once."""
    members = _lock(request, by)
    row = _waiting(request)
    plan = _plan(row)
    _require_unchanged(plan, at)
    approval = _approval(plan)
    member = members[by.pk]
    if str(member.actor) in _asked_by(row, plan):
        raise approvals.OwnRequest
    approvals.approve(approval=approval, digest=bytes(plan.digest), by=member, at=at)
    plan.approved_by, plan.approved_at, row.approved_at = str(member.actor), at, at
    plan.save(update_fields=["approved_by", "approved_at"])
    row.save(update_fields=["approved_at"])
    facts = {"plan": plan.reference, "approval": approval.reference}
    if row.kind in ERASES:
        announcing.announce(row, at=at)
        return moving.move(row, State.ANNOUNCED, by=member, at=at, facts=facts)
    moved = moving.move(row, State.RUNNING, by=member, at=at, facts=facts)
    doorbell.ring("requests.due")
    return moved


def _asked_by(row: DataRequest, plan: Plan) -> set[str]:
    """By whose doing this came to be asked for; approving counts as nobody's. The ledger says who took a request in and who proved the asker."""
    taken_in = Q(object=row.reference, verb="request.received") | Q(object=row.reference, verb="request.in_work", facts__by="staff")
    closed = Q(object=row.person_reference, verb="person.closed") if row.person_reference else Q(pk__in=[])
    minors = MinorCase.objects.filter(person=row.person_id).values_list("removal_asked_by", flat=True) if row.person_id else []
    return {plan.made_by, *minors, *Event.objects.filter(taken_in | closed).values_list("actor", flat=True)}


@transaction.atomic
def reject(request: DataRequest, *, by: StaffMember, at: datetime) -> DataRequest:
    """Not like this: the request is in work again, and its plan does not count any more."""
    members = _lock(request, by)
    row = _waiting(request)
    plan = _plan(row)
    approvals.reject(approval=_approval(plan), digest=bytes(plan.digest), by=members[by.pk], at=at)
    return _back(row, plan, because="rejected", by=members[by.pk], at=at)


@transaction.atomic
def withdraw(request: DataRequest, *, by: StaffMember, at: datetime) -> DataRequest:
    """Who asked takes it back, to change the plan."""
    members = _lock(request, by)
    row = _waiting(request)
    plan = _plan(row)
    approvals.withdraw(approval=_approval(plan), by=members[by.pk], at=at)
    return _back(row, plan, because="withdrawn", by=members[by.pk], at=at)


def look_after(*, at: datetime) -> int:
    """Requests whose approval was closed without a decision are in work again; returns how many. A sweep."""
    waiting = DataRequest.objects.filter(state=State.AWAITING_APPROVAL).order_by("pk").values_list("pk", flat=True)
    return sum(_look_after(pk, at) for pk in waiting)


@transaction.atomic
def _look_after(pk: int, at: datetime) -> bool:
    row = moving.locked(pk)
    plan = Plan.objects.filter(request=row, void_at__isnull=True).first()
    if row.state != State.AWAITING_APPROVAL:
        return False
    approval = Approval.objects.filter(reference=plan.approval).first() if plan else None
    if approval is not None and approval.verdict == Verdict.OPEN:
        return False
    _back(row, plan, because="approval_closed", by=SYSTEM, at=at)
    return True


def take_back(row: DataRequest, *, because: str, at: datetime) -> DataRequest:
    """What was approved does not hold any more; the caller has the request locked."""
    return _back(row, Plan.objects.filter(request=row, void_at__isnull=True).first(), because=because, by=SYSTEM, at=at)


def _back(row: DataRequest, plan: Plan | None, *, because: str, by, at: datetime) -> DataRequest:
    if plan is not None:
        planning.void(plan, because=because, at=at)
    if row.approved_at is not None or row.call_back_until is not None:
        row.approved_at = row.call_back_until = None
        row.save(update_fields=["approved_at", "call_back_until"])
    return moving.move(row, State.IN_WORK, by=by, at=at, facts={"plan": plan.reference if plan else "", "because": because})


def still_holds(plan: Plan) -> bool:
    """Whether who approved may still approve, and the rows are those that were approved."""
    approval = Approval.objects.select_related("decided_by").filter(reference=plan.approval, verdict=Verdict.APPROVED).first()
    if approval is None or approval.decided_by is None or bytes(approval.digest) != bytes(plan.digest) or not planning.is_whole(plan):
        return False
    return approval.decided_by.is_active and approval.decided_by.has_perm(ACT)


def _lock(request: DataRequest, by: StaffMember) -> dict[int, StaffMember]:
    """Members before anything else, who asked among them."""
    asked = Approval.objects.filter(act=ACT, subject=request.reference, verdict=Verdict.OPEN).select_related("asked_by").first()
    return presence.lock(by, *([asked.asked_by] if asked else []))


def _waiting(request: DataRequest) -> DataRequest:
    row = moving.locked(request.pk)
    if row.state != State.AWAITING_APPROVAL:
        raise NotWaiting
    return row


def _plan(row: DataRequest) -> Plan:
    plan = Plan.objects.select_for_update(of=("self",)).select_related("request").filter(request=row, void_at__isnull=True).first()
    if plan is None:
        raise NoPlan
    return plan


def _approval(plan: Plan) -> Approval:
    found = Approval.objects.filter(reference=plan.approval).first()
    if found is None:
        raise NotWaiting
    return found


def _require_unchanged(plan: Plan, at: datetime) -> None:
    exceptions = planning.exceptions_of(plan.request, at)
    if not planning.is_whole(plan) or planning.has_changed(plan, at) or exceptions != plan.exceptions:
        raise PlanChanged
