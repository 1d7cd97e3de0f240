"""Grants: what a provider may use and what for; proposed by one, approved by another, withdrawn by one at once."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from apps.audit.history import ScopedHistoryAdmin
from apps.foundation import clock
from apps.foundation.admin import Act, chip
from apps.policies.vocabulary import CATEGORIES, DisclosurePurpose
from apps.providers.admin import standing
from apps.providers.admin.adding import AddedByService
from apps.providers.admin.providers import GRANT_TONES
from apps.providers.forms import GrantForm
from apps.providers.models import Grant
from apps.providers.querysets import GRANT
from apps.providers.services import asking, granting, locking
from apps.providers.states import GrantState


class InForceFilter(admin.SimpleListFilter):
    """Whether a grant is approved and neither withdrawn nor past its own end."""

    title = "in force"
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "today"), ("no", "not today")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        counting = Grant.objects.in_force(clock.now())
        match self.value():
            case "yes":
                return queryset.filter(pk__in=counting)
            case "no":
                return queryset.exclude(pk__in=counting)
        return queryset


def categories_in_words(grant: Grant) -> str:
    return ", ".join(CATEGORIES[code].value for code in grant.categories)


def purposes_in_words(grant: Grant) -> str:
    return "; ".join(DisclosurePurpose(purpose).label for purpose in grant.purposes)


def is_proposed(grant: Grant) -> bool:
    return grant.state == GrantState.PROPOSED


def is_asked(grant: Grant) -> bool:
    return is_proposed(grant) and locking.waiting(GRANT, grant.reference) is not None


def what_approving_does(grant: Grant) -> list[str]:
    granting.require_allowed(grant, clock.now())
    fields = f"Only these fields: {', '.join(grant.fields)}." if grant.fields else "It is not limited to fields."
    return [
        f"{grant.provider.legal_name} ({grant.provider}) may get {categories_in_words(grant)}, {purposes_in_words(grant)}. {fields}",
        f"It rests on {grant.agreement} and its renewals" + (f", until {grant.ends_on.isoformat()} at the latest." if grant.ends_on else "."),
        f"{grant.proposed_by} proposed it, because: “{grant.necessity}”",
        *(["It includes Patient Information."] if grant.patient_information else []),
    ]


def standing_of(grant: Grant, at: datetime) -> SafeString:
    """What the gate would say to all that the grant names, now."""
    if grant.state != GrantState.ACTIVE:
        return chip(grant.get_state_display(), GRANT_TONES[grant.state])
    said = asking.ask(
        provider=grant.provider.reference, categories=frozenset(grant.categories), purpose=grant.purposes[0],
        patient_information=grant.patient_information, at=at,
    )  # fmt: skip
    if said.reasons:
        return chip(f"closed: {said.reasons[0].text}", "bad")
    return chip(f"open until {said.grant_until:%Y-%m-%d}" if said.grant_until else "open, without end", "ok")


@admin.register(Grant)
class GrantAdmin(ScopedHistoryAdmin, AddedByService):
    add_form = GrantForm
    list_display = ("reference", "provider", "what", "what_for", "patient_information", "state", "end")
    list_filter = (InForceFilter, "state", "patient_information", "provider")
    list_select_related = ("provider", "agreement")
    search_fields = ("=reference", "=provider__reference")
    search_help_text = "By the reference of the grant or the provider."
    chips = {"state": GRANT_TONES}
    fieldsets = (
        (None, {"fields": ("reference", "provider", "agreement", "state", "gate")}),
        ("What it may use", {"fields": ("what", "what_for", "only_fields", "patient_information", "necessity", "end")}),
        ("Who decided", {"fields": ("proposed_by", "proposed_at", "decided_by", "decided_at", "withdrawn_by", "withdrawn_at")}),
    )  # fmt: skip
    readonly_fields = ("gate", "what", "what_for", "only_fields", "end")
    empty_note = "Nothing is granted to anybody. A grant is proposed on an agreement in force, and approved by a second person."
    acts = (
        Act(
            "approve", "Approve", GRANT, danger=True, applies=is_asked, explain=what_approving_does,
            run=lambda request, grant, _form: f"{granting.approve(grant=grant, by=request.user, at=clock.now())} is approved.",
        ),
        Act(
            "reject", "Reject", GRANT, danger=False, applies=is_asked, explain=lambda grant: ["Nothing leaves on it. Another one can be proposed."],
            run=lambda request, grant, _form: f"{granting.reject(grant=grant, by=request.user, at=clock.now())} is rejected.",
        ),
        Act(
            "withdraw", "Withdraw", granting.WITHDRAW, danger=True, applies=lambda grant: grant.state == GrantState.ACTIVE,
            explain=lambda grant: [
                f"{grant.provider} gets nothing on it from this moment on; permits that were not used yet are refused.", "That is final.",
            ],
            run=lambda request, grant, _form: f"{granting.withdraw(grant=grant, by=request.user, at=clock.now())} is withdrawn.",
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("provider", "agreement")

    def add(self, request: HttpRequest, values: dict[str, Any]) -> Grant:
        return granting.propose(**values, by=request.user, at=clock.now())

    @admin.display(description="data categories")
    def what(self, grant: Grant) -> str:
        return categories_in_words(grant)

    @admin.display(description="purposes")
    def what_for(self, grant: Grant) -> str:
        return purposes_in_words(grant)

    @admin.display(description="only these fields")
    def only_fields(self, grant: Grant) -> str:
        return ", ".join(grant.fields) or "not limited to fields"

    @admin.display(description="until")
    def end(self, grant: Grant) -> SafeString | str:
        if grant.ends_on is None:
            return "as long as its agreement"
        return standing.until(grant.ends_on, clock.now(), counts=grant.state == GrantState.ACTIVE)

    @admin.display(description="the gate")
    def gate(self, grant: Grant) -> SafeString:
        return standing_of(grant, clock.now())

    def act_buttons(self, request: HttpRequest, obj: Grant | None) -> list[dict]:
        """Who proposed it does not decide."""
        buttons = super().act_buttons(request, obj)
        if obj is None or obj.proposed_by != str(request.user.actor):
            return buttons
        return [button for button in buttons if button["name"] not in ("approve", "reject")]
