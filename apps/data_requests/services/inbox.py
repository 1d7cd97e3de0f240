"""What a member of staff has to do with requests: what waits for them, what is late, what they asked for and what they decided.

Questions only, each bounded. It must never show whose data it is by anything but a reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from apps.data_requests.models import Arrival, ClientQuestion, DataRequest, Step
from apps.data_requests.states import ArrivalState, StepState
from apps.staff.models import Approval, StaffMember
from apps.staff.states import Verdict

APPROVE, WORK, ANSWER = "data_requests.approve_datarequest", "data_requests.work_datarequest", "data_requests.answer_clientquestion"
SHOWN = 50
REQUEST_COLUMNS = ("Request", "Asks for", "Stands", "First due", "Owner")


@dataclass(frozen=True)
class Tray:
    """One list of the inbox: what it is, its rows, and what it says when it is empty."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    empty: str
    count: int = 0

    @property
    def more(self) -> int:
        return max(0, self.count - len(self.rows))


def of(member: StaffMember, *, at: datetime) -> list[Tray]:
    """The trays of a member of staff, what is urgent first."""
    trays = [_to_decide(member), _late(member, at), _mine(member)]
    if member.has_perm(WORK):
        trays += [_nobodys(), _unreadable(), _parked()]
    if member.has_perm(ANSWER):
        trays.append(_unanswered(at))
    return [*trays, _asked(member), _decided(member)]


def _requests(key: str, title: str, rows: QuerySet[DataRequest], empty: str) -> Tray:
    found = list(rows[:SHOWN])
    owners = _usernames({row.owner for row in found if row.owner})
    shown = [(row, row.get_kind_display(), row.get_state_display(), row.due_at or "", owners.get(row.owner, row.owner or "nobody")) for row in found]
    return Tray(key, title, REQUEST_COLUMNS, shown, empty, len(shown) if len(shown) < SHOWN else rows.count())


def _usernames(actors: set[str]) -> dict[str, str]:
    """How members of staff are called, by the reference that the ledger uses."""
    references = [actor.partition(":")[2] for actor in actors]
    return {str(member.actor): member.username for member in StaffMember.objects.filter(reference__in=references)} if actors else {}


def _late(member: StaffMember, at: datetime) -> Tray:
    """Whose it is, or nobody's; for who approves, everybody's."""
    rows = DataRequest.objects.late(at)
    if not member.has_perm(APPROVE):
        rows = rows.filter(Q(owner=str(member.actor)) | Q(owner=""))
    return _requests("late", "Late", rows, "Nothing is late.")


def _mine(member: StaffMember) -> Tray:
    return _requests("mine", "In my hands", DataRequest.objects.of(str(member.actor)), "You have taken none.")


def _nobodys() -> Tray:
    return _requests("nobodys", "Nobody's yet", DataRequest.objects.in_progress().filter(owner=""), "Every request has an owner.")


def _to_decide(member: StaffMember) -> Tray:
    rows = Approval.objects.waiting_for(member).filter(act=APPROVE).select_related("asked_by").order_by("asked_at", "pk")
    return _approvals("decide", "Waits for my decision", rows, lambda row: row.asked_by.username, "asked", "Nothing waits for your decision.")


def _asked(member: StaffMember) -> Tray:
    rows = Approval.objects.waiting().asked_by(member).filter(act=APPROVE).order_by("asked_at", "pk")
    return _approvals("asked", "I asked for, and nobody has decided", rows, lambda _row: "you", "asked", "Nothing.")


def _decided(member: StaffMember) -> Tray:
    rows = Approval.objects.filter(act=APPROVE, decided_by=member).exclude(verdict=Verdict.OPEN).select_related("asked_by").order_by("-decided_at", "-pk")
    return _approvals("decided", "What I decided", rows, lambda row: row.asked_by.username, "decided", "You have decided nothing yet.")


def _approvals(key: str, title: str, rows: QuerySet[Approval], who: Any, moment: str, empty: str) -> Tray:
    found = list(rows[:SHOWN])
    requests = {row.reference: row for row in DataRequest.objects.filter(reference__in=[one.subject for one in found])}
    shown = [
        (requests.get(one.subject, one.subject), one.get_verdict_display(), getattr(one, f"{moment}_at"), who(one), _stands(requests.get(one.subject)))
        for one in found
    ]
    count = len(shown) if len(shown) < SHOWN else rows.count()
    return Tray(key, title, ("Request", "Decision", moment.capitalize(), "Asked by", "Stands now"), shown, empty, count)


def _stands(request: DataRequest | None) -> str:
    return request.get_state_display() if request else ""


def _unreadable() -> Tray:
    rows = Arrival.objects.filter(state=ArrivalState.UNREADABLE).order_by("received_at", "pk")
    shown = [(row, row.get_channel_display(), row.code, row.received_at) for row in rows[:SHOWN]]
    return Tray("unreadable", "Came in, and could not be read", ("What", "How", "Why", "Came"), shown, "Everything could be read.", rows.count())


def _parked() -> Tray:
    rows = Step.objects.filter(state=StepState.PARKED, plan__void_at__isnull=True).select_related("plan__request").order_by("pk")
    shown = [(row.plan.request, row.get_kind_display(), row.holding) for row in rows[:SHOWN]]
    return Tray("parked", "Stopped after five attempts", ("Request", "Step", "Of"), shown, "Nothing stopped.", rows.count())


def _unanswered(at: datetime) -> Tray:
    rows = ClientQuestion.objects.filter(answer="").select_related("request").order_by("due_at", "pk")
    shown = [(row, row.request, row.organization, row.due_at, "late" if row.due_at <= at else "") for row in rows[:SHOWN]]
    return Tray("clients", "Clients who have not answered", ("Question", "Request", "Client", "Due", ""), shown, "Every client has answered.", rows.count())
