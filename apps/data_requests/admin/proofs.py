"""What proves an end: every search after an erasure, and the signed evidence of a request, to look at and to take away.

Nothing here names anybody: places, kinds, numbers, references and keyed hashes.
"""

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.data_requests.models import Evidence, Scan
from apps.data_requests.services import evidence
from apps.foundation import signing
from apps.foundation.admin import CovenantAdmin, chip

HEADS = ("Where", "What kind", "How many")


class CleanFilter(admin.SimpleListFilter):
    """Whether a search found something that nothing excuses."""

    title = "result"
    parameter_name = "result"

    def lookups(self, _request: HttpRequest, _model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("clean", "clean"), ("found", "found something")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Scan]) -> QuerySet[Scan]:
        return queryset.filter(is_clean=self.value() == "clean") if self.value() in ("clean", "found") else queryset


@admin.register(Scan)
class ScanAdmin(CovenantAdmin):
    list_display = ("reference", "of_request", "number", "result", "at", "how_much", "seconds")
    list_filter = (CleanFilter, "at")
    ordering = ("-id",)
    search_fields = ("=reference", "=request__reference")
    search_help_text = "By its own reference, or that of the request."
    list_select_related = ("request",)
    fieldsets = (
        (None, {"fields": ("reference", "of_request", "number", "result", "at", "seconds", "how_much")}),
        ("Found, and not excused", {"fields": ("what_was_found",)}),
        ("Found, and lawfully there", {"fields": ("what_is_excused",)}),
    )
    readonly_fields = ("of_request", "result", "how_much", "what_was_found", "what_is_excused")
    empty_note = "No searches yet. One follows every erasure, and whoever was erased is answered only when it is clean."

    @admin.display(description="request")
    def of_request(self, scan: Scan) -> str:
        return scan.request.reference

    @admin.display(description="result", ordering="is_clean")
    def result(self, scan: Scan) -> SafeString:
        return chip("clean", "ok") if scan.is_clean else chip("found something", "bad")

    @admin.display(description="looked at")
    def how_much(self, scan: Scan) -> str:
        return f"{scan.tables:,} tables, {scan.columns:,} columns, {scan.files:,} files, {filesizeformat(scan.bytes)}"

    @admin.display(description="places")
    def what_was_found(self, scan: Scan) -> SafeString | str:
        return table(scan.findings, HEADS, ("place", "what", "count")) if scan.findings else "Nothing."

    @admin.display(description="places")
    def what_is_excused(self, scan: Scan) -> SafeString | str:
        return table(scan.excused, (*HEADS, "Because"), ("place", "what", "count", "because")) if scan.excused else "Nothing."


def table(rows: list[dict], heads: tuple[str, ...], keys: tuple[str, ...]) -> SafeString:
    """Places with kinds and numbers, one a line."""
    head = format_html_join("", '<th scope="col">{}</th>', ((head,) for head in heads))
    lines = (format_html_join("", "<td>{}</td>", ((row.get(key, ""),) for key in keys)) for row in rows)
    return format_html(
        '<div class="table-scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>', head,
        format_html_join("", "<tr>{}</tr>", ((line,) for line in lines)),
    )  # fmt: skip


@admin.register(Evidence)
class EvidenceAdmin(CovenantAdmin):
    list_display = ("reference", "of_request", "kind", "made_at", "kept_until", "file")
    list_filter = ("made_at",)
    ordering = ("-id",)
    search_fields = ("=reference", "=request__reference")
    search_help_text = "By its own reference, or that of the request."
    list_select_related = ("request",)
    fieldsets = (
        (None, {"fields": ("reference", "of_request", "kind", "made_at", "kept_until", "file")}),
        ("How to check it", {"fields": ("how_to_check",)}),
        ("What was signed", {"fields": ("signed_text",)}),
    )
    readonly_fields = ("of_request", "kind", "file", "how_to_check", "signed_text")
    empty_note = "No request has been completed yet. Each gets its evidence here, which names nobody and is kept for 24 months."

    @admin.display(description="request")
    def of_request(self, made: Evidence) -> str:
        return made.request.reference

    @admin.display(description="asked for")
    def kind(self, made: Evidence) -> str:
        return made.request.get_kind_display()

    @admin.display(description="file")
    def file(self, made: Evidence) -> SafeString:
        return format_html('<a href="{}">JSON</a>', reverse("admin:data_requests_evidence_file", args=[made.pk]))

    @admin.display(description="by yourself")
    def how_to_check(self, made: Evidence) -> SafeString:
        return format_html(
            "<p>With our public key, which you should have from somewhere else than this page:</p>"
            "<pre>manage.py verify_request_evidence {}.json --key KEY</pre><p>Public key of this installation: <code>{}</code></p>"
            "<p>It is Ed25519 over the line <code>{}</code> and the canonical JSON of <code>evidence</code>: sorted keys, no spaces, UTF-8.</p>",
            made.request.reference, signing.public_key("certificates").hex(), evidence.FORMAT,
        )  # fmt: skip

    @admin.display(description="document")
    def signed_text(self, made: Evidence) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(json.loads(bytes(made.document)), indent=2, ensure_ascii=False))

    def get_urls(self) -> list:
        own = [path("<int:pk>/evidence.json", self.admin_site.admin_view(self.download), name="data_requests_evidence_file")]
        return own + super().get_urls()

    def download(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The evidence as the file that was signed."""
        made = self.get_object(request, str(pk))
        if made is None or not self.has_view_permission(request, made):
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(pk))
        response = HttpResponse(evidence.download(made), content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="{made.request.reference}.json"'
        return response
