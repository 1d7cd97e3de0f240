"""Exports: the list as a file, masked like it, harmless in a spreadsheet, and recorded before its first line leaves."""

import csv
import io
from urllib.parse import unquote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Event
from apps.foundation.admin import export
from apps.foundation.admin.export import cell, safe

ORGANIZATIONS = "/admin/accounts/organization/"
FORMULAS = [
    "=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1+1", " \n+1", "\ttab first", "=cmd|' /C calc'!A0", "＝1+1", "\ufeff=1",
]  # fmt: skip


def rows_of(answer) -> list[list[str]]:
    content = b"".join(answer.streaming_content)
    assert not content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_taken_for_a_formula(text):
    assert safe(text) == "'" + text
    assert cell(text) == "'" + text
    assert cell([text]) == "'" + text


@pytest.mark.parametrize("text", ["Harbor", "a=b", "1-2", "ada@harbor.org", "", "–"])
def test_harmless_cells_stay_as_they_are(text):
    assert safe(text) == text


def test_numbers_stay_numbers_and_moments_are_in_utc(add_events):
    (event,) = add_events(1)
    assert (cell(-5), cell(True), cell(None), cell(event.at)) == ("-5", "yes", "", "2026-03-08T12:00:00Z")


def test_a_hostile_name_leaves_as_text(auditor, add_organizations):
    add_organizations('=HYPERLINK("http://evil.example")', "Good, \"quoted\"\nInc")
    rows = rows_of(auditor.get(ORGANIZATIONS + "export.csv"))
    assert [row[1] for row in rows[1:]] == ['Good, "quoted"\nInc', '\'=HYPERLINK("http://evil.example")']


def test_the_columns_and_masks_are_those_of_the_list(auditor, add_organizations):
    (organization,) = add_organizations("Harbor")
    rows = rows_of(auditor.get(ORGANIZATIONS + "export.csv"))
    assert rows == [
        ["Reference", "Name", "Country", "Contact name", "Contact e-mail", "Contact phone", "Policy version"],
        [organization.reference, "Harbor", "US", "A••• L•••", "a•••@h•••.org", "••• 21", "version 1"],
    ]


def test_the_filter_and_the_search_hold_for_the_file(auditor, add_organizations):
    add_organizations("Harbor", "Hill")
    add_organizations("Harbor Two", hipaa_covered=True)
    rows = rows_of(auditor.get(ORGANIZATIONS + "export.csv?q=harbor&hipaa_covered__exact=1"))
    assert [row[1] for row in rows[1:]] == ["Harbor Two"]


def test_each_export_is_recorded_with_its_rows_and_a_digest_of_its_filter(auditor, add_organizations):
    add_organizations("Harbor", "Hill")
    answer = auditor.get(ORGANIZATIONS + "export.csv?q=harbor")
    event = Event.objects.get(verb="export.made")  # before a line was read
    assert (event.actor, event.object) == (f"staff:{auditor.member.reference}", "accounts.organization")
    assert {**event.facts, "filter": len(event.facts["filter"])} == {"model": "accounts.organization", "rows": 1, "filter": 16}
    assert len(rows_of(answer)) == 2
    auditor.get(ORGANIZATIONS + "export.csv?q=hill")
    digests = {found.facts["filter"] for found in Event.objects.filter(verb="export.made")}
    assert len(digests) == 2


def test_what_can_not_be_recorded_is_not_exported(auditor, add_organizations, monkeypatch):
    add_organizations("Harbor")

    def broken(*args, **kwargs):
        raise RuntimeError("the ledger is closed")

    monkeypatch.setattr("config.admin_site_class.ledger.record", broken)
    with pytest.raises(RuntimeError):
        auditor.get(ORGANIZATIONS + "export.csv")


def test_the_file_names_nobody_and_is_not_kept_on_the_way(auditor, add_organizations):
    add_organizations("Harbor")
    answer = auditor.get(ORGANIZATIONS + "export.csv?q=Lovelace")
    assert answer["Content-Disposition"].startswith('attachment; filename="accounts-organization-2')
    assert "Lovelace" not in unquote(str(answer.headers))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in answer["Cache-Control"]


def test_who_may_not_view_may_not_export(browser_of, add_organizations, add_events):
    add_events(1)
    nobody = browser_of()
    assert nobody.get(ORGANIZATIONS + "export.csv").status_code == 403
    assert browser_of("privacy_analyst").get("/admin/audit/event/export.csv").status_code == 403
    assert not Event.objects.filter(verb="export.made").exists()


def test_an_export_is_asked_for_by_get_only(auditor, add_organizations):
    assert auditor.post(ORGANIZATIONS + "export.csv").status_code == 405


def test_a_big_file_is_read_by_keyset_in_batches_and_each_row_is_in_it_once(auditor, add_events, monkeypatch):
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 7)
    add_events(30)
    with CaptureQueriesContext(connection) as captured:
        rows = rows_of(auditor.get("/admin/audit/event/export.csv?o=2"))
    assert [int(row[0]) for row in rows[1:]] == list(Event.objects.filter(verb="test.done").order_by("id").values_list("id", flat=True))
    assert not [query for query in captured if "OFFSET" in query["sql"]]
