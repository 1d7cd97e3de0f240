"""Providers that are to erase what they got of somebody: told by the clock, confirmed by them or by staff; and where they take it by machine."""

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.data_requests.models import ErasureHook, ErasureNotice
from apps.data_requests.services import provider_notices
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, ShowOnce, chip, day
from apps.foundation.clock import day_of


class EvidenceForm(forms.Form):
    """Where a provider's confirmation lies."""

    evidence = forms.CharField(
        max_length=provider_notices.LONGEST_EVIDENCE, label="Where is its confirmation?",
        help_text="E.g. its letter of March 3, in the contract folder. Name nobody.",
    )  # fmt: skip


class HookForm(forms.Form):
    """Where a provider takes notices by machine."""

    provider = forms.CharField(max_length=20, label="Provider", help_text="Its reference, like PRV-7F3K2M9.")
    url = forms.URLField(max_length=300, label="Address", assume_scheme="https", help_text="https:// only. It gets references, and no data of anybody.")

    def clean_provider(self) -> str:
        return self.cleaned_data["provider"].strip().upper()


class DueFilter(admin.SimpleListFilter):
    """What is still to be confirmed, and what of it is late."""

    title = "due"
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin) -> list[tuple[str, str]]:
        return [("open", "to be confirmed"), ("overdue", "overdue"), ("task", "to be told by staff")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        waiting = queryset.filter(acknowledged_at__isnull=True)
        match self.value():
            case "open":
                return waiting
            case "overdue":
                return waiting.filter(due_at__lte=clock.now())
            case "task":
                return waiting.filter(way=provider_notices.TASK)
        return queryset


@admin.register(ErasureNotice)
class ErasureNoticeAdmin(CovenantAdmin):
    list_display = ("reference", "where_it_stands", "due", "provider", "person_reference", "way", "made_at")
    list_filter = (DueFilter,)
    search_fields = ("=reference", "=request__reference", "=request__person_reference")
    search_help_text = "By the reference of the notice, the request or the person."
    list_select_related = ("request",)
    unmasked_fields = ("acknowledged_by", "evidence")
    fieldsets = (
        (None, {"fields": ("reference", "of_request", "provider", "where_it_stands", "due")}),
        ("What is to be erased", {"fields": ("person_reference", "what_it_got")}),
        ("Told", {"fields": ("way", "made_at", "told_at", "chased_at", "permit", "attempts", "last_code")}),
        ("Confirmed", {"fields": ("acknowledged_at", "acknowledged_by", "evidence")}),
    )
    readonly_fields = ("of_request", "where_it_stands", "due", "what_it_got")
    empty_note = "No provider has anything to erase: nothing left of anybody who was erased."
    acts = (
        Act(
            "acknowledge", "Confirm the erasure", provider_notices.ACKNOWLEDGE, danger=False, form=EvidenceForm,
            applies=lambda notice: notice.acknowledged_at is None,
            explain=lambda notice: [
                f"You confirm that {notice.provider} erased what it got of {notice.person_reference} ({how_many(notice)}).",
                "That is final, and reminders stop.",
            ],
            run=lambda request, notice, form: (
                f"{provider_notices.acknowledge(notice=notice, **form.cleaned_data, by=request.user, at=clock.now())} is confirmed as erased."
            ),
        ),
        Act(
            "tell", "Tell it again", provider_notices.ACKNOWLEDGE, danger=False, applies=lambda notice: notice.acknowledged_at is None,
            explain=lambda notice: [f"{notice.provider} is told once more, by its address for machines where it has one, else by e-mail."],
            run=lambda request, notice, _form: f"{provider_notices.tell_again(notice=notice, by=request.user, at=clock.now())} goes out again.",
        ),
    )  # fmt: skip

    @admin.display(description="request")
    def of_request(self, notice: ErasureNotice) -> str:
        return notice.request.reference

    @admin.display(description="state")
    def where_it_stands(self, notice: ErasureNotice) -> SafeString:
        if notice.acknowledged_at is not None:
            return chip("confirmed", "ok")
        if notice.way == provider_notices.TASK:
            return chip("to be told by staff", "bad")
        return chip("told", "wait") if notice.told_at else chip("not told yet", "wait")

    @admin.display(description="to be confirmed by", ordering="due_at")
    def due(self, notice: ErasureNotice) -> SafeString | str:
        said = day(day_of(notice.due_at))
        late = notice.acknowledged_at is None and notice.due_at <= clock.now()
        return format_html("{} {}", said, chip("overdue", "bad")) if late else said

    @admin.display(description="what it got")
    def what_it_got(self, notice: ErasureNotice) -> str:
        return ", ".join(notice.disclosures)

    def has_change_permission(self, request: HttpRequest, obj: ErasureNotice | None = None) -> bool:
        """What is to be erased never changes."""
        return False


def how_many(notice: ErasureNotice) -> str:
    count = len(notice.disclosures)
    return f"{count:,} disclosure{'' if count == 1 else 's'}"


def set_hook(request: HttpRequest, _hook: None, form: forms.Form) -> ShowOnce:
    hook, key = provider_notices.set_hook(**form.cleaned_data, by=request.user, at=clock.now())
    text = "Give it to the provider by a safe way: with it the provider tells our notices from others (HMAC-SHA256, Covenant-Signature)."
    return ShowOnce(f"The key of {hook.provider}", text, key)


@admin.register(ErasureHook)
class ErasureHookAdmin(CovenantAdmin):
    list_display = ("provider", "url", "set_at")
    list_filter = ("set_at",)
    search_fields = ("=provider",)
    search_help_text = "By the reference of the provider."
    unmasked_fields = ("set_by",)
    fields = ("provider", "url", "set_at", "set_by")
    empty_note = "No provider takes erasure notices by machine; they are written to."
    acts = (
        Act(
            "set", "Set an address", provider_notices.SET_HOOK, danger=False, form=HookForm, on_list=True, run=set_hook,
            explain=lambda _hook: ["Erasure notices to this provider go to this address from now on. Its key is shown once, right after."],
        ),
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        """It is set by the act, which shows the key."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ErasureHook | None = None) -> bool:
        return False
