"""Requests as staff see them: what runs out next comes first; whose it is by reference; days, letters and the time line on one page.

What was asked is shown on a page of its own, for a reason, and recorded. The services decide; nothing is decided here.
"""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Concat
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.audit.models import Event
from apps.data_requests.admin import other_kinds, person_page, request_acts, way
from apps.data_requests.admin.person_page import PersonPage
from apps.data_requests.admin.reports import RequestPages
from apps.data_requests.models import Clock, DataRequest, Letter
from apps.data_requests.services import recording
from apps.data_requests.states import OVER, Outcome, State
from apps.foundation import chips, clock
from apps.foundation.admin import CovenantAdmin, CovenantTabularInline, chip, moment
from apps.foundation.clock import day_of
from apps.staff.models import StaffMember

NEAR = timedelta(days=3)
SHOWN = 200
TONES = {
    State.RECEIVED: "wait", State.IDENTIFYING: "wait", State.COOLING_OFF: "wait", State.IN_WORK: "warn", State.AWAITING_APPROVAL: "warn",
    State.ANNOUNCED: "wait", State.RUNNING: "wait", State.SCANNING: "wait", State.ANSWERING: "wait", State.COMPLETED: "ok", State.DENIED: "plain",
    State.CALLED_BACK: "plain", State.MERGED: "plain",
}  # fmt: skip
OUTCOME_TONES = {Outcome.WHOLE: "ok", Outcome.PART: "ok", Outcome.DENIED: "plain", Outcome.CALLED_BACK: "plain", Outcome.MERGED: "plain"}


class OwnerFilter(admin.SimpleListFilter):
    """Whose it is."""

    title = "owner"
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", "mine"), ("nobody", "nobody's")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "mine":
                return queryset.filter(owner=str(request.user.actor)).exclude(state__in=OVER)
            case "nobody":
                return queryset.filter(owner="").exclude(state__in=OVER)
        return queryset


