"""What recipients are to erase because a consent ended: told by the clock, confirmed by staff."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip, day
from apps.foundation.clock import day_of
from apps.gate.forms import ErasureForm
from apps.gate.models import Disclosure, WithdrawalNotice
from apps.gate.services import withdrawals
from apps.gate.states import NoticeState

TONES = {NoticeState.DUE: "wait", NoticeState.TOLD: "wait", NoticeState.CONFIRMED: "ok"}


def how_many(notice: WithdrawalNotice) -> str:
    count = len(notice.disclosures)
    return f"{count:,} disclosure{'' if count == 1 else 's'}"


class DueFilter(admin.SimpleListFilter):
    """What is still to be confirmed, and what of it is late."""

    title = "due"
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "to be confirmed"), ("overdue", "overdue")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "open":
                return queryset.open()
            case "overdue":
                return queryset.overdue(clock.now())
        return queryset


@admin.register(WithdrawalNotice)
class WithdrawalNoticeAdmin(CovenantAdmin):
    list_display = ("reference", "state", "due", "recipient", "person_reference", "consent", "made_at")
    list_filter = (DueFilter, "state", "due_at")
    search_fields = ("=reference", "=recipient", "=person_reference", "=consent", "=event")
    search_help_text = "By the reference of the notice, its recipient, the person or the consent's event, or by the code of the consent."
    sortable_by = ("made_at",)
    chips = {"state": TONES}
    fieldsets = (
        (None, {"fields": ("reference", "recipient", "state", "due")}),
        ("What is to be erased", {"fields": ("person_reference", "consent", "event", "ended_at", "what_it_got")}),
        ("Told", {"fields": ("made_at", "told_at", "permit")}),
        ("Confirmed", {"fields": ("confirmed_at", "confirmed_by", "evidence")}),
    )
    readonly_fields = ("due", "what_it_got")
    empty_note = "Nobody has anything to erase: no consent ended on which something had left."
    acts = (
        Act(
            "confirm", "Confirm the erasure", withdrawals.CONFIRM, danger=False, form=ErasureForm,
            applies=lambda notice: notice.state != NoticeState.CONFIRMED,
            explain=lambda notice: [
                f"You confirm that {notice.recipient} erased what it got of {notice.person_reference} on the consent “{notice.consent}” ({how_many(notice)}).",
                "That is final, and reminders stop.",
            ],
            run=lambda request, notice, form: (
                f"{withdrawals.confirm(notice=notice, **form.cleaned_data, by=request.user, at=clock.now())} is confirmed as erased."
            ),
        ),
    )  # fmt: skip

    @admin.display(description="to be confirmed by", ordering="due_at")
    def due(self, notice: WithdrawalNotice) -> SafeString | str:
        said = day(day_of(notice.due_at))
        late = notice.state != NoticeState.CONFIRMED and notice.due_at <= clock.now()
        return format_html("{} {}", said, chip("overdue", "bad")) if late else said

    @admin.display(description="what it got")
    def what_it_got(self, notice: WithdrawalNotice) -> SafeString:
        known = dict(Disclosure.objects.filter(reference__in=notice.disclosures[:200]).values_list("reference", "pk"))
        links = (
            (reverse("admin:gate_disclosure_change", args=[known[reference]]) if reference in known else "", reference)
            for reference in notice.disclosures[:200]
        )
        return format_html_join(" ", '<a href="{}">{}</a>', links)

    def has_change_permission(self, request: HttpRequest, obj: WithdrawalNotice | None = None) -> bool:
        """What is to be erased never changes."""
        return False
