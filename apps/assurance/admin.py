"""The promise board for staff: one page with all promises, the findings, the runs. Nothing here can be edited.

A finding goes away when what it names is mended and looked at again, never because somebody closed it.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse

from apps.assurance.data_map_page import DataMapPage
from apps.assurance.models import CheckResult, Finding, Promise, Run
from apps.assurance.services import board, checking
from apps.assurance.states import PromiseState, ResultState
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, CovenantTabularInline, chip
from apps.foundation.admin.model_admin import FILTER_UNKNOWN
from apps.foundation.promises import PROMISES

PROMISE_TONES = {
    PromiseState.KEPT: "ok", PromiseState.BROKEN: "bad", PromiseState.UNPROVEN: "wait",
    PromiseState.NOTHING_TO_CHECK: "plain",
}  # fmt: skip
RESULT_TONES = PROMISE_TONES | {ResultState.ERROR: "bad"}
STATES_IN_WORDS = (
    (PromiseState.BROKEN, "Something was found that breaks the promise."),
    (PromiseState.KEPT, "Rows were looked at, and nothing was found that breaks the promise."),
    (PromiseState.NOTHING_TO_CHECK, "There are checks, but no rows yet that they could look at."),
    (PromiseState.UNPROVEN, "No check proves it yet."),
)
STATE = "state__exact"
FINDINGS_ON_BOARD = 5
FINDINGS_ON_PAGE = 200
RESULTS_ON_PAGE = 40


def explain_run(_none: Any) -> list[str]:
    return [
        f"All {len(PROMISES)} promises are checked against the data as it is now. This takes some seconds.",
        "The checks only look: no data is changed.",
        "What they find, and that you asked, is kept.",
    ]


def run_now(request: HttpRequest, _none: Any, _form: Any) -> str:
    run = checking.run(by=request.user, at=clock.now())
    if run.broken:
        return f"{run.reference}: {run.broken} of {run.promises} promises are broken, {run.opened} new findings."
    return f"{run.reference}: {run.promises} promises checked, nothing was found that breaks one."


class SeenWithTheBoard(CovenantAdmin):
    """Who may see the board may see its runs and results; nobody changes any of it."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("assurance.view_promise")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Promise)
class PromiseAdmin(DataMapPage, SeenWithTheBoard):
    """The list is the board; the page of one promise shows its findings and what its checks saw lately."""

    list_display = ("code", "title", "state", "checked_at")
    list_filter = ("state",)
    search_fields = ("=code", "title")
    search_help_text = "By code, or by a word of the promise."
    chips = {"state": PROMISE_TONES}
    acts = (
        Act(
            "run", "Check all promises now", "assurance.run_promises",
            explain=explain_run, run=run_now, danger=False, on_list=True,
        ),
    )  # fmt: skip

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        if refused := self._only_looking(request):
            return refused
        try:
            changelist = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            messages.warning(request, FILTER_UNKNOWN)
            return HttpResponseRedirect(request.path)
        lines = board.lines(findings=FINDINGS_ON_BOARD)
        found = {promise.code for promise in changelist.result_list}
        shown = [line for line in lines if line.promise.code in found] if changelist.is_narrowed else lines
        context = self._context(request, "Promise board") | {
            "cl": changelist,
            "sections": _by_section(shown),
            "counts": _counts(lines, changelist),
            "last_run": Run.objects.finished().newest_first().first(),
            "runs": Run.objects.newest_first()[:5],
        }
        return TemplateResponse(request, "assurance/board.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        if refused := self._only_looking(request):
            return refused
        if object_id not in PROMISES:
            raise Http404
        (line,) = board.lines([object_id], findings=FINDINGS_ON_PAGE)
        results = CheckResult.objects.filter(promise=object_id).select_related("run").order_by("-id")
        context = self._context(request, f"{object_id}: {line.promise.title}") | {
            "line": _shown(line),
            "gone": Finding.objects.gone().filter(promise=object_id).order_by("-gone_at")[:20],
            "results": [(result, _result_chip(result)) for result in results[:RESULTS_ON_PAGE]],
        }
        return TemplateResponse(request, "assurance/promise.html", context)

    def _only_looking(self, request: HttpRequest) -> HttpResponse | None:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return None if request.method in ("GET", "HEAD") else HttpResponseNotAllowed(["GET", "HEAD"])

    def _context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        request.current_app = self.admin_site.name
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "act_buttons": self.act_buttons(request, None),
            "may_export": self.has_export_permission(request),
        }


