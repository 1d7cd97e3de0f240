"""Providers: proposed, activated by a second person, suspended, ended; with all that belongs to them on one page."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.audit.history import ScopedHistoryAdmin
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantTabularInline
from apps.providers import places
from apps.providers.admin import standing
from apps.providers.admin.adding import AddedByService
from apps.providers.forms import CorrectionForm, EndForm, EvidenceForm, ProviderForm, ReasonForm, facts_of
from apps.providers.models import Agreement, Grant, Provider, SecurityReview, SubProcessor
from apps.providers.querysets import ACTIVATE
from apps.providers.services import agreeing, chaining, lives, locking, register, reviewing
from apps.providers.states import AgreementState, ChainState, GrantState, ProviderState, ReviewResult

PROVIDER_TONES = {
    ProviderState.PROPOSED: "wait", ProviderState.REVIEW: "wait", ProviderState.ACTIVE: "ok", ProviderState.SUSPENDED: "warn",
    ProviderState.ENDED: "plain",
}  # fmt: skip
AGREEMENT_TONES = {
    AgreementState.PROPOSED: "wait", AgreementState.CONFIRMED: "ok", AgreementState.SUPERSEDED: "plain", AgreementState.REJECTED: "plain",
    AgreementState.ENDED: "warn",
}  # fmt: skip
GRANT_TONES = {GrantState.PROPOSED: "wait", GrantState.ACTIVE: "ok", GrantState.REJECTED: "plain", GrantState.WITHDRAWN: "warn"}
CHAIN_TONES = {
    ChainState.PROPOSED: "wait", ChainState.ANNOUNCED: "ok", ChainState.LEAVING: "warn", ChainState.REJECTED: "plain", ChainState.WITHDRAWN: "plain"
}
RESULT_TONES = {ReviewResult.PASSED: "ok", ReviewResult.CONDITIONS: "warn", ReviewResult.FAILED: "bad"}
LISTED = 100
#: what can be added to a provider: label, page, permission
FURTHER = (
    ("an agreement", "agreement", agreeing.PROPOSE), ("a review", "securityreview", reviewing.RECORD),
    ("a member of its chain", "subprocessor", chaining.PROPOSE),
)  # fmt: skip


class NeedFilter(admin.SimpleListFilter):
    """What somebody should do about a provider, which its state alone does not say."""

    title = "needs"
    parameter_name = "needs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("decision", "a decision on its activation"), ("data", "the confirmation about its data"), ("mine", "me: I own it")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "decision":
                return queryset.waiting_for_activation()
            case "data":
                return queryset.owing_data()
            case "mine":
                return queryset.filter(owner=request.user)
        return queryset


class OfProvider(CovenantTabularInline):
    """The newest rows of a provider; their own lists have them all."""

    masked_fields = ()  # nothing that is masked is among its columns
    max_num = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(f"providers.view_{self.model._meta.model_name}")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Django slices an inline no more once it is filtered by its parent, so the oldest shown is looked up first."""
        newest = self.model.objects.filter(provider_id=request.resolver_match.kwargs.get("object_id")).order_by("-pk")
        oldest = newest.values_list("pk", flat=True)[LISTED - 1 : LISTED].first() or 0
        return super().get_queryset(request).filter(pk__gte=oldest)

    @admin.display(description="reference")
    def row(self, row: Any) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse(f"admin:providers_{row._meta.model_name}_change", args=[row.pk]), row)


class AgreementInline(OfProvider):
    model = Agreement
    fields = readonly_fields = ("row", "kind", "title", "state", "starts_on", "end")
    chips = {"state": AGREEMENT_TONES}

    @admin.display(description="until")
    def end(self, agreement: Agreement) -> SafeString | str:
        return standing.until(agreement.ends_on, clock.now(), counts=agreeing.counts(agreement))


class ReviewInline(OfProvider):
    model = SecurityReview
    fields = readonly_fields = ("row", "kind", "result", "reviewed_on", "due")
    chips = {"result": RESULT_TONES}

    @admin.display(description="next due")
    def due(self, review: SecurityReview) -> SafeString | str:
        return standing.until(review.next_due_on, clock.now())


class GrantInline(OfProvider):
    model = Grant
    fields = readonly_fields = ("row", "categories", "purposes", "patient_information", "state", "end")
    chips = {"state": GRANT_TONES}

    @admin.display(description="until")
    def end(self, grant: Grant) -> SafeString | str:
        if grant.ends_on is None:
            return "as long as its agreement"
        return standing.until(grant.ends_on, clock.now(), counts=grant.state == GrantState.ACTIVE)


