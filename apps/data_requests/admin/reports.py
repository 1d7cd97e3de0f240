"""Two pages beside the list of requests: the inbox of whoever looks, and the report of a year with its file."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse

from apps.audit.services import ledger
from apps.data_requests.admin.person_page import shown
from apps.data_requests.services import inbox, reporting
from apps.foundation import clock
from apps.foundation.admin.export import cell

REPORT = "data_requests.report"


class RequestPages:
    """Gives a ModelAdmin the pages `inbox/`, `report/` and `report/<year>.csv`, and buttons that lead there."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view
        return [
            path("inbox/", view(self.inbox_page), name="data_requests_inbox"),
            path("report/", view(self.report_page), name="data_requests_report"),
            path("report/<int:year>.csv", view(self.report_file), name="data_requests_report_file"),
            *super().get_urls(),
        ]

    def act_buttons(self, request: HttpRequest, obj: Any | None) -> list[dict[str, Any]]:
        if obj is not None:
            return super().act_buttons(request, obj)
        pages = [("My inbox", "inbox"), ("Report of a year", "report")]
        own = [{"label": label, "url": reverse(f"admin:data_requests_{name}"), "danger": False, "name": name} for label, name in pages]
        return [*own, *super().act_buttons(request, obj)]

    def inbox_page(self, request: HttpRequest) -> HttpResponse:
        """What waits for whoever looks, what is late, what they decided."""
        self._require_view(request)
        trays = [
            {"tray": tray, "rows": [[shown(request, cell) for cell in row] for row in tray.rows]} for tray in inbox.of(request.user, at=clock.now())
        ]
        return TemplateResponse(request, "admin/data_requests/inbox.html", self._context(request, "My inbox") | {"trays": trays})

    def report_page(self, request: HttpRequest) -> HttpResponse:
        """The report of one year, this one unless another is asked for."""
        self._require_view(request)
        known = reporting.years()
        year = self._year(request.GET.get("year", ""), known)
        context = self._context(request, f"Data requests of {year}") | {
            "report": reporting.of_year(year), "headings": reporting.HEADINGS, "years": known or [year], "year": year,
        }  # fmt: skip
        return TemplateResponse(request, "admin/data_requests/report.html", context)

    def report_file(self, request: HttpRequest, year: int) -> HttpResponse:
        """The same as a file, recorded before it leaves."""
        self._require_view(request)
        if not self.has_export_permission(request):
            raise PermissionDenied
        if not 2000 <= year <= 9998:
            raise Http404
        rows = reporting.of_year(year).rows()
        with transaction.atomic():
            ledger.record("export.made", by=request.user, about=REPORT, at=clock.now(), facts={"model": REPORT, "rows": len(rows), "filter": str(year)})
        response = HttpResponse("".join(_lines(rows)), content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="data-requests-{year}.csv"'
        return response

    def _require_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request), "title": title, "subtitle": None, "opts": self.opts,
            "list_url": reverse("admin:data_requests_datarequest_changelist"),
        }  # fmt: skip

    @staticmethod
    def _year(asked: str, known: list[int]) -> int:
        if asked.isdecimal() and 2000 <= int(asked) <= 9998:
            return int(asked)
        return known[0] if known else clock.now().year


def _lines(rows: list[tuple]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in [reporting.HEADINGS, *rows]:
        writer.writerow([cell(value) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
