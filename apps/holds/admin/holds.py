"""Holds: placed in two steps on one page, asked to be released, and released by a second person."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin
from apps.foundation.refusals import Refusal
from apps.holds.admin.matters import HOLD_TONES
from apps.holds.forms import PlacingForm, ReleaseForm
from apps.holds.models import Hold
from apps.holds.querysets import RELEASE
from apps.holds.services import placing, releasing
from apps.holds.states import HoldState


class StandingFilter(admin.SimpleListFilter):
    """What a hold is doing now, which its state alone does not say."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("in_force", "keeps something now"),
            ("asked", "somebody asks for its release"),
            ("grace", "released, its grace still running"),
            ("over", "over"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        at = clock.now()
        match self.value():
            case "in_force":
                return queryset.in_force(at)
            case "asked":
                return queryset.waiting_for_release()
            case "grace":
                return queryset.in_their_grace(at)
            case "over":
                return queryset.over(at)
        return queryset


def is_active(hold: Hold) -> bool:
    return hold.state == HoldState.ACTIVE


def is_asked(hold: Hold) -> bool:
    return is_active(hold) and releasing.asked_for(hold) is not None


def what_asking_does(hold: Hold) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    return [
        f"You ask that {hold} ends: {hold.scope_in_words}.",
        "Nothing changes until a second person has approved. You can withdraw it among the approvals.",
    ]


def what_releasing_does(hold: Hold) -> list[str]:
    """The sentences of the page that asks to confirm it; the reason stands there, since it is what is decided on."""
    approval = releasing.asked_for(hold)
    if approval is None:
        raise releasing.ReleaseNotAsked(f"Nobody asks for the release of {hold.reference}.")
    last = not hold.matter.holds.active().exclude(pk=hold.pk).exists()
    return [
        f"{approval.asked_by} asks for it since {approval.asked_at:%Y-%m-%d %H:%M} UTC, because: “{hold.release_reason}”",
        f"It no longer keeps {hold.scope_in_words}. What no other hold keeps is destroyed or erased once its own day has come.",
        f"Nothing falls due before {releasing.grace_days()} days are over; until then a new hold can still be placed on it.",
        "A released hold never holds again.",
    ] + ([f"It is the last one of {hold.matter}, which closes with it."] if last else [])


@admin.register(Hold)
class HoldAdmin(CovenantAdmin):
    list_display = ("reference", "matter", "scope", "state", "placed_at", "kept_until")
    list_filter = (StandingFilter, "state", "matter", "organization", "placed_at")
    list_select_related = ("matter", "organization")
    search_fields = ("=reference", "=matter__reference", "=organization__reference", "=person_reference")
    search_help_text = "By the reference of the hold, the matter, the organization or the person."
    sortable_by = ("placed_at",)
    chips = {"state": HOLD_TONES}
    reveal_permission = "holds.reveal_hold"
    fieldsets = (
        (None, {"fields": ("reference", "matter", "state", "scope", "reason", "placed_by", "placed_at")}),
        ("What it keeps", {"fields": (
            "organization", "who", "conversation_source", "conversation_id", "sent_from", "sent_until",
        )}),
        ("Release", {"fields": ("release", "release_reason", "released_by", "released_at", "kept_until")}),
    )  # fmt: skip
    readonly_fields = ("scope", "who", "release")
    empty_note = "Nothing is held. Counsel places a hold for an open matter, and it is in force at once."
    acts = (
        Act(
            "ask_release", "Ask for its release", releasing.ASK, danger=False, form=ReleaseForm,
            applies=lambda hold: is_active(hold) and not is_asked(hold), explain=what_asking_does,
            run=lambda request, hold, form: (
                f"The release of {releasing.ask_release(hold=hold, **form.cleaned_data, by=request.user, at=clock.now())} is asked for."
            ),
        ),
        Act(
            "release", "Release", RELEASE, danger=True, applies=is_asked, explain=what_releasing_does,
            run=lambda request, hold, _form: (
                f"{releasing.approve_release(hold=hold, by=request.user, at=clock.now())} is released."
            ),
        ),
        Act(
            "reject_release", "Reject the release", RELEASE, danger=False, applies=is_asked,
            explain=lambda hold: ["The hold goes on. Its release can be asked for again."],
            run=lambda request, hold, _form: (
                f"{releasing.reject_release(hold=hold, by=request.user, at=clock.now())} goes on."
            ),
        ),
    )  # fmt: skip

    @admin.display(description="keeps")
    def scope(self, hold: Hold) -> str:
        return hold.scope_in_words

    @admin.display(description="person")
    def who(self, hold: Hold) -> SafeString | str:
        """The person's page while there is one, else the reference that stays."""
        if hold.person_id is None:
            return hold.person_reference
        return format_html('<a href="{}">{}</a>', reverse("admin:accounts_person_change", args=[hold.person_id]), hold.person_reference)

    @admin.display(description="release")
    def release(self, hold: Hold) -> str:
        """Who asks. That stands among the approvals: what was rejected or withdrawn there is not asked for any more."""
        if not is_active(hold):
            return f"asked for by {hold.release_asked_by} on {hold.release_asked_at:%Y-%m-%d}"
        approval = releasing.asked_for(hold)
        if approval is None and hold.release_asked_by:
            return f"asked for by {hold.release_asked_by} on {hold.release_asked_at:%Y-%m-%d}; rejected or withdrawn"
        if approval is None:
            return "not asked for"
        return f"asked for by {approval.asked_by} on {approval.asked_at:%Y-%m-%d}; waits for a second person"

    def has_change_permission(self, request: HttpRequest, obj: Hold | None = None) -> bool:
        """What a hold keeps never changes."""
        return False

    def act_buttons(self, request: HttpRequest, obj: Hold | None) -> list[dict]:
        """Who asked for a release does not decide it; the service refuses it too."""
        buttons = super().act_buttons(request, obj)
        approval = releasing.asked_for(obj) if obj is not None and is_active(obj) else None
        if approval is None or approval.asked_by_id != request.user.pk:
            return buttons
        return [button for button in buttons if button["name"] not in ("release", "reject_release")]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Place a hold in two steps on one page: see what it would keep, then place exactly that."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = PlacingForm(request.POST or None, initial={"matter": request.GET.get("matter", "")[:20]})
        explanation, refusal = [], None
        if request.method == "POST" and form.is_valid():
            try:
                if "_place" in request.POST and form.cleaned_data["shown"] == form.digest():
                    hold = placing.place(**form.values(), by=request.user, at=clock.now())
                    messages.success(request, f"{hold} is in force: it keeps {hold.scope_in_words}.")
                    return HttpResponseRedirect(reverse("admin:holds_hold_change", args=[hold.pk]))
                explanation = placing.what_it_does(placing.fitted(**form.values()))
                form.data = form.data.copy()
                form.data["shown"] = form.digest()
            except Refusal as said:
                refusal = said
        context = {
            **self.admin_site.each_context(request), "title": "Place a hold", "subtitle": None, "opts": self.opts, "form": form,
            "explanation": explanation, "refusal": refusal, "list_url": reverse("admin:holds_hold_changelist"),
        }  # fmt: skip
        return TemplateResponse(request, "holds/place.html", context, status=409 if refusal else 200)
