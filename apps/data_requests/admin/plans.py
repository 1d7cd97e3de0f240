"""Plans as a second person reads and approves them: every holding with what is to be done in it, what was done, and what was left."""

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.data_requests import order
from apps.data_requests.models import DataRequest, Plan, Remainder, Step
from apps.data_requests.services import approving, executing, planning
from apps.data_requests.states import ERASES, HANDS_OVER, State, StepKind, StepState
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip, moment

TONES = {StepState.PLANNED: "plain", StepState.RUNNING: "wait", StepState.WAITING: "wait", StepState.DONE: "ok", StepState.PARKED: "bad"}
HEADS = ("Step", "What", "Where", "Rows planned", "Done", "State", "Attempts")


def titles() -> dict[str, str]:
    return {holding.code: holding.title for holding in order.all_holdings()}


def standing(request: DataRequest) -> Plan | None:
    """The plan of a request that counts."""
    return Plan.objects.filter(request=request, void_at__isnull=True).first()


def plan_link(plan: Plan) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse("admin:data_requests_plan_change", args=[plan.pk]), plan.reference)


def what_planning_does(request: DataRequest) -> list[str]:
    there = standing(request)
    said = ["Everything that is held of the person is counted, holding by holding, and what is to be done is written down. Nothing is changed yet."]
    return said + ([f"It takes the place of {there}, and an approval of that one is void."] if there else [])


def what_asking_does(plan: Plan) -> list[str]:
    return [
        f"{summary(plan)}",
        "Somebody else with the right to approve reads these steps and decides. You can't approve what you asked for or planned yourself.",
    ]


def what_approving_does(plan: Plan) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    said = [summary(plan)]
    if plan.request.kind in ERASES:
        said.append("The person is told by every contact on file, and can call it back for some days.")
        said.append("After that nothing brings it back: rows, files and keys go.")
        said += [f"{one['about']} ({one['ground']}) keeps what it names; it goes when that ends." for one in plan.exceptions]
    else:
        said.append("What is held of them is collected and handed to them by a link to a contact on file.")
    said.append(f"You approve exactly this plan: SHA-256 {bytes(plan.digest).hex()}.")
    return said


def summary(plan: Plan) -> str:
    steps = list(plan.steps.all())
    rows = sum(step.expected for step in steps)
    return f"{plan} of {plan.request}: {plan.request.get_kind_display()} for {plan.request.person_reference}, {len(steps)} steps over {rows:,} rows."


def make(request: HttpRequest, row: DataRequest, _form: forms.Form | None) -> str:
    plan = planning.make_plan(row, by=request.user, at=clock.now())
    return f"{plan} is made, with {plan.steps.count()} steps. Read it, and ask for its approval."


#: acts on the page of a request, for its own class to show
ACTS = (
    Act(
        "plan", "Make the plan", approving.ASK, danger=False, explain=what_planning_does, run=make,
        applies=lambda row: row.state == State.IN_WORK and row.kind in ERASES | HANDS_OVER,
    ),
    Act(
        "again", "Try again", approving.ASK, danger=False,
        explain=lambda row: [f"{row} stopped after five attempts. What stopped it stands in its plan and its time line; it goes on where it stopped."],
        run=lambda request, row, _form: f"{executing.try_again(row, by=request.user, at=clock.now())} goes on.",
        applies=lambda row: row.last_code == executing.PARKED,
    ),
)  # fmt: skip


