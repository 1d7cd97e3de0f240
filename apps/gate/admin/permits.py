"""Permits, and the connections that were opened under them. A token is never shown: only its hash is kept."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from apps.foundation import clock
from apps.foundation.admin import CovenantAdmin, CovenantTabularInline, chip
from apps.gate.models import Crossing, Permit

LISTED = 100


class UseFilter(admin.SimpleListFilter):
    """What became of a permit."""

    title = "use"
    parameter_name = "use"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("spent", "used"), ("usable", "may be used"), ("lapsed", "lapsed unused")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        at = clock.now()
        match self.value():
            case "spent":
                return queryset.spent()
            case "usable":
                return queryset.usable(at)
            case "lapsed":
                return queryset.lapsed(at)
        return queryset


class CrossingInline(CovenantTabularInline):
    """The newest connections under a permit."""

    model = Crossing
    fields = readonly_fields = ("host", "address", "port", "at")
    masked_fields = ()
    max_num = 0
    verbose_name_plural = f"Connections (the newest {LISTED})"

    def has_view_permission(self, request: HttpRequest, obj: Permit | None = None) -> bool:
        return request.user.has_perm("gate.view_crossing")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        newest = Crossing.objects.filter(permit_id=request.resolver_match.kwargs.get("object_id")).order_by("-pk")
        oldest = newest.values_list("pk", flat=True)[LISTED - 1 : LISTED].first() or 0
        return super().get_queryset(request).filter(pk__gte=oldest)


@admin.register(Permit)
class PermitAdmin(CovenantAdmin):
    list_display = ("reference", "given_at", "kind", "recipient", "use", "disclosure", "why")
    list_filter = (UseFilter, "kind", "recipient_kind", "why", "given_at")
    list_select_related = ("disclosure",)
    search_fields = ("=reference", "=recipient", "=disclosure__reference")
    search_help_text = "By the reference of the permit, its recipient or its disclosure."
    sortable_by = ("given_at",)
    fieldsets = (
        (None, {"fields": ("reference", "kind", "use", "why", "disclosure")}),
        ("For", {"fields": ("recipient_kind", "recipient", "fields", "digest")}),
        ("When", {"fields": ("given_at", "lapses_at", "spent_at", "by")}),
    )
    readonly_fields = ("use",)
    inlines = (CrossingInline,)
    empty_note = "No permit was given yet. Each disclosure has one, and so has each connection that carries no data of people."

    @admin.display(description="use")
    def use(self, permit: Permit) -> SafeString:
        if permit.spent_at is not None:
            return chip("used", "ok")
        return chip("lapsed unused", "plain") if permit.lapses_at <= clock.now() else chip("may be used", "wait")


@admin.register(Crossing)
class CrossingAdmin(CovenantAdmin):
    list_display = ("id", "at", "host", "address", "port", "permit", "recipient")
    list_filter = ("permit__kind", "permit__recipient_kind", "at")
    list_select_related = ("permit",)
    search_fields = ("=id", "=permit__reference", "=permit__recipient")
    search_help_text = "By its number, or the reference of its permit or recipient."
    sortable_by = ("at",)
    fields = ("id", "at", "host", "address", "port", "permit", "recipient")
    readonly_fields = ("recipient",)
    empty_note = "No connection was opened yet."

    @admin.display(description="recipient")
    def recipient(self, crossing: Crossing) -> str:
        return crossing.permit.recipient
