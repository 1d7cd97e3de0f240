"""Reschedulings: the plan is seen before it is proposed, approved by a second person, and its progress stands on its page."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.accounts.models import Organization
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip, number
from apps.foundation.refusals import Refusal
from apps.retention.life import in_words
from apps.retention.models import Rescheduling
from apps.retention.services import counting, moving, rescheduling
from apps.retention.services.rescheduling import FIRST_OPEN
from apps.retention.states import ReschedulingState

TONES = {
    ReschedulingState.COUNTING: "wait", ReschedulingState.COUNTED: "wait", ReschedulingState.PROPOSED: "wait",
    ReschedulingState.APPROVED: "ok", ReschedulingState.REJECTED: "plain", ReschedulingState.DONE: "plain",
}  # fmt: skip

#: why messages stay, as staff reads it
STAYS = {
    "held": "held: never sooner",
    "sealed": "sealed",
    "archived": "its archive has begun",
    "twice": "its new day has that message already",
    "closed": "its new day is closed",
}
#: a cell whose words stay on one line
_CELL = '<td class="nowrap">{}</td>'
#: lines of a plan on a page; the counts below are of all of them
SHOWN = 200


class PlanForm(forms.Form):
    """Whose messages; `through` and `shown` carry which plan was on the screen."""

    organization = forms.ModelChoiceField(
        Organization.objects.filter(standing="active").order_by("name"),
        help_text="Its open messages are all read to say which day each would have. "
        f"More than {counting.MOST_WHILE_SOMEBODY_WAITS:,} are read by a worker: the plan stands on its page when it is ready, to be proposed there.",
    )
    through = forms.IntegerField(required=False, widget=forms.HiddenInput)
    shown = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["organization"].label_from_instance = lambda row: f"{row.name} ({row.reference})"


def plan_lines(plan: dict, progress: dict | None = None) -> list[dict]:
    """A plan's lines for a table: the first of them, largest days last, what moves and what stays with its reason."""
    lines = []
    for entry in plan["cohorts"][:SHOWN]:
        far = (progress or {}).get(entry["cohort"])
        lines.append({
            "cohort": entry["cohort"], "now": entry["now"], "messages": entry["messages"],
            "then": [("on the first open day" if day == FIRST_OPEN else f"on {day}", count) for day, count in entry["then"]],
            "stays": [(STAYS[why], count) for why, count in entry["stays"].items()],
            "moved": far and far["moved"], "done": bool(far and far["done"]) or not entry["then"],
            "stayed": [(STAYS[why], count) for why, count in far["stays"].items()] if far else [],
        })  # fmt: skip
    return lines


def approval_means(row: Rescheduling) -> list[str]:
    """What an approval does, with its counts."""
    classes = sorted(row.plan["lives"].items(), key=lambda life: (life[0] == "", life[0]))
    lives = "; ".join(f"{code or 'all others'} {in_words(days)}" for code, days in classes)
    sooner = sum(count for entry in row.plan["cohorts"] for day, count in entry["then"] if day == FIRST_OPEN or day < entry["now"])
    moves = rescheduling.moves_of(row.plan)
    return [
        f"{moves:,} stored messages of {row.organization.reference} get another day: {sooner:,} a sooner one, {moves - sooner:,} a later one.",
        f"They live by the rules of today: {lives}.",
        "What a hold keeps never gets a sooner day; what is sealed, or in an archive already, stays.",
        "What is over by these rules goes to the first day that is still open, and is destroyed on it.",
        "If rules or counts have changed since it was proposed, it becomes void instead.",
    ]


