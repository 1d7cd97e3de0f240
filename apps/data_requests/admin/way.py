"""How far a request is, drawn as the stages of its way; and where its plan, its search and its proof are found. Reads only."""

from collections.abc import Iterator

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.data_requests.models import DataRequest
from apps.data_requests.states import ERASES, HANDS_OVER, MOVES, NEEDS_NO_PROOF, OVER, State, StepState

#: a stage as a reader needs it, and the states that are in it
Stage = tuple[str, tuple[State, ...]]
ASKED: Stage = ("Received", (State.RECEIVED,))
PROVEN: Stage = ("Proof", (State.IDENTIFYING, State.COOLING_OFF))
IN_WORK: Stage = ("In work", (State.IN_WORK,))
APPROVED: Stage = ("Approval", (State.AWAITING_APPROVAL,))
ANNOUNCED: Stage = ("May be called back", (State.ANNOUNCED,))
CARRIED_OUT: Stage = ("Carried out", (State.RUNNING,))
SEARCHED: Stage = ("Search", (State.SCANNING,))
ANSWERED: Stage = ("Answer", (State.ANSWERING,))
OF_ERASURE = (IN_WORK, APPROVED, ANNOUNCED, CARRIED_OUT, SEARCHED, ANSWERED)
OF_COPY = (IN_WORK, APPROVED, CARRIED_OUT, ANSWERED)
OF_OTHERS = (IN_WORK, ANSWERED)
ORDER = tuple(MOVES)


def stages(asked: DataRequest) -> list[tuple[str, str]]:
    """(name, "done" | "now" | "to come") of each stage; of one that ended early the rest is left out, and how it ended stands last."""
    rest = OF_ERASURE if asked.kind in ERASES else OF_COPY if asked.kind in HANDS_OVER else OF_OTHERS
    way = (ASKED, *(() if asked.kind in NEEDS_NO_PROOF else (PROVEN,)), *rest)
    if asked.state in OVER and asked.state != State.COMPLETED:
        reached = {ASKED} | ({PROVEN} if asked.verified_at else set()) | ({APPROVED} if asked.approved_at else set())
        return [*((stage[0], "done") for stage in way if stage in reached), (asked.get_state_display().capitalize(), "now")]
    here = ORDER.index(asked.state)
    last = [max(ORDER.index(state) for state in states) for _name, states in way]
    first = [min(ORDER.index(state) for state in states) for _name, states in way]
    return [(name, "done" if here > last[place] else "now" if here >= first[place] else "to come") for place, (name, _states) in enumerate(way)]


def drawn(asked: DataRequest) -> SafeString:
    """The stages as a list that is a picture too; whoever hears the page hears which one it is at."""
    items = (
        (state.replace(" ", "-"), format_html(' aria-current="{}"', "step") if state == "now" else "", name, f"({state})") for name, state in stages(asked)
    )
    return format_html(
        '<ol class="way">{}</ol>', format_html_join("", '<li class="{}"{}>{} <span class="visually-hidden">{}</span></li>', items)
    )  # fmt: skip


def found_at(asked: DataRequest) -> SafeString | str:
    """Plans, what was left, questions, notices, searches, the copy and the evidence, each by its reference and with how far it is."""
    return format_html_join("", '<div>{} <a href="{}">{}</a> {}</div>', _found(asked)) or "nothing yet"


def _found(asked: DataRequest) -> Iterator[tuple[str, str, str, str]]:
    done = Count("steps", filter=Q(steps__state=StepState.DONE))
    for plan in asked.plans.annotate(ended=done, all_of_them=Count("steps")).order_by("-number"):
        yield "Plan", _page("plan", plan.pk), plan.reference, "void" if plan.void_at else f"{plan.ended} of {plan.all_of_them} steps done"
    for question in asked.client_questions.order_by("pk"):
        yield "Question to the client", _page("clientquestion", question.pk), question.reference, question.get_answer_display() or "not answered"
    for notice in asked.erasure_notices.order_by("pk"):
        yield "Notice to a provider", _page("erasurenotice", notice.pk), notice.reference, "confirmed" if notice.acknowledged_at else "not confirmed"
    for rest in asked.remainders.order_by("pk"):
        yield "Lawfully left", _page("remainder", rest.pk), f"{rest.holding}, {rest.about}", "gone by now" if rest.ended_at else f"{rest.rows:,} rows"
    for scan in asked.scans.order_by("-number")[:3]:
        yield "Search", _page("scan", scan.pk), scan.reference, "nothing left" if scan.is_clean else f"{len(scan.findings)} places"
    for kind, row in (("Copy", "package"), ("Evidence", "evidence")):
        if (one := getattr(asked, row, None)) is not None:
            yield kind, _page(row, one.pk), str(one), ""


def _page(model: str, pk: int) -> str:
    return reverse(f"admin:data_requests_{model}_change", args=[pk])