def _by_section(lines: list[board.PromiseLine]) -> list[dict[str, Any]]:
    sections = [
        {"number": number, "title": title, "lines": [_shown(line) for line in lines if line.promise.section == number]}
        for number, title, _last in board.SECTIONS
    ]
    return [section for section in sections if section["lines"]]


def _counts(lines: list[board.PromiseLine], changelist: ChangeList) -> list[dict[str, Any]]:
    """How many of all promises are in each state, with the way to just those; from there, the way back to all."""
    found = [line.promise.state for line in lines]
    chosen = changelist.get_filters_params().get(STATE, [""])[-1]
    return [
        {
            "count": found.count(state), "chip": chip(state.label.lower(), PROMISE_TONES[state]), "means": means,
            "chosen": chosen == state, "url": changelist.get_query_string({STATE: None if chosen == state else state.value}),
        }
        for state, means in STATES_IN_WORDS
    ]  # fmt: skip


def _shown(line: board.PromiseLine) -> dict[str, Any]:
    state = PromiseState(line.promise.state)
    return {
        "promise": line.promise,
        "chip": chip(state.label.lower(), PROMISE_TONES[state]),
        "proofs": [{"check": proof, "chip": _result_chip(proof)} for proof in line.proofs],
        "waiting": line.waiting,
        "findings": line.findings,
        "more_findings": line.more_findings,
        "is_wide": len(line.proofs) + len(line.waiting) > 3,
    }


def _result_chip(result: Any) -> str:
    state = ResultState(result.state)
    return chip(state.label.lower(), RESULT_TONES[state])


class StillOpen(admin.SimpleListFilter):
    """Open findings, gone ones, or both."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("gone", "gone")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "open":
            return queryset.open()
        return queryset.gone() if self.value() == "gone" else queryset


class OfPromise(admin.SimpleListFilter):
    """One promise, of those that something was ever found about."""

    title = "promise"
    parameter_name = "of"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = Promise.objects.filter(Exists(Finding.objects.filter(promise=OuterRef("pk"))))
        return [(promise.code, f"{promise.code} {promise.title}") for promise in found.order_by("code")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(promise=self.value()) if self.value() else queryset


@admin.register(Finding)
class FindingAdmin(SeenWithTheBoard):
    list_display = ("reference", "promise", "object", "why", "since", "standing")
    list_filter = (StillOpen, OfPromise, "since")
    list_select_related = ("promise",)
    search_fields = ("=reference", "=object", "=check_code")
    unmasked_fields = ("object",)
    fields = ("reference", "promise", "check_code", "object", "why", "since", "last_seen_at", "gone_at")
    empty_note = "Nothing was ever found that breaks a promise."

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("assurance.view_finding")

    @admin.display(description="standing")
    def standing(self, finding: Finding) -> str:
        return chip("gone", "plain") if finding.gone_at else chip("open", "bad")


class ResultInline(CovenantTabularInline):
    model = CheckResult
    fields = ("promise", "check_code", "state", "rows", "duration_ms", "error")
    readonly_fields = fields
    chips = {"state": RESULT_TONES}
    ordering = ("promise", "id")
    verbose_name_plural = "What each check saw"
    can_delete = False
    max_num = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("assurance.view_promise")


@admin.register(Run)
class RunAdmin(SeenWithTheBoard):
    list_display = ("reference", "by", "started_at", "finished_at", "promises", "broken", "opened", "gone")
    list_filter = ("started_at",)
    search_fields = ("=reference", "=by")
    unmasked_fields = ("by",)
    fields = ("reference", "by", "started_at", "finished_at", "promises", "broken", "opened", "gone")
    inlines = (ResultInline,)
    empty_note = "The promises were not checked yet. They are checked each night, and on demand from the board."
