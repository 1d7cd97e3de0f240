"""The ledger, the journal and the seals, for reading. The one act is verifying, which changes nothing but the ledger itself."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.audit.models import Event, EventDetail, JournalEntry, LedgerSeal
from apps.audit.services import journal, ledger, sealing
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip


class ReadOnlyAdmin(CovenantAdmin):
    """Nobody adds, changes or removes anything here, whatever their role; the database refuses it too."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ExactFilter(admin.SimpleListFilter):
    """A filter by one exact value of an indexed column; a box, because a list of all values would read the whole table."""

    template = "audit/exact_filter.html"
    longest = 80

    def __init__(self, request: HttpRequest, params: dict, model: Any, model_admin: Any):
        super().__init__(request, params, model, model_admin)
        self.given = (self.value() or "").strip()[: self.longest]
        self.hidden: list[tuple[str, str]] = []

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> list[dict]:
        self.hidden = [(name, value) for name, value in changelist.get_filters_params().items() if name != self.parameter_name]
        self.hidden = [(name, value[-1] if isinstance(value, list) else value) for name, value in self.hidden]
        everything = changelist.get_query_string(remove=[self.parameter_name])
        return [{"selected": not self.given, "query_string": everything, "display": "All"}]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(**{self.parameter_name: self.given}) if self.given else queryset


class VerbFilter(ExactFilter):
    title = parameter_name = "verb"
    hint = "for example cohort.destroyed"


class ActorFilter(ExactFilter):
    title = parameter_name = "actor"
    hint = "for example staff:STF-7F3K2M1"


class ObjectFilter(ExactFilter):
    title = parameter_name = "object"
    hint = "for example ORG-7F3K2M1"


class KindFilter(ExactFilter):
    title = parameter_name = "kind"
    hint = "for example destruction.done"


def sentence(event: Event) -> str:
    """An event in words: who did what, to what."""
    kind, _colon, reference = event.actor.partition(":")
    who = {"system": "The system", "service": f"Service {reference}"}.get(kind, f"{kind.capitalize()} {reference}")
    thing, _dot, deed = event.verb.rpartition(".")
    words = f"{thing.replace('.', ' ')}: {deed}" if thing else deed
    return f"{who} – {words.replace('_', ' ').replace('-', ' ')} – {event.object}"


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("id", "at", "said", "verb", "actor", "object", "facts", "has_detail")
    list_filter = (VerbFilter, ActorFilter, ObjectFilter, "at")
    search_fields = ("=object", "=actor", "=verb")
    search_help_text = "The whole reference of a thing or of who acted, or the whole name of an act."
    fields = ("id", "said", "at", "actor", "verb", "object", "facts", "has_detail", "commitment", "transaction", "cluster")
    export_permission = "audit.export_event"
    empty_note = "Nothing was recorded yet. Every act of staff, of services and of the machine appears here."

    @admin.display(description="in words")
    def said(self, event: Event) -> str:
        return sentence(event)

    @admin.display(description="detail")
    def has_detail(self, event: Event) -> SafeString | str:
        if event.commitment is None:
            return "none"
        return chip("kept", "plain") if event.detail_is_there else chip("erased", "wait")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(detail_is_there=Exists(EventDetail.objects.filter(event=OuterRef("pk"))))


@admin.register(JournalEntry)
class JournalEntryAdmin(ReadOnlyAdmin):
    list_display = ("sequence", "kind", "about", "created_at", "standing", "digest")
    ordering = ("-sequence",)  # what is still to be written comes first, then the newest line; by an index, unlike the time
    list_filter = (KindFilter, "created_at")
    search_fields = ("=about", "=kind")
    search_help_text = "The whole reference of a thing, or the whole name of a kind."
    fields = ("id", "kind", "about", "body", "created_at", "sequence", "digest", "standing")
    change_list_template = "audit/journal_change_list.html"
    empty_note = "The journal holds no entries yet. Each destruction writes two."

    @admin.display(description="state")
    def standing(self, entry: JournalEntry) -> SafeString:
        return chip("to be written", "wait") if entry.sequence is None else chip("written and signed", "ok")

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """The first page says whether journal and database are in step; that reads both whole, so further pages don't."""
        state = {} if request.GET else {"journal": journal.status()}
        return super().changelist_view(request, state | (extra_context or {}))


def verify_now(request: HttpRequest, _obj: None, _form: forms.Form | None) -> HttpResponse:
    """Verify, record that it was done, and show what was found."""
    report, status, at = sealing.verify(), journal.status(), clock.now()
    facts = {"ok": report.ok, "in_step": status.in_step, "events": report.events, "seals": report.seals}
    with transaction.atomic():
        ledger.record("ledger.verified", by=request.user, about="ledger", at=at, facts=facts)
    context = {
        **admin.site.each_context(request),
        "title": "The ledger was verified" if report.ok else "The ledger does not verify",
        "subtitle": None,
        "opts": LedgerSeal._meta,
        "report": report,
        "journal": status,
        "at": at,
    }
    return TemplateResponse(request, "audit/verified.html", context)


@admin.register(LedgerSeal)
class LedgerSealAdmin(ReadOnlyAdmin):
    list_display = ("number", "sealed_at", "count", "covers", "root")
    list_filter = ("sealed_at",)
    search_fields = ("=number",)
    search_help_text = "The number of a seal."
    fields = (
        "number", "sealed_at", "count", "covers", "cluster", "from_transaction", "horizon", "root", "previous", "signature",
    )  # fmt: skip
    empty_note = "No seal was made yet. A few minutes after the first act the first one appears."
    acts = (
        Act(
            "verify", "Verify now", "audit.view_ledgerseal",
            explain=lambda _obj: [
                "Every seal is compared with the entries it covers, and the journal with the database.",
                "Nothing is changed. That you asked is recorded in the ledger.",
            ],
            run=verify_now, danger=False, on_list=True,
        ),
    )  # fmt: skip

    @admin.display(description="entries")
    def covers(self, seal: LedgerSeal) -> SafeString:
        return format_html("E{} to E{}", seal.first_event, seal.last_event)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("leaves")