class StandingFilter(admin.SimpleListFilter):
    """Plans that count, and those that do not any more."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin) -> list[tuple[str, str]]:
        return [("counts", "counts"), ("void", "void")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "counts":
                return queryset.filter(void_at__isnull=True)
            case "void":
                return queryset.filter(void_at__isnull=False)
        return queryset


def waits(plan: Plan) -> bool:
    return plan.void_at is None and plan.request.state == State.AWAITING_APPROVAL


@admin.register(Plan)
class PlanAdmin(CovenantAdmin):
    list_display = ("reference", "of_request", "number", "how_far", "made_at", "approved_at", "void_because")
    list_filter = (StandingFilter, "made_at")
    ordering = ("-id",)
    search_fields = ("=reference", "=request__reference", "=request__person_reference")
    search_help_text = "By the reference of the plan, the request or the person."
    list_select_related = ("request",)
    unmasked_fields = ("made_by", "approved_by")
    fieldsets = (
        (None, {"fields": ("reference", "of_request", "number", "how_far")}),
        ("What is done", {"fields": ("all_steps", "known_exceptions")}),
        ("Approved", {"fields": ("fingerprint", "made_at", "made_by", "approval", "approved_at", "approved_by", "void_at", "void_because")}),
    )
    readonly_fields = ("of_request", "how_far", "all_steps", "known_exceptions", "fingerprint")
    empty_note = "No plans yet. One is made on the page of a request."
    acts = (
        Act(
            "ask", "Ask for approval", approving.ASK, danger=False, explain=what_asking_does,
            run=lambda request, plan, _form: f"{approving.ask(plan.request, by=request.user, at=clock.now())} waits for somebody else's decision.",
            applies=lambda plan: plan.void_at is None and plan.request.state == State.IN_WORK,
        ),
        Act(
            "approve", "Approve", approving.ACT, explain=what_approving_does,
            run=lambda request, plan, _form: f"{approving.approve(plan.request, by=request.user, at=clock.now())} is approved.", applies=waits,
        ),
        Act(
            "reject", "Reject", approving.ACT, danger=False,
            explain=lambda plan: [f"{plan} is not carried out. {plan.request} is in work again and gets another plan."],
            run=lambda request, plan, _form: f"{approving.reject(plan.request, by=request.user, at=clock.now())} is in work again.", applies=waits,
        ),
        Act(
            "withdraw", "Take back", approving.ASK, danger=False,
            explain=lambda plan: [f"You take back that you asked for the approval of {plan}. {plan.request} is in work again."],
            run=lambda request, plan, _form: f"{approving.withdraw(plan.request, by=request.user, at=clock.now())} is in work again.", applies=waits,
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        ended = Count("steps", filter=Q(steps__state=StepState.DONE))
        return super().get_queryset(request).annotate(all_of_them=Count("steps"), ended=ended)

    @admin.display(description="request")
    def of_request(self, plan: Plan) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:data_requests_datarequest_change", args=[plan.request_id]), plan.request.reference)

    @admin.display(description="steps done")
    def how_far(self, plan: Plan) -> SafeString | str:
        if plan.void_at is not None:
            return chip("void", "plain")
        return f"{plan.ended} of {plan.all_of_them}"

    @admin.display(description="steps")
    def all_steps(self, plan: Plan) -> SafeString:
        named = titles()
        steps = plan.steps.annotate(tried=Count("attempts")).order_by("number")
        lines = (
            (
                step.number, step.get_kind_display(), named.get(step.holding, step.holding), f"{step.expected:,}", done(step),
                chip(step.get_state_display(), TONES[StepState(step.state)]), step.tried,
            )
            for step in steps
        )  # fmt: skip
        return format_html(
            '<div class="table-scroll" tabindex="0" role="group" aria-label="Steps"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
            format_html_join("", '<th scope="col">{}</th>', ((head,) for head in HEADS)),
            format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", lines),
        )

    @admin.display(description="known exceptions")
    def known_exceptions(self, plan: Plan) -> str:
        return ", ".join(f"{one['about']} ({one['ground']})" for one in plan.exceptions) or "none"

    @admin.display(description="SHA-256 of the plan")
    def fingerprint(self, plan: Plan) -> str:
        return bytes(plan.digest).hex()

    def has_change_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:
        """A plan is made anew, and never changed."""
        return False


def done(step: Step) -> str:
    """How many rows, in words."""
    if step.waits_for:
        return f"waits for {step.waits_for}"
    counts = {"erased": step.erased, "anonymised": step.anonymised, "collected": step.collected}
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    return said or ("nothing to do" if step.state == StepState.DONE and step.kind in (StepKind.ERASE, StepKind.COLLECT) else "")


@admin.register(Remainder)
class RemainderAdmin(CovenantAdmin):
    list_display = ("of_request", "of_holding", "ground", "about", "rows", "since", "until", "ended")
    list_filter = ("ground",)
    ordering = ("-id",)
    search_fields = ("=about", "=request__reference", "=request__person_reference")
    search_help_text = "By the reference of the hold that keeps it, the request or the person."
    list_select_related = ("request",)
    fieldsets = ((None, {"fields": ("of_request", "of_holding", "ground", "about", "rows", "since", "until", "next_try_at", "ended_at")}),)
    readonly_fields = ("of_request", "of_holding")
    empty_note = "Nothing was left of any erasure."

    @admin.display(description="request")
    def of_request(self, row: Remainder) -> str:
        return row.request.reference

    @admin.display(description="where")
    def of_holding(self, row: Remainder) -> str:
        return titles().get(row.holding, row.holding)

    @admin.display(description="erased")
    def ended(self, row: Remainder) -> SafeString | str:
        return moment(row.ended_at) if row.ended_at else chip("kept", "warn")

    def has_change_permission(self, request: HttpRequest, obj: Remainder | None = None) -> bool:
        """What was left says the erasure."""
        return False
