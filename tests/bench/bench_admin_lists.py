"""The admin's list pages over a million rows, whole answers, ours beside a stock ModelAdmin on the same rows in the same run.

Stock is Django's own class as it comes: a page by OFFSET, COUNT over everything, 100 rows a page set to our 50 so that only the
manner differs. The size comes from BENCH_EVENTS (default 1,000,000).
"""

import os

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.db import connection
from django.test import RequestFactory

from apps.audit.models import Event
from apps.foundation.admin import CovenantAdmin
from apps.foundation.admin.paging import token
from apps.staff.roles import Role
from config.admin_site_class import CovenantAdminSite
from tests import cast

EVENTS = int(os.environ.get("BENCH_EVENTS", 1_000_000))
COLUMNS = ("id", "at", "actor", "verb", "object")


class StockEvents(admin.ModelAdmin):
    list_display = COLUMNS
    search_fields = ("object__exact", "verb__exact")
    list_per_page = 50
    show_full_result_count = True


class OurEvents(CovenantAdmin):
    list_display = COLUMNS
    search_fields = ("=object", "=verb")
    sortable_by = ("at",)


class Pages:
    """Asks both classes for the same page, rendered, as the same member of staff."""

    def __init__(self, member):
        self.member = member
        self.stock = StockEvents(Event, AdminSite())
        self.ours = OurEvents(Event, CovenantAdminSite())

    def _answer(self, model_admin, query: str):
        request = RequestFactory().get(f"/admin/audit/event/?{query}")
        request.user = self.member
        request.session = {}
        response = model_admin.changelist_view(request)
        assert response.status_code == 200, response.status_code
        return response

    def of(self, model_admin, query: str) -> list[int]:
        response = self._answer(model_admin, query)
        response.render()
        return [row.pk for row in response.context_data["cl"].result_list]

    def after(self, pk: int, query: str = "") -> str:
        """The address of our page that begins after a row, as the "older" link of the page before it would give it."""
        changelist = self._answer(self.ours, query).context_data["cl"]
        return changelist.get_query_string({"after": token(changelist.columns, Event.objects.get(pk=pk))}).removeprefix("?")


def fill() -> None:
    """Events of 24 kinds about a thousand things, newest last; one in ten thousand is of a rare kind."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_event (at, actor, verb, object, facts) SELECT now() - (%s - n) * interval '1 second',"
            " 'system:covenant', CASE WHEN n %% 10000 = 0 THEN 'rare.kind' ELSE 'kind.' || (n %% 24) END,"
            " 'ORG-' || lpad((n %% 1000)::text, 7, '0'), '{\"messages\": 1}' FROM generate_series(1, %s) n",
            [EVENTS, EVENTS],
        )
        cursor.execute("ANALYZE audit_event")


@pytest.mark.django_db
def bench_list_pages_beside_stock_ones(home, measure):
    cast.house()
    member = cast.staff("faye", Role.AUDITOR)
    fill()
    pages = Pages(member)
    newest, rows = Event.objects.order_by("-pk").values_list("pk", flat=True).first(), EVENTS
    deep = rows * 9 // 10 // 50  # the page on which nine rows of ten are passed
    where = {
        "first page": ("", ""),
        f"page {deep:,}": (pages.after(newest - (deep - 1) * 50 + 1), f"p={deep}"),
        "filtered by a frequent kind": ("verb=kind.7", "verb=kind.7"),
        "filtered by a rare kind": ("verb=rare.kind", "verb=rare.kind"),
        "search for a thing": ("q=ORG-0000123", "q=ORG-0000123"),
        "search for what is not there": ("q=ORG-9999999", "q=ORG-9999999"),
    }
    for what, (ours, stock) in where.items():
        assert pages.of(pages.ours, ours) == pages.of(pages.stock, stock), what
        measure(
            f"{EVENTS:,} rows, {what}",
            ours=lambda query=ours: pages.of(pages.ours, query),
            stock=lambda query=stock: pages.of(pages.stock, query),
        )