class DayFilter(admin.SimpleListFilter):
    """What runs out when."""

    title = "first day"
    parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("late", "passed"), ("3", "within 3 days"), ("10", "within 10 days"), ("open", "not over"), ("over", "over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "late":
                return queryset.filter(due_at__lte=clock.now())
            case "3" | "10" as days:
                return queryset.filter(due_at__lte=clock.now() + timedelta(days=int(days)))
            case "open":
                return queryset.exclude(state__in=OVER)
            case "over":
                return queryset.filter(state__in=OVER)
        return queryset


class ClockInline(CovenantTabularInline):
    model = Clock
    fields = readonly_fields = ("regime", "started_at", "ends", "extension", "stands_still", "stopped")
    verbose_name_plural = "Days"
    max_num = 0

    @admin.display(description="runs out")
    def ends(self, row: Clock) -> SafeString:
        return due_mark(row.ends_at if row.stopped_at is None and row.paused_at is None else None) or moment(row.ends_at)

    @admin.display(description="extended")
    def extension(self, row: Clock) -> SafeString | str:
        return format_html("{}: {}", moment(row.extended_at), row.extension_reason) if row.extended_at else "no"

    @admin.display(description="stood still")
    def stands_still(self, row: Clock) -> SafeString | str:
        if row.paused_at is not None:
            return format_html("since {}, until {}", moment(row.paused_at), moment(row.paused_until))
        return f"{row.paused_days} days" if row.paused_days else "no"

    @admin.display(description="stopped")
    def stopped(self, row: Clock) -> SafeString | str:
        return format_html("{} {}", moment(row.stopped_at), chip(row.stopped_by_event.replace("_", " "))) if row.stopped_at else "runs"


class LetterInline(CovenantTabularInline):
    model = Letter
    fields = readonly_fields = ("reference", "template", "to", "by", "sent_at")
    unmasked_fields = ("by",)
    verbose_name_plural = "Letters"
    max_num = 0


def due_mark(due: Any) -> SafeString | str:
    """The day, with a mark where it is near or over."""
    if due is None:
        return ""
    at, said = clock.now(), chips.day(day_of(due))
    if due <= at:
        return format_html("{} {}", said, chip("overdue", "bad"))
    left = (due - at).days
    return format_html("{} {}", said, chip(f"{left} days left" if left != 1 else "1 day left", "warn" if due - at <= NEAR else "plain"))


@admin.register(DataRequest)
class DataRequestAdmin(PersonPage, RequestPages, CovenantAdmin):
    list_display = ("reference", "kind", "state", "due", "owner_name", "person_reference", "organization", "channel", "received_at", "outcome")
    list_filter = (DayFilter, OwnerFilter, "state", "kind", "channel", "outcome", "asker", "received_at")
    list_select_related = ("organization",)
    ordering = ("due_at", "-id")
    search_fields = ("=reference", "=person_reference")
    search_help_text = "The reference of a request, or of a person."
    unmasked_fields = ("person_reference", "person", "denial_basis", "owner")
    fieldsets = (
        (None, {"fields": ("reference", "kind", "state", "how_far", "due", "outcome", "owner_name", "last_code", "found_at")}),
        ("Who", {"fields": ("about", "organization", "asker", "channel", "joined", "merged_into")}),
        (
            "Times", {"fields": (
                "received_at", "acknowledged_at", "verified_at", "cools_until", "approved_at", "call_back_until", "answered_at", "closed_at", "kept_until",
                "policy_version",
            )},
        ),
        ("Denial", {"fields": ("denial_reason", "denial_basis")}),
        ("All that happened", {"fields": ("time_line",)}),
    )  # fmt: skip
    inlines = (ClockInline, LetterInline)
    chips = {"state": TONES, "outcome": OUTCOME_TONES}
    empty_note = "Nobody has asked anything yet. People ask at /requests/, by e-mail, or through the product; what comes by phone or post is taken in here."
    acts = (person_page.FIND, request_acts.TAKE_IN, *request_acts.ACTS, *other_kinds.ACTS)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        owners = StaffMember.objects.annotate(acts_as=Concat(Value("staff:"), "reference")).filter(acts_as=OuterRef("owner"))
        return super().get_queryset(request).annotate(whose=Subquery(owners.values("username")[:1])).defer("address_digest")

    @admin.display(description="first day", ordering="due_at")
    def due(self, asked: DataRequest) -> SafeString | str:
        return due_mark(asked.due_at)

    @admin.display(description="person")
    def about(self, asked: DataRequest) -> SafeString | str:
        """By reference; a link where their row is there still."""
        if asked.person_id is None:
            return asked.person_reference or "nobody known"
        return format_html('<a href="{}">{}</a>', reverse("admin:accounts_person_change", args=[asked.person_id]), asked.person_reference)

    def get_fieldsets(self, request: HttpRequest, obj: DataRequest | None = None) -> list:
        """Without what does not apply."""
        return [(title, options) for title, options in super().get_fieldsets(request, obj) if title != "Denial" or (obj is not None and obj.denial_reason)]

    @admin.display(description="owner")
    def owner_name(self, asked: DataRequest) -> str:
        return asked.whose or asked.owner or "nobody"

    @admin.display(description="way")
    def how_far(self, asked: DataRequest) -> SafeString:
        return way.drawn(asked)

    @admin.display(description="plan and proof")
    def found_at(self, asked: DataRequest) -> SafeString | str:
        return way.found_at(asked)

    @admin.display(description="joined by")
    def joined(self, asked: DataRequest) -> SafeString | str:
        rows = asked.merged.order_by("pk")[:SHOWN]
        return format_html_join(", ", '<a href="{}">{}</a>', ((page_of(row), row.reference) for row in rows)) or "none"

    @admin.display(description="time line")
    def time_line(self, asked: DataRequest) -> SafeString:
        events = list(recording.time_line(asked)[:SHOWN])
        lines = format_html_join("", "<li>{} <strong>{}</strong> {} {}</li>", ((moment(e.at), words_of(e), by_of(e), chips.facts(e.facts)) for e in events))
        return format_html('<ol class="time-line">{}</ol>', lines)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def page_of(asked: DataRequest) -> str:
    return reverse("admin:data_requests_datarequest_change", args=[asked.pk])


def words_of(event: Event) -> str:
    return event.verb.removeprefix("request.").replace("_", " ")


def by_of(event: Event) -> str:
    return f"by {event.actor}"