class ChainInline(OfProvider):
    model = SubProcessor
    fields = readonly_fields = ("row", "legal_name", "countries", "state", "since_at", "until_at")
    chips = {"state": CHAIN_TONES}


def is_asked(provider: Provider) -> bool:
    return locking.waiting(ACTIVATE, provider.reference) is not None


def may_be_asked(provider: Provider) -> bool:
    return provider.state in (ProviderState.REVIEW, ProviderState.SUSPENDED) and not is_asked(provider)


def what_asking_does(provider: Provider) -> list[str]:
    lacking = lives.missing(provider, clock.now())
    if lacking:
        raise lives.NotReady(" ".join(lacking))
    return [
        f"You ask that {provider} is taken into use: {provider.legal_name}, {provider.get_role_display()}, in {places.in_words(provider.countries)}.",
        "Nothing changes until a second person has approved exactly this. You can withdraw it among the approvals.",
    ]


def what_activating_does(provider: Provider) -> list[str]:
    approval = locking.require_waiting(ACTIVATE, provider.reference)
    outside = [code for code in provider.countries if code != "US"]
    return [
        f"{approval.asked_by} asks for it since {approval.asked_at:%Y-%m-%d %H:%M} UTC: {provider.legal_name}, {provider.get_role_display()}.",
        f"It {provider.service}, in {places.in_words(provider.countries)}.",
        "It stands on the public page from then on, and the gate lets it have what is granted to it: nothing before a grant is approved.",
        *([f"It processes outside the United States ({', '.join(outside)}): the gate needs an exception for each country as well."] if outside else []),
    ]


def what_ending_does(provider: Provider) -> list[str]:
    granted = provider.grants.active().count()
    said = [f"{provider} is ended for good; the gate is closed for it at once.", f"Its grants are withdrawn: {granted}."]
    if provider.was_in_use:
        said.append("What it has is to be returned or destroyed. Its owner is reminded every week until that is confirmed with evidence.")
    return said