@admin.register(Rescheduling)
class ReschedulingAdmin(CovenantAdmin):
    list_display = ("reference", "organization", "state", "proposed_at", "moved", "stayed", "done_at")
    list_filter = ("state", "organization")
    list_select_related = ("organization",)
    search_fields = ("=reference", "=organization__reference")
    chips = {"state": TONES}
    unmasked_fields = ("proposed_by", "decided_by")
    fields = (
        "reference", "organization", "state", "proposed_by", "proposed_at", "decided_by", "decided_at", "how_far", "moved", "stayed",
        "attempts", "parked_at", "last_error", "done_at", "by_cohort",
    )  # fmt: skip
    readonly_fields = ("how_far", "by_cohort")
    empty_note = "Nothing was rescheduled: what is stored has the day that the rules said when it was sent."
    acts = (
        Act(
            "approve", "Approve", rescheduling.ACT, applies=lambda row: row.state == ReschedulingState.PROPOSED, explain=approval_means,
            run=lambda request, row, _form: f"{rescheduling.approve(rescheduling=row, by=request.user, at=clock.now())} is approved; it begins now.",
        ),
        Act(
            "reject", "Reject", rescheduling.ACT, danger=False, applies=lambda row: row.state == ReschedulingState.PROPOSED,
            explain=lambda row: [f"The plan is put away; all of its {rescheduling.moves_of(row.plan):,} messages keep their day."],
            run=lambda request, row, _form: f"{rescheduling.reject(rescheduling=row, by=request.user, at=clock.now())} is rejected.",
        ),
        Act(
            "propose", "Propose", "retention.add_rescheduling", danger=False, applies=lambda row: row.state == ReschedulingState.COUNTED,
            explain=lambda row: ["A second person decides on it. Approved, this is what happens:", *approval_means(row)],
            run=lambda request, row, _form: (
                f"{counting.propose(row=row, by=request.user, at=clock.now())} is proposed. A second person can approve it now."
            ),
        ),
        Act(
            "put_away", "Put away", "retention.add_rescheduling", danger=False,
            applies=lambda row: row.state in (ReschedulingState.COUNTING, ReschedulingState.COUNTED),
            explain=lambda _row: ["Nothing moves, and what was counted is not proposed any more; it can be worked out anew."],
            run=lambda request, row, _form: f"{counting.put_away(row=row, by=request.user, at=clock.now())} is put away.",
        ),
        Act(
            "retry", "Try again", "retention.add_rescheduling", applies=lambda row: bool(row.parked_at),
            explain=lambda row: [
                f"It goes on from where it stopped: {row.moved:,} of {rescheduling.moves_of(row.plan):,} messages have moved.",
                f"What stopped it: {row.last_error or 'no reason noted'}.",
            ],
            run=lambda request, row, _form: f"{moving.retry(row=row, by=request.user, at=clock.now())} is taken up again.",
        ),
    )  # fmt: skip

    @admin.display(description="progress")
    def how_far(self, row: Rescheduling) -> SafeString | str:
        if row.state in (ReschedulingState.COUNTED, ReschedulingState.PROPOSED, ReschedulingState.REJECTED):
            return "not begun"
        if row.parked_at:
            return chip("parked", "bad")
        if row.state == ReschedulingState.COUNTING:
            return f"{row.progress['looked_at']:,} of about {row.progress['of']:,} messages looked at; reload the page to see how far it is"
        planned = rescheduling.moves_of(row.plan)
        return f"{row.moved:,} moved and {row.stayed:,} stayed, of {planned:,} that the plan names"

    @admin.display(description="by cohort")
    def by_cohort(self, row: Rescheduling) -> SafeString:
        lines = (
            (line["cohort"], line["now"], number(line["messages"]), _counted(line["then"]), _counted(line["stays"]), _so_far(line))
            for line in plan_lines(row.plan, row.progress)
        )
        more = len(row.plan["cohorts"]) - SHOWN
        return format_html(
            '<div class="table-scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>{}',
            format_html_join("", '<th scope="col">{}</th>', ((head,) for head in ("Cohort", "Day now", "Messages", "Days then", "Stays", "So far"))),
            format_html_join("", f"<tr>{_CELL}{_CELL}<td>{{}}</td><td>{{}}</td><td>{{}}</td>{_CELL}</tr>", lines),
            format_html('<p class="note">{} more cohorts.</p>', more) if more > 0 else "",
        )

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Propose in two steps: see the plan, then propose exactly that."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, plan, refusal = PlanForm(request.POST or None), None, None
        if request.method == "POST" and form.is_valid():
            organization = form.cleaned_data["organization"]
            try:
                if "_propose" in request.POST and form.cleaned_data["shown"] and form.cleaned_data["through"] is not None:
                    row = rescheduling.propose(
                        organization=organization, through=form.cleaned_data["through"], shown=form.cleaned_data["shown"],
                        by=request.user, at=clock.now(),
                    )  # fmt: skip
                    messages.success(request, f"{row.reference} is proposed. A second person can approve it now.")
                    return HttpResponseRedirect(reverse("admin:retention_rescheduling_change", args=[row.pk]))
                if counting.is_large(organization, clock.now()):
                    row = counting.begin(organization=organization, by=request.user, at=clock.now())
                    messages.success(request, f"{row.reference} is being worked out. Propose it here once its plan is whole.")
                    return HttpResponseRedirect(reverse("admin:retention_rescheduling_change", args=[row.pk]))
                plan = rescheduling.preview(organization=organization, at=clock.now())
                form.data = form.data.copy()
                form.data["through"], form.data["shown"] = plan["through"], rescheduling.fingerprint(plan)
            except Refusal as said:
                refusal = said
        context = {
            **self.admin_site.each_context(request), "title": "Propose a rescheduling", "opts": self.opts, "form": form, "refusal": refusal,
            "plan": plan, "lines": plan_lines(plan) if plan else [], "moves": rescheduling.moves_of(plan) if plan else 0,
            "lives": [(code, in_words(days)) for code, days in plan["lives"].items()] if plan else [],
            "more": max(0, len(plan["cohorts"]) - SHOWN) if plan else 0,
        }  # fmt: skip
        return TemplateResponse(request, "retention/rescheduling_form.html", context, status=409 if refusal else 200)


def _counted(pairs: list[tuple[str, int]]) -> str:
    return "; ".join(f"{count:,} {what}" for what, count in pairs) or "–"


def _so_far(line: dict) -> str:
    if line["moved"] is None:
        return "–"
    stayed = f"; {_counted(line['stayed'])}" if line["stayed"] else ""
    return f"{line['moved']:,} moved{stayed}{'' if line['done'] else ' …'}"
