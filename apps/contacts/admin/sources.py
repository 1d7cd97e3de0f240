"""The address books and calendars that people lent us: whose, of which kind, and whether they can be read. Never where they are."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.contacts import troubles
from apps.contacts.models import Source
from apps.contacts.models.sources import KINDS
from apps.contacts.services import lending
from apps.contacts.states import SourceHow, SourceState
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip

TONES = {SourceState.ACTIVE: "ok", SourceState.PARKED: "bad"}


def reading_late() -> Any:
    """Before this moment an address in use should have been read."""
    return clock.now() - timedelta(hours=settings.CONTACTS_REFRESH_HOURS)


class KindFilter(admin.SimpleListFilter):
    """Address books or calendars."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(KINDS)

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(purpose_id=self.value()) if self.value() else queryset


class ReadingFilter(admin.SimpleListFilter):
    """Addresses that were not read when they should have been, and those in trouble."""

    title = "reading"
    parameter_name = "reading"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("late", "late"), ("trouble", "in trouble"), ("never", "never read")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "late":
                return queryset.late(reading_late())
            case "trouble":
                return queryset.exclude(last_error="")
            case "never":
                return queryset.filter(last_success_at__isnull=True)
        return queryset


def retry(request: HttpRequest, source: Source, form: forms.Form | None) -> str:
    lending.retry(source=source, by=request.user, at=clock.now())
    return f"{source.reference} is read again within minutes."


@admin.register(Source)
class SourceAdmin(CovenantAdmin):
    list_display = ("reference", "person", "kind", "how", "state", "entries", "last_success_at", "lag", "next_at", "failures", "trouble")
    list_filter = (KindFilter, ReadingFilter, "how", "state")
    list_select_related = ("person",)
    search_fields = ("=reference", "=person__reference")
    search_help_text = "By the reference of the source or of its person."
    chips = {"state": TONES}
    fieldsets = (
        (None, {"fields": ("reference", "person", "kind", "how", "sealed", "state")}),
        ("Lent", {"fields": ("added_at", "policy_version")}),
        ("Read", {"fields": ("entries", "last_success_at", "lag", "read_fully_at", "next_at")}),
        ("Trouble", {"fields": ("failures", "trouble", "what_mends_it")}),
    )
    readonly_fields = ("kind", "lag", "trouble", "what_mends_it")
    empty_note = "Nobody has lent us an address book or a calendar. People do it on their preference page, once they allow it."
    acts = (
        Act(
            "retry", "Read it again now", lending.RETRY, danger=False, run=retry,
            applies=lambda source: source.how == SourceHow.DAV and (source.state == SourceState.PARKED or source.failures > 0),
            explain=lambda source: [
                f"{source.reference} is read again now, and its failures are counted from zero.",
                "Where its person's consent does not stand any more, nothing is read.",
            ],
        ),
    )  # fmt: skip

    @admin.display(description="kind")
    def kind(self, source: Source) -> str:
        return dict(KINDS).get(source.purpose_id, source.purpose_id)

    @admin.display(description="lag")
    def lag(self, source: Source) -> SafeString | str:
        """How long ago an address was read, where that is longer than it should be."""
        if source.how != SourceHow.DAV:
            return ""
        since = clock.now() - (source.last_success_at or source.added_at)
        hours = int(since.total_seconds() // 3600)
        late = since > timedelta(hours=settings.CONTACTS_REFRESH_HOURS)
        return format_html("{} {}", f"{hours:,} h", chip("late", "bad" if source.state == SourceState.ACTIVE else "plain")) if late else f"{hours:,} h"

    @admin.display(description="trouble")
    def trouble(self, source: Source) -> str:
        words = troubles.in_words(source.last_error)
        return words.what if words else ""

    @admin.display(description="what mends it")
    def what_mends_it(self, source: Source) -> str:
        words = troubles.in_words(source.last_error)
        return words.mend if words else ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only its owner lends anything."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Source | None = None) -> bool:
        return False
