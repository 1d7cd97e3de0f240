"""Exceptions for countries: asked for, decided by a second person, withdrawn at once."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip
from apps.foundation.refusals import Refusal
from apps.gate.forms import ExceptionForm
from apps.gate.models import CountryException
from apps.gate.services import exceptions
from apps.gate.states import EXCEPTION_MOVES, ExceptionState

TONES = {
    ExceptionState.ASKED: "wait", ExceptionState.APPROVED: "ok", ExceptionState.REJECTED: "plain", ExceptionState.WITHDRAWN: "plain",
}  # fmt: skip


class ForceFilter(admin.SimpleListFilter):
    """Whether an exception lets anything out now, which its state alone does not say."""

    title = "force"
    parameter_name = "force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("in_force", "in force now"), ("waiting", "waits for a decision"), ("lapsed", "lapsed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        at = clock.now()
        match self.value():
            case "in_force":
                return queryset.in_force(at)
            case "waiting":
                return queryset.waiting()
            case "lapsed":
                return queryset.lapsed(at)
        return queryset


def is_asked(exception: CountryException) -> bool:
    return exception.state == ExceptionState.ASKED and exceptions.asked_for(exception) is not None


def what_approving_does(exception: CountryException) -> list[str]:
    """The sentences of the page that asks to confirm it; the reason stands there, since it is what is decided on."""
    approval = exceptions.asked_for(exception)
    if approval is None:
        raise exceptions.ExceptionNotAsked(f"Nobody asks for {exception}.")
    return [
        f"{approval.asked_by} asks for it since {approval.asked_at:%Y-%m-%d %H:%M} UTC, because: “{exception.reason}”",
        exceptions.what_it_allows(exception),
        "It opens nothing else: a ground, a purpose and everything else that the gate asks are still needed. It ends by itself.",
    ]


@admin.register(CountryException)
class CountryExceptionAdmin(CovenantAdmin):
    list_display = ("reference", "recipient", "country", "state", "force", "starts_at", "ends_at", "asked_at")
    list_filter = (ForceFilter, "state", "recipient_kind", "ends_at")
    search_fields = ("=reference", "=recipient")
    search_help_text = "By the reference of the exception or its recipient."
    sortable_by = ("asked_at", "ends_at")
    chips = {"state": TONES}
    fieldsets = (
        (None, {"fields": ("reference", "recipient_kind", "recipient", "country", "state", "force")}),
        ("When", {"fields": ("starts_at", "ends_at")}),
        ("Why", {"fields": ("reason",)}),
        ("Who decided", {"fields": ("asked_by", "asked_at", "decided_by", "decided_at", "withdrawn_by", "withdrawn_at")}),
    )
    readonly_fields = ("force",)
    empty_note = "No exception yet: nothing leaves the United States. Who needs one asks for it here, and a second person approves it."
    acts = (
        Act(
            "approve", "Approve", exceptions.APPROVE, danger=True, applies=is_asked, explain=what_approving_does,
            run=lambda request, exception, _form: (
                f"{exceptions.approve(exception=exception, by=request.user, at=clock.now())} is approved: {exceptions.what_it_allows(exception)}"
            ),
        ),
        Act(
            "reject", "Reject", exceptions.APPROVE, danger=False, applies=is_asked,
            explain=lambda exception: ["Nothing leaves the United States by it. It can be asked for again."],
            run=lambda request, exception, _form: f"{exceptions.reject(exception=exception, by=request.user, at=clock.now())} is rejected.",
        ),
        Act(
            "withdraw", "Withdraw", exceptions.WITHDRAW, danger=True,
            applies=lambda exception: ExceptionState.WITHDRAWN in EXCEPTION_MOVES[exception.state],
            explain=lambda exception: [
                f"From this moment on nothing goes to {exception.country} for {exception.recipient}.",
                "What was let out by it and did not leave yet does not leave. That is final: a new exception has to be asked for.",
            ],
            run=lambda request, exception, _form: f"{exceptions.withdraw(exception=exception, by=request.user, at=clock.now())} is withdrawn.",
        ),
    )  # fmt: skip

    @admin.display(description="force")
    def force(self, exception: CountryException) -> SafeString | str:
        at = clock.now()
        if exception.state != ExceptionState.APPROVED:
            return ""
        if exception.ends_at <= at:
            return chip("lapsed", "plain")
        return chip("not yet", "wait") if exception.starts_at > at else chip("in force", "ok")

    def has_change_permission(self, request: HttpRequest, obj: CountryException | None = None) -> bool:
        """What an exception allows never changes."""
        return False

    def act_buttons(self, request: HttpRequest, obj: CountryException | None) -> list[dict]:
        """Who asked does not decide; the service refuses it too."""
        buttons = super().act_buttons(request, obj)
        approval = exceptions.asked_for(obj) if obj is not None and obj.state == ExceptionState.ASKED else None
        if approval is None or approval.asked_by_id != request.user.pk:
            return buttons
        return [button for button in buttons if button["name"] == "withdraw"]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ExceptionForm(request.POST or None, initial={"recipient": request.GET.get("recipient", "")[:20]})
        refusal, at = None, clock.now()
        if request.method == "POST" and form.is_valid():
            try:
                asked = exceptions.ask(**form.values(at), by=request.user, at=at)
            except Refusal as said:
                refusal = said
            else:
                messages.success(request, f"{asked} is asked for. Nothing leaves by it before a second person has approved it.")
                return HttpResponseRedirect(reverse("admin:gate_countryexception_change", args=[asked.pk]))
        context = {
            **self.admin_site.each_context(request), "title": "Ask for an exception for a country", "subtitle": None, "opts": self.opts, "form": form,
            "refusal": refusal, "list_url": reverse("admin:gate_countryexception_changelist"),
        }  # fmt: skip
        return TemplateResponse(request, "gate/exception_form.html", context, status=409 if refusal else 200)
