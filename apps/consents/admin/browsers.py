"""What browsers signalled and what that did, and the switch that decides on it, which takes two people."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.consents.heeding import Effect, SignalAnswer, SwitchState
from apps.consents.models import SeenSignal, SignalSwitch
from apps.consents.services import browsers, switching
from apps.consents.signal_forms import SwitchForm
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip
from apps.foundation.refusals import Refusal

TONES = {SwitchState.ASKED: "wait", SwitchState.APPROVED: "ok", SwitchState.REJECTED: "plain"}


def is_asked(switch: SignalSwitch) -> bool:
    return switch.state == SwitchState.ASKED and switching.asked_for(switch) is not None


def what_approving_does(switch: SignalSwitch) -> list[str]:
    """The sentences of the page that asks to confirm it; the reason stands there, since it is what is decided on."""
    approval = switching.asked_for(switch)
    if approval is None:
        raise switching.SwitchNotAsked(f"Nobody asks for {switch}.")
    return [
        f"{approval.asked_by} asks for it since {approval.asked_at:%Y-%m-%d %H:%M} UTC, because: “{switch.reason}”",
        switching.what_it_does(switch),
        "Where that moment has passed it counts from the approval on. It stays as decided; to stop it, another switch is asked for.",
    ]


@admin.register(SignalSwitch)
class SignalSwitchAdmin(CovenantAdmin):
    list_display = ("reference", "is_honoured", "from_at", "state", "force", "asked_at", "decided_at")
    list_filter = ("state", "is_honoured", "asked_at")
    search_fields = ("=reference",)
    search_help_text = "By the reference of the switch."
    sortable_by = ("asked_at",)
    chips = {"state": TONES}
    fieldsets = (
        (None, {"fields": ("reference", "is_honoured", "from_at", "state", "force")}),
        ("Why", {"fields": ("reason",)}),
        ("Who decided", {"fields": ("asked_by", "asked_at", "decided_by", "decided_at")}),
    )
    readonly_fields = ("force",)
    empty_note = (
        "Nobody ever asked for a switch: Global Privacy Control is noted and not acted on. Who wants it honoured asks for it here, and a second "
        "person approves it."
    )
    acts = (
        Act(
            "approve", "Approve", switching.APPROVE, danger=True, applies=is_asked, explain=what_approving_does,
            run=lambda request, switch, _form: (
                f"{switching.approve(switch=switch, by=request.user, at=clock.now())} is approved. It counts from its moment on, from now at the earliest."
            ),
        ),
        Act(
            "reject", "Reject", switching.APPROVE, danger=False, applies=is_asked,
            explain=lambda switch: ["Signals are answered as before. It can be asked for again."],
            run=lambda request, switch, _form: f"{switching.reject(switch=switch, by=request.user, at=clock.now())} is rejected.",
        ),
    )  # fmt: skip

    @admin.display(description="force")
    def force(self, switch: SignalSwitch) -> SafeString | str:
        at = clock.now()
        if switch.state != SwitchState.APPROVED:
            return ""
        if switch.from_at > at:
            return chip("not yet", "wait")
        return chip("in force", "ok") if browsers.switch_in_force(at) == switch else chip("followed by another", "plain")

    def has_change_permission(self, request: HttpRequest, obj: SignalSwitch | None = None) -> bool:
        """What a switch does never changes."""
        return False

    def act_buttons(self, request: HttpRequest, obj: SignalSwitch | None) -> list[dict]:
        """Who asked does not decide; the service refuses it too."""
        buttons = super().act_buttons(request, obj)
        approval = switching.asked_for(obj) if obj is not None and obj.state == SwitchState.ASKED else None
        return [] if approval is not None and approval.asked_by_id == request.user.pk else buttons

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, refusal, at = SwitchForm(request.POST or None), None, clock.now()
        if request.method == "POST" and form.is_valid():
            try:
                asked = switching.ask(**form.values(at), by=request.user, at=at)
            except Refusal as said:
                refusal = said
            else:
                messages.success(request, f"{asked} is asked for. Nothing changes before a second person has approved it.")
                return HttpResponseRedirect(reverse("admin:consents_signalswitch_change", args=[asked.pk]))
        context = {
            **self.admin_site.each_context(request), "title": "Ask for a switch for browser signals", "subtitle": None, "opts": self.opts,
            "form": form, "refusal": refusal, "list_url": reverse("admin:consents_signalswitch_changelist"),
        }  # fmt: skip
        return TemplateResponse(request, "consents/switch_form.html", context, status=409 if refusal else 200)


@admin.register(SeenSignal)
class SeenSignalAdmin(CovenantAdmin):
    list_display = ("id", "person", "signal", "answer", "did", "policy_version", "first_at", "last_at")
    list_filter = ("signal", "answer", "first_at")
    search_fields = ("=id", "=person__reference")
    search_help_text = "By its number, or by the reference of the person."
    sortable_by = ("first_at",)
    chips = {"answer": {SignalAnswer.NOTED: "plain", SignalAnswer.HONOURED: "ok"}}
    unmasked_fields = ("person",)
    fieldsets = (
        (None, {"fields": ("person", "signal", "answer", "switch", "policy_version")}),
        ("When", {"fields": ("first_at", "last_at")}),
        ("What it did", {"fields": ("effects_in_words",)}),
    )
    readonly_fields = ("effects_in_words",)
    empty_note = "No browser has signalled anything yet on a page where its person is known."

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("person", "policy_version", "switch").prefetch_related("effects")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Browsers signal; staff don't."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: SeenSignal | None = None) -> bool:
        """What came stays as it came."""
        return False

    @admin.display(description="did")
    def did(self, seen: SeenSignal) -> SafeString | str:
        effects = [row.effect for row in seen.effects.all()]
        refused, conflicts = effects.count(Effect.REFUSED), effects.count(Effect.CONFLICT)
        said = ([f"{refused} counted as a no"] if refused else []) + ([f"{conflicts} in conflict"] if conflicts else [])
        return chip(", ".join(said), "warn" if conflicts else "ok") if said else ""

    @admin.display(description="effects")
    def effects_in_words(self, seen: SeenSignal) -> SafeString | str:
        rows = [(row.at.strftime("%Y-%m-%d %H:%M"), row.purpose_id, row.get_effect_display(), row.consent_event) for row in seen.effects.all()]
        items = format_html_join("", "<li>{} UTC: {}, {} ({})</li>", rows)
        return format_html("<ul>{}</ul>", items) if rows else "Nothing."
