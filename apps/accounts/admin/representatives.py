"""Who acts for people below 18: registered with a document, checked by one person, approved by another, ended."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.accounts.admin.people import seen, what_seeing_does
from apps.accounts.forms import CheckedForm, EndForm, ReasonForm, RejectionForm, RepresentativeForm
from apps.accounts.models import Representative
from apps.accounts.services import days, documents, representing
from apps.accounts.states import RepresentativeState
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip
from apps.foundation.clock import day_of

TONES = {
    RepresentativeState.PROPOSED: "wait", RepresentativeState.VERIFIED: "ok", RepresentativeState.REJECTED: "bad",
    RepresentativeState.ENDED: "plain",
}  # fmt: skip


class InForceFilter(admin.SimpleListFilter):
    """Whether somebody acts for their person today."""

    title = "in force"
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "today"), ("no", "not today"), ("soon", "ends within a month")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        at = clock.now()
        counting = Representative.objects.in_force(day_of(at))
        match self.value():
            case "yes":
                return queryset.filter(pk__in=counting)
            case "no":
                return queryset.exclude(pk__in=counting)
            case "soon":
                return queryset.filter(pk__in=days.ending(at=at))
        return queryset


def is_proposed(row: Representative) -> bool:
    return row.state == RepresentativeState.PROPOSED


def is_asked(row: Representative) -> bool:
    return is_proposed(row) and representing.waiting(row) is not None


def in_words(row: Representative) -> str:
    until = f"until {row.valid_until.isoformat()}" if row.valid_until else "until the 18th birthday"
    whom = f"for {row.person}" if row.person_id else "for a child who is to be registered"
    return f"{row}, {row.get_authority_display()}, {whom}, from {row.valid_from.isoformat()} {until}"


def what_registering_does(_subject: Any) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    return [
        "Nobody is represented by it yet: one person reads the document and asks, another one approves.",
        "The document is kept encrypted under a key of its own, and destroyed with it some days after the decision.",
    ]


def register(request: HttpRequest, _subject: Any, form: forms.Form | None) -> HttpResponse:
    row = representing.register(**form.values(), by=request.user, at=clock.now())
    return HttpResponseRedirect(reverse("admin:accounts_representative_change", args=[row.pk]))


def see(request: HttpRequest, row: Representative, form: forms.Form | None) -> HttpResponse:
    values = representing.reveal(representative=row, reason=form.cleaned_data["reason"], by=request.user, at=clock.now())
    return seen(request, row, values, reverse("admin:accounts_representative_change", args=[row.pk]))


def take_document(request: HttpRequest, row: Representative, form: forms.Form | None) -> HttpResponse:
    """The document as a file; that it was taken, and why, is recorded first."""
    content, kind = documents.take(representative=row, reason=form.cleaned_data["reason"], by=request.user, at=clock.now())
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{row.reference}.{documents.ENDINGS[kind]}"'
    response["Cache-Control"] = "no-store, private"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def what_approving_does(row: Representative) -> list[str]:
    approval = representing.waiting(row)
    if approval is None:
        raise representing.NobodyAsks
    said = [
        f"{approval.asked_by} found in the document what it has to show, and asks since {approval.asked_at:%Y-%m-%d %H:%M} UTC.",
        f"You say the same of it, having taken and read it: {in_words(row)}.",
    ]
    if row.person_id and row.person.minor_cases.open().exists():
        said.append(f"The case about {row.person} is closed, and the registration goes on.")
    return said


def what_ending_does(row: Representative) -> list[str]:
    said = [f"It counts no more from this moment on: {in_words(row)}. That is final."]
    if row.person_id:
        said.append(f"If nobody else represents {row.person}, who is below 18, the registration is suspended now, and a case is opened.")
    return said


@admin.register(Representative)
class RepresentativeAdmin(CovenantAdmin):
    list_display = ("reference", "person", "full_name", "authority", "state", "valid_from", "end", "proposed_at")
    list_filter = (InForceFilter, "state", "authority")
    list_select_related = ("person",)
    search_fields = ("=reference", "=person__reference")
    search_help_text = "By the reference of the representative or of the person."
    chips = {"state": TONES}
    fieldsets = (
        (None, {"fields": ("reference", "person", "minor_given_name", "minor_birth_date", "state", "valid_from", "end")}),
        ("The representative", {"fields": ("full_name", "email", "authority")}),
        ("The document", {"fields": ("document_kind", "size", "digest", "kept", "verification")}),
        ("Who decided", {"fields": (
            "proposed_by", "proposed_at", "policy_version", "asked_by", "asked_at", "decided_by", "decided_at", "rejection", "ended_by",
            "ended_at", "end_reason",
        )}),
    )  # fmt: skip
    empty_note = (
        "Nobody acts for anybody below 18 yet. Register a representative with the document that proves the authority; then two people verify it."
    )
    acts = (
        Act(
            "register", "Register a representative", representing.REGISTER, danger=False, on_list=True, form=RepresentativeForm,
            explain=what_registering_does, run=register,
        ),
        Act(
            "see", "See who it is", "accounts.reveal_representative", danger=False, form=ReasonForm, explain=what_seeing_does, run=see,
            applies=lambda row: bool(row.full_name),
        ),
        Act(
            "document", "Take the document", "accounts.reveal_representative", danger=False, form=ReasonForm, run=take_document,
            applies=lambda row: row.document_destroyed_at is None,
            explain=lambda row: [
                "You get the file as it was handed in. Delete your copy when you have read it.",
                "That you took it, when and for which reason is recorded for good.",
            ],
        ),
        Act(
            "ask", "Say that it is in order", representing.REGISTER, danger=False, form=CheckedForm,
            applies=lambda row: is_proposed(row) and not is_asked(row),
            explain=lambda row: [f"You ask that a second person approves {in_words(row)}.", "Until then it counts for nobody."],
            run=lambda request, row, _form: f"The approval of {representing.ask(representative=row, by=request.user, at=clock.now())} is asked for.",
        ),
        Act(
            "approve", "Approve", representing.APPROVE, danger=True, applies=is_asked, explain=what_approving_does,
            run=lambda request, row, _form: f"{representing.approve(representative=row, by=request.user, at=clock.now())} is verified.",
        ),
        Act(
            "reject", "Reject", representing.APPROVE, danger=False, form=RejectionForm, applies=is_asked,
            explain=lambda row: [
                "It never counts. The document, and who was named in it, go some days later.",
                "With a better document the representative is registered anew.",
            ],
            run=lambda request, row, form: (
                f"{representing.reject(representative=row, **form.cleaned_data, by=request.user, at=clock.now())} is rejected."
            ),
        ),
        Act(
            "end", "End before its time", representing.END, danger=True, form=EndForm, explain=what_ending_does,
            applies=lambda row: row.state == RepresentativeState.VERIFIED,
            run=lambda request, row, form: f"{representing.end(representative=row, **form.cleaned_data, by=request.user, at=clock.now())} is ended.",
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("document")

    @admin.display(description="until")
    def end(self, row: Representative) -> SafeString | str:
        if row.valid_until is None:
            return "18th birthday"
        left = (row.valid_until - day_of(clock.now())).days
        if row.state != RepresentativeState.VERIFIED or left > max(days.THRESHOLDS):
            return row.valid_until.isoformat()
        if left <= 0:
            return chip(f"{row.valid_until.isoformat()}, over", "bad")
        return chip(f"{row.valid_until.isoformat()}, in {left} day{'s' if left != 1 else ''}", "warn")

    @admin.display(description="bytes")
    def size(self, row: Representative) -> str:
        return f"{row.document_size:,}"

    @admin.display(description="SHA-256")
    def digest(self, row: Representative) -> SafeString:
        return format_html("<code>{}</code>", bytes(row.document_digest).hex())

    @admin.display(description="kept")
    def kept(self, row: Representative) -> str:
        if row.document_destroyed_at is not None:
            return f"destroyed with its key on {row.document_destroyed_at:%Y-%m-%d %H:%M} UTC"
        if row.decided_at is None:
            return "encrypted, until some days after the decision"
        goes = row.decided_at + timedelta(days=documents.kept_days())
        return f"encrypted, until {goes:%Y-%m-%d}; longer where a legal hold keeps the person"

    @admin.display(description="verification")
    def verification(self, row: Representative) -> str:
        approval = representing.waiting(row)
        if approval is not None:
            return f"asked for by {approval.asked_by} on {approval.asked_at:%Y-%m-%d}; waits for a second person"
        return "waits for somebody who reads the document" if is_proposed(row) else "decided"

    def act_buttons(self, request: HttpRequest, obj: Representative | None) -> list[dict]:
        """Who asked does not decide."""
        buttons = super().act_buttons(request, obj)
        approval = representing.waiting(obj) if obj is not None else None
        if approval is not None and approval.asked_by_id == request.user.pk:
            buttons = [button for button in buttons if button["name"] not in ("approve", "reject")]
        return buttons

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only by the act, which takes the document too."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
