"""Third-party accounts that people linked: where, which scopes, how many things they told. What they told is shown once, for a reason."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.accounts.admin.people import seen, what_seeing_does
from apps.accounts.forms import ReasonForm
from apps.accounts.models import LinkedAccount
from apps.accounts.services import linking
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin

KEPT = "A legal hold keeps what it told: it stays apart, unused, and is erased when the hold is over."


class StandingFilter(admin.SimpleListFilter):
    """Whether an account is linked."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("linked", "linked"), ("unlinked", "unlinked"), ("kept", "unlinked, kept by a hold")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "linked":
                return queryset.linked()
            case "unlinked":
                return queryset.filter(revoked_at__isnull=False)
            case "kept":
                return queryset.filter(kept_for_hold=True)
        return queryset


def see_told(request: HttpRequest, account: LinkedAccount, form: forms.Form | None) -> HttpResponse:
    values = linking.reveal(account=account, reason=form.cleaned_data["reason"], by=request.user, at=clock.now())
    return seen(request, account, values, reverse("admin:accounts_linkedaccount_change", args=[account.pk]))


def what_unlinking_does(account: LinkedAccount) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    told = account.claims.count()
    return [
        f"What the account told ({told} {'detail' if told == 1 else 'details'}) is erased now. What a legal hold keeps stays apart, unused.",
        "The provider is told that our access ends, and then our token and its key are destroyed.",
        "The person can link the account again.",
    ]


def unlink(request: HttpRequest, account: LinkedAccount, form: forms.Form | None) -> str:
    linking.unlink(account=account, how="staff", by=request.user, at=clock.now())
    return f"{account.reference} is unlinked."


@admin.register(LinkedAccount)
class LinkedAccountAdmin(CovenantAdmin):
    list_display = ("reference", "person", "provider", "granted", "told", "how", "linked_at", "revoked_at", "provider_told")
    list_filter = (StandingFilter, "how", "linked_at")
    list_select_related = ("person",)
    search_fields = ("=reference", "=person__reference", "=provider", "subject__exact")
    search_help_text = "By reference, the person's reference, the provider's code, or the whole subject there."
    fieldsets = (
        (None, {"fields": ("reference", "person", "provider", "subject", "granted", "told")}),
        ("Linked", {"fields": ("how", "linked_at", "policy_version", "lapses_at")}),
        ("Unlinked", {"fields": ("revoked_at", "revoked_how", "kept_for_hold", "provider_told")}),
    )
    empty_note = "Nobody has linked an account of theirs. People do it on their preference page; the product can do it for them by the API."
    acts = (
        Act(
            "see", "See what it told", "accounts.reveal_linkedaccount",
            explain=what_seeing_does, run=see_told, form=ReasonForm, danger=False, applies=lambda account: account.revoked_at is None,
        ),
        Act(
            "unlink", "Unlink", "accounts.revoke_linkedaccount",
            explain=what_unlinking_does, run=unlink, applies=lambda account: account.revoked_at is None,
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(told_count=Count("claims")).prefetch_related("scopes")

    @admin.display(description="scopes granted")
    def granted(self, account: LinkedAccount) -> str:
        return ", ".join(scope.scope for scope in account.scopes.all())

    @admin.display(description="details told", ordering="told_count")
    def told(self, account: LinkedAccount) -> int:
        return account.told_count

    @admin.display(description="provider told")
    def provider_told(self, account: LinkedAccount) -> str:
        if account.told_at is not None:
            return f"{account.told_at:%Y-%m-%d %H:%M} UTC"
        if account.tell_at is not None:
            return f"waits, attempt {account.tell_attempts + 1}"
        return "" if account.revoked_at is None else "not told: it takes no revocations, or did not answer"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the person, or the product for them, links an account."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
