"""Agreements: handed in with their document, checked clause by clause, confirmed by a second person, renewed, ended."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.audit.history import ScopedHistoryAdmin
from apps.foundation import clock
from apps.foundation.admin import Act, chip
from apps.providers import clauses
from apps.providers.admin import standing
from apps.providers.admin.adding import AddedByService
from apps.providers.admin.providers import AGREEMENT_TONES
from apps.providers.forms import AgreementForm, ClausesForm, clauses_of
from apps.providers.models import Agreement, Document
from apps.providers.querysets import CONFIRM
from apps.providers.services import agreeing, granting, locking
from apps.providers.states import AgreementState


class InForceFilter(admin.SimpleListFilter):
    """Whether an agreement counts today."""

    title = "in force"
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "today"), ("no", "not today")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        counting = Agreement.objects.in_force(clock.now())
        match self.value():
            case "yes":
                return queryset.filter(pk__in=counting)
            case "no":
                return queryset.exclude(pk__in=counting)
        return queryset


def document_of(document: Document, about: str, request: HttpRequest) -> HttpResponse:
    """The document as a file; that it was taken is recorded first."""
    content = agreeing.read_document(document=document, about=about, by=request.user, at=clock.now())
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{about}.pdf"'
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def is_proposed(agreement: Agreement) -> bool:
    return agreement.state == AgreementState.PROPOSED


def is_asked(agreement: Agreement) -> bool:
    return is_proposed(agreement) and locking.waiting(CONFIRM, agreement.reference) is not None


def in_words(agreement: Agreement) -> str:
    days = f"from {agreement.starts_on.isoformat()}" + (f" until {agreement.ends_on.isoformat()}" if agreement.ends_on else ", without end")
    return f"{agreement.get_kind_display()} “{agreement.title}” with {agreement.provider.legal_name} ({agreement.provider}), {days}"


def what_asking_does(agreement: Agreement) -> list[str]:
    lacking = clauses.missing(agreement.kind, agreement.clauses)
    if lacking:
        raise agreeing.ClausesMissing(f"Not found yet: {'; '.join(str(clause) for clause in lacking)}.")
    return [
        f"You ask that it is confirmed: {in_words(agreement)}.",
        "A second person reads the document against the checklist. Until then it counts for nothing.",
    ]


def what_confirming_does(agreement: Agreement) -> list[str]:
    approval = locking.require_waiting(CONFIRM, agreement.reference)
    said = [
        f"{approval.asked_by} asks for it since {approval.asked_at:%Y-%m-%d %H:%M} UTC.",
        f"From its first day on the gate takes it for in force: {in_words(agreement)}.",
        "You confirm that you read the document, and found every required clause in it.",
    ]
    if agreement.supersedes_id:
        said.append(f"It takes over from {agreement.supersedes} on its first day, with the grants that rest on that.")
    return said


@admin.register(Agreement)
class AgreementAdmin(ScopedHistoryAdmin, AddedByService):
    add_form = AgreementForm
    list_display = ("reference", "provider", "kind", "title", "state", "starts_on", "end")
    list_filter = (InForceFilter, "state", "kind", "provider")
    list_select_related = ("provider",)
    search_fields = ("=reference", "=provider__reference")
    search_help_text = "By the reference of the agreement or the provider."
    chips = {"state": AGREEMENT_TONES}
    fieldsets = (
        (None, {"fields": ("reference", "provider", "kind", "title", "state", "starts_on", "end", "supersedes")}),
        ("Its document", {"fields": ("document_reference", "size", "digest", "checklist")}),
        ("Who decided", {"fields": (
            "proposed_by", "proposed_at", "confirmation", "confirmation_asked_by", "confirmed_by", "confirmed_at", "ended_by", "ended_at",
        )}),
    )  # fmt: skip
    readonly_fields = ("end", "document_reference", "size", "digest", "checklist", "confirmation")
    empty_note = "No agreement yet. It is handed in as PDF, checked against its clauses, and confirmed by a second person."
    acts = (
        Act(
            "tick", "Check its clauses", agreeing.CHANGE, danger=False, form=ClausesForm, form_kwargs=clauses_of,
            applies=lambda agreement: is_proposed(agreement) and bool(clauses.REQUIRED[agreement.kind]),
            explain=lambda agreement: [
                "Tick what the document says. All of it has to be found before somebody can be asked to confirm it.",
                "A request to confirm it as it was is void.",
            ],
            run=lambda request, agreement, form: (
                f"{agreeing.tick(agreement=agreement, **form.cleaned_data, by=request.user, at=clock.now())} is checked."
            ),
        ),
        Act(
            "ask", "Ask for its confirmation", agreeing.PROPOSE, danger=False,
            applies=lambda agreement: is_proposed(agreement) and not is_asked(agreement), explain=what_asking_does,
            run=lambda request, agreement, _form: (
                f"The confirmation of {agreeing.ask(agreement=agreement, by=request.user, at=clock.now())} is asked for."
            ),
        ),
        Act(
            "confirm", "Confirm", CONFIRM, danger=True, applies=is_asked, explain=what_confirming_does,
            run=lambda request, agreement, _form: f"{agreeing.confirm(agreement=agreement, by=request.user, at=clock.now())} is confirmed.",
        ),
        Act(
            "reject", "Reject", CONFIRM, danger=False, applies=is_asked,
            explain=lambda agreement: ["It never counts. A corrected one is handed in as an agreement of its own."],
            run=lambda request, agreement, _form: f"{agreeing.reject(agreement=agreement, by=request.user, at=clock.now())} is rejected.",
        ),
        Act(
            "end", "End before its time", agreeing.END, danger=True, applies=agreeing.counts,
            explain=lambda agreement: [
                f"From this moment on nothing leaves on it: {in_words(agreement)}.",
                f"Grants rest on it: {agreement.grants.active().count()}. They count no more, unless another agreement of its line is in force.",
                "That is final.",
            ],
            run=lambda request, agreement, _form: f"{agreeing.end(agreement=agreement, by=request.user, at=clock.now())} is ended.",
        ),
        Act(
            "document", "Take its document", "providers.view_agreement", danger=False,
            explain=lambda agreement: ["You get the PDF as it was handed in. People stand in it; that you took it is recorded."],
            run=lambda request, agreement, _form: document_of(agreement.document, agreement.reference, request),
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("provider")

    def add(self, request: HttpRequest, values: dict[str, Any]) -> Agreement:
        return agreeing.propose(**values, by=request.user, at=clock.now())

    @admin.display(description="until")
    def end(self, agreement: Agreement) -> SafeString | str:
        return standing.until(agreement.ends_on, clock.now(), counts=agreeing.counts(agreement))

    @admin.display(description="document")
    def document_reference(self, agreement: Agreement) -> str:
        return agreement.document.reference

    @admin.display(description="bytes")
    def size(self, agreement: Agreement) -> str:
        return f"{agreement.document.size:,}"

    @admin.display(description="SHA-256")
    def digest(self, agreement: Agreement) -> SafeString:
        return format_html("<code>{}</code>", bytes(agreement.document.digest).hex())

    @admin.display(description="required clauses")
    def checklist(self, agreement: Agreement) -> SafeString | str:
        required = clauses.REQUIRED[agreement.kind]
        if not required:
            return "none for this kind"
        rows = ((chip("found", "ok") if clause.code in agreement.clauses else chip("not found", "wait"), clause) for clause in required)
        return format_html("<div>{}</div>", format_html_join("", "<div>{} {}</div>", rows))

    @admin.display(description="confirmation")
    def confirmation(self, agreement: Agreement) -> str:
        approval = locking.waiting(CONFIRM, agreement.reference)
        return f"asked for by {approval.asked_by} on {approval.asked_at:%Y-%m-%d}; waits for a second person" if approval else "not waited for"

    def act_buttons(self, request: HttpRequest, obj: Agreement | None) -> list[dict]:
        """Who asked does not decide; a renewal and a grant begin from here."""
        buttons = super().act_buttons(request, obj)
        if obj is None:
            return buttons
        approval = locking.waiting(CONFIRM, obj.reference)
        if approval is not None and approval.asked_by_id == request.user.pk:
            buttons = [button for button in buttons if button["name"] not in ("confirm", "reject")]
        if obj.state == AgreementState.CONFIRMED and request.user.has_perm(agreeing.PROPOSE):
            url = f"{reverse('admin:providers_agreement_add')}?provider={obj.provider.reference}&kind={obj.kind}&supersedes={obj.reference}"
            buttons.append({"label": "Hand its renewal in", "url": url, "danger": False, "name": "renew"})
        if agreeing.counts(obj) and request.user.has_perm(granting.PROPOSE):
            url = f"{reverse('admin:providers_grant_add')}?agreement={obj.reference}"
            buttons.append({"label": "Propose a grant on it", "url": url, "danger": False, "name": "grant"})
        return buttons
