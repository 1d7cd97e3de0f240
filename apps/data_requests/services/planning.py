"""What is to be done for a request, holding by holding, written down before anything changes, and bound to a digest that somebody approves.

| part of a plan | what it says |
|---|---|
| steps | each holding once, in the order in which rows may go; the client who decides on messages; each provider that got something |
| expected | how many rows each holding had when the plan was made |
| exceptions | what is known to keep something back, by reference |

It must never leave a holding of people out: one that can neither be erased nor says why it survives makes no plan complete.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from apps.accounts.models import Person
from apps.audit.services import ledger
from apps.data_requests import order
from apps.data_requests.models import DataRequest, Plan, Step
from apps.data_requests.services import moving, provider_notices, whom
from apps.data_requests.states import ERASES, HANDS_OVER, Kind, State, StepKind
from apps.foundation.digests import canonical, sha256
from apps.foundation.personal_data import Holding, Subject
from apps.foundation.refusals import Refusal
from apps.holds.services import asking

#: the holding on which the client decides, and not the person alone
CLIENT_DECIDES = "retention.messages"


class NothingToPlan(Refusal):
    """For this kind of request nothing is collected or erased."""

    code = "nothing_to_plan"
    mend = "Answer it by a letter."


class NotInWork(Refusal):
    """Only a request that is in work gets a plan."""

    code = "not_in_work"
    mend = "Reload the page: it may have been asked for already. To change a plan, take the request for approval back."


@dataclass(frozen=True)
class Part:
    """A step before it is written."""

    kind: str
    holding: str
    expected: int = 0

    @property
    def what(self) -> tuple[str, str]:
        """Which step it is, whatever it counted."""
        return (str(self.kind), self.holding)


@transaction.atomic
def make_plan(request: DataRequest, *, by: Any, at: datetime) -> Plan:
    """Write the plan of a request in work; it takes the place of the one before. What is to be done changes nothing yet."""
    row = moving.locked(request.pk)
    if row.kind not in ERASES | HANDS_OVER:
        raise NothingToPlan
    if row.state != State.IN_WORK:
        raise NotInWork
    subject = whom.look_up(row, at=at).subject
    parts, exceptions = parts_of(row, subject, at), exceptions_of(row, at)
    for earlier in Plan.objects.select_for_update().filter(request=row, void_at__isnull=True):
        void(earlier, because="made_anew", at=at)
    number = (Plan.objects.filter(request=row).aggregate(last=Max("number"))["last"] or 0) + 1
    plan = Plan.objects.create(
        request=row, number=number, digest=digest_of(row, parts, exceptions), exceptions=exceptions, made_by=str(getattr(by, "actor", by)), made_at=at
    )
    Step.objects.bulk_create(
        Step(plan=plan, number=place, kind=part.kind, holding=part.holding, expected=part.expected) for place, part in enumerate(parts, 1)
    )
    facts = {"plan": plan.reference, "number": number, "steps": len(parts), "rows": sum(part.expected for part in parts), "digest": plan.digest}
    ledger.record("request.planned", by=by, about=row.reference, at=at, facts=facts | {"exceptions": [one["about"] for one in exceptions]})
    return plan


def void(plan: Plan, *, because: str, at: datetime) -> None:
    """The plan does not count any more; the caller holds its row."""
    plan.void_at, plan.void_because = at, because
    plan.save(update_fields=["void_at", "void_because"])


def parts_of(request: DataRequest, subject: Subject, at: datetime) -> list[Part]:
    """Every step, in its order."""
    if request.kind in HANDS_OVER:
        collected = [holding for holding in order.in_order() if holding.collect is not None]
        parts = [Part(StepKind.COLLECT, holding.code, counted(holding, subject, at)) for holding in collected]
        return [*_clients(subject), *parts] if request.kind == Kind.ACCESS else parts
    erased, surviving = [], []
    for holding in order.in_order():
        if holding.erase is not None:
            erased.append(Part(StepKind.ERASE, holding.code, counted(holding, subject, at)))
        elif holding.survives:
            surviving.append(Part(StepKind.SURVIVES, holding.code, counted(holding, subject, at)))
    told = [Part(StepKind.TELL_PROVIDER, provider, len(got)) for provider, got in provider_notices.who_got_something(subject).items()]
    return [*_clients(subject), *told, *surviving, *erased]


def _clients(subject: Subject) -> list[Part]:
    return [Part(StepKind.ASK_CLIENT, subject.organization)] if subject.organization else []


def counted(holding: Holding, subject: Subject, at: datetime) -> int:
    return holding.count(subject, at) if holding.count is not None else 0


def exceptions_of(request: DataRequest, at: datetime) -> list[dict[str, str]]:
    """What is known to keep something of the person back."""
    if request.kind in HANDS_OVER or not Person.objects.filter(pk=request.person_id).exists():
        return []
    return [{"ground": "hold", "about": hold.reference} for hold in asking.holds_of_person(request.person_id, at)]


def digest_of(request: DataRequest, parts: list[Part], exceptions: list[dict[str, str]]) -> bytes:
    """What an approval is bound to: who, what kind, each step with its count, each exception."""
    steps = [[number, str(part.kind), part.holding, part.expected] for number, part in enumerate(parts, 1)]
    return sha256(canonical({
        "request": request.reference, "kind": request.kind, "person": request.person_reference, "steps": steps, "exceptions": exceptions,
    }))  # fmt: skip


def written(plan: Plan) -> list[Part]:
    """The steps as they stand."""
    return [Part(step.kind, step.holding, step.expected) for step in plan.steps.order_by("number")]


def is_whole(plan: Plan) -> bool:
    """Whether the rows still say what the digest says."""
    return digest_of(plan.request, written(plan), plan.exceptions) == bytes(plan.digest)


def has_changed(plan: Plan, at: datetime) -> bool:
    """Whether a plan made now would have other steps. Rows come and go, and their number alone changes nothing of what was approved."""
    now = parts_of(plan.request, whom.look_up(plan.request, at=at).subject, at)
    return [part.what for part in now] != [part.what for part in written(plan)]