def export(request: HttpRequest, _nothing: None, _form: None) -> HttpResponse:
    at = clock.now()
    response = HttpResponse("".join(register.export_lines(by=request.user, at=at)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="register-of-providers-{at:%Y-%m-%d}.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@admin.register(Provider)
class ProviderAdmin(ScopedHistoryAdmin, AddedByService):
    add_form = ProviderForm
    list_display = ("reference", "legal_name", "role", "state", "where", "in_use_since")
    list_filter = (NeedFilter, "state", "role", "hipaa_relevant")
    search_fields = ("=reference", "legal_name")
    search_help_text = "By reference, or by a part of the legal name."
    chips = {"state": PROVIDER_TONES}
    reveal_permission = "providers.reveal_provider"
    fieldsets = (
        (None, {"fields": (
            "reference", "legal_name", "role", "state", "gate", "service", "where", "hipaa_relevant", "clients_named", "owner_named", "further",
        )}),
        ("Its contact", {"fields": ("contact_name", "contact_email")}),
        ("Its life", {"fields": (
            "proposed_by", "proposed_at", "activation_asked_by", "activated_by", "activated_at", "in_use_since", "suspended_by", "suspended_at",
            "suspension_reason", "ended_by", "ended_at", "data_end", "data_due_on", "data_confirmed_by", "data_confirmed_at", "data_evidence",
        ), "classes": ("collapse",)}),
        ("Time line", {"fields": ("time_line",)}),
    )  # fmt: skip
    readonly_fields = ("gate", "where", "clients_named", "owner_named", "further", "time_line")
    inlines = (AgreementInline, ReviewInline, GrantInline, ChainInline)
    empty_note = "No service provider is registered yet. A privacy analyst proposes the first; nothing goes to anybody who is not here."
    acts = (
        Act(
            "export_register", "Take the register away", register.EXPORT, danger=False, on_list=True,
            explain=lambda _nothing: [
                "All providers leave as one CSV file, with their contacts. That you took it is recorded.",
                "The same file can be changed and handed in as an import.",
            ],
            run=export,
        ),
        Act(
            "begin_review", "Take under review", lives.CHANGE, danger=False, applies=lambda provider: provider.state == ProviderState.PROPOSED,
            explain=lambda provider: ["Its agreements, its security review and its chain are collected now. Nothing goes to it."],
            run=lambda request, provider, _form: f"{lives.begin_review(provider=provider, by=request.user, at=clock.now())} is under review.",
        ),
        Act(
            "ask_activation", "Ask for its activation", lives.CHANGE, danger=False, applies=may_be_asked, explain=what_asking_does,
            run=lambda request, provider, _form: (
                f"The activation of {lives.ask_activation(provider=provider, by=request.user, at=clock.now())} is asked for."
            ),
        ),
        Act(
            "activate", "Activate", ACTIVATE, danger=True, applies=is_asked, explain=what_activating_does,
            run=lambda request, provider, _form: f"{lives.activate(provider=provider, by=request.user, at=clock.now())} is active.",
        ),
        Act(
            "reject_activation", "Reject its activation", ACTIVATE, danger=False, applies=is_asked,
            explain=lambda provider: ["It stays as it is. Its activation can be asked for again."],
            run=lambda request, provider, _form: f"{lives.reject_activation(provider=provider, by=request.user, at=clock.now())} stays as it is.",
        ),
        Act(
            "correct", "Correct", lives.CHANGE, danger=False, form=CorrectionForm, form_kwargs=facts_of,
            applies=lambda provider: provider.state != ProviderState.ENDED,
            explain=lambda provider: [
                "What is written below counts from now on; the history keeps what it was.",
                "Of an active provider name, role, countries and HIPAA relevance stay: suspend it first, and have it activated again.",
                "A request to activate it as it was is void.",
            ],
            run=lambda request, provider, form: (
                f"{lives.correct(provider=provider, **form.values(), by=request.user, at=clock.now())} is corrected."
            ),
        ),
        Act(
            "suspend", "Suspend", lives.SUSPEND, danger=True, form=ReasonForm, applies=lambda provider: provider.state == ProviderState.ACTIVE,
            explain=lambda provider: [
                "Nothing goes to it from this moment on; permits that were not used yet are refused.",
                "Only a second person can activate it again, after somebody asked for that.",
            ],
            run=lambda request, provider, form: (
                f"{lives.suspend(provider=provider, **form.cleaned_data, by=request.user, at=clock.now())} is suspended."
            ),
        ),
        Act(
            "end", "End", ACTIVATE, danger=True, form=EndForm, applies=lambda provider: provider.state != ProviderState.ENDED,
            explain=what_ending_does,
            run=lambda request, provider, form: f"{lives.end(provider=provider, **form.cleaned_data, by=request.user, at=clock.now())} is ended.",
        ),
        Act(
            "confirm_data_end", "Confirm the end of its data", lives.CHANGE, danger=False, form=EvidenceForm,
            applies=lambda provider: provider.owes_data,
            explain=lambda provider: [f"You confirm that what {provider} had is {provider.get_data_end_display()}. That is final, and reminders stop."],
            run=lambda request, provider, form: (
                f"The end of the data at {lives.confirm_data_end(provider=provider, **form.cleaned_data, by=request.user, at=clock.now())} is confirmed."
            ),
        ),
    )  # fmt: skip

    def add(self, request: HttpRequest, values: dict[str, Any]) -> Provider:
        return lives.propose(**values, by=request.user, at=clock.now())

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"owner": request.user.pk}

    @admin.display(description="countries")
    def where(self, provider: Provider) -> str:
        return ", ".join(provider.countries)

    @admin.display(description="clients")
    def clients_named(self, provider: Provider) -> str:
        return ", ".join(provider.clients) or "every client"

    @admin.display(description="owner")
    def owner_named(self, provider: Provider) -> str:
        return f"{provider.owner.full_name} ({provider.owner})" + ("" if provider.owner.is_active else ", has left")

    @admin.display(description="the gate")
    def gate(self, provider: Provider) -> SafeString:
        return standing.gate_of(provider, clock.now())

    @admin.display(description="what, and when")
    def time_line(self, provider: Provider) -> SafeString:
        return standing.time_line(provider, clock.now())

    def act_buttons(self, request: HttpRequest, obj: Provider | None) -> list[dict]:
        """Who asked does not decide."""
        buttons = super().act_buttons(request, obj)
        if obj is None:
            return buttons
        approval = locking.waiting(ACTIVATE, obj.reference)
        if approval is not None and approval.asked_by_id == request.user.pk:
            buttons = [button for button in buttons if button["name"] not in ("activate", "reject_activation")]
        return buttons

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Provider | None:
        """Who looks is remembered with the row: the links on its page are those that this person may follow."""
        provider = super().get_object(request, object_id, from_field)
        if provider is not None:
            provider.looked_at_by = request.user
        return provider

    @admin.display(description="add to it")
    def further(self, provider: Provider) -> SafeString | str:
        member = getattr(provider, "looked_at_by", None)
        if provider.state == ProviderState.ENDED or member is None:
            return ""
        pages = [
            (f"{reverse(f'admin:providers_{page}_add')}?provider={provider.reference}", label) for label, page, right in FURTHER if member.has_perm(right)
        ]
        return format_html_join(" · ", '<a href="{}">{}</a>', pages)
