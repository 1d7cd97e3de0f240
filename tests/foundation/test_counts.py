"""Counts: exact while that is cheap, an estimate beyond, and never a count over a whole big table."""



import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Event
from apps.foundation.admin import counting
from apps.foundation.admin.counting import Count, count, rounded


@pytest.fixture
def few_is_ten(monkeypatch):
    monkeypatch.setattr(counting, "EXACT_UP_TO", 10)


def test_a_small_list_is_counted_exactly(add_events):
    add_events(7)
    assert count(Event.objects.all()) == Count(7)
    assert str(Count(7_000)) == "7,000"


def test_a_big_table_is_estimated_from_what_the_database_knows_of_it(few_is_ten, add_events):
    add_events(300)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_event")
    with CaptureQueriesContext(connection) as captured:
        assert count(Event.objects.all()) == Count(300, exact=False)
    statements = [query["sql"] for query in captured]
    assert len(statements) == 2
    assert "LIMIT 11" in statements[0]
    assert "reltuples" in statements[1]


def test_a_big_filtered_list_is_estimated_by_the_planner(few_is_ten, add_events):
    add_events(200, verb="a.done")
    add_events(100, verb="b.done")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_event")
    with CaptureQueriesContext(connection) as captured:
        assert count(Event.objects.filter(verb="b.done")) == Count(100, exact=False)
    assert captured[-1]["sql"].startswith("EXPLAIN")


def test_where_the_planner_guesses_too_low_the_count_is_a_lower_bound(few_is_ten, add_events, monkeypatch):
    add_events(30)
    monkeypatch.setattr(counting, "_planned", lambda queryset: 3)
    found = count(Event.objects.filter(verb="test.done"))
    assert (found, str(found)) == (Count(10, exact=False, at_least=True), "more than 10")


def test_partitions_are_added_up_without_locking_them(few_is_ten, db):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE parted (id int, at int) PARTITION BY RANGE (at)")
        for part in range(3):
            cursor.execute(f"CREATE TABLE parted_{part} PARTITION OF parted FOR VALUES FROM ({part}) TO ({part + 1})")
        cursor.execute("INSERT INTO parted SELECT n, n % 3 FROM generate_series(1, 90) n")
        cursor.execute("ANALYZE parted")
        cursor.execute(counting.WHOLE_TABLE, ['"parted"'])
        assert cursor.fetchone() == (90,)


def test_an_estimate_has_no_more_digits_than_it_deserves():
    assert [str(Count(number, exact=False)) for number in (10_049, 123_456, 1_203_987, 9_000_001)] == [
        "about 10,000", "about 123,500", "about 1,204,000", "about 9,000,000",
    ]  # fmt: skip
    assert rounded(150) == 200


def test_the_page_shows_it_and_asks_nothing_where_one_page_holds_all(auditor, add_events, few_is_ten):
    add_events(3)
    with CaptureQueriesContext(connection) as captured:
        page = auditor.get("/admin/audit/event/")
    assert "3 ledger" in page.content.decode()
    assert not [query for query in captured if "COUNT(" in query["sql"] and "audit_event" in query["sql"]]
    add_events(30)
    with CaptureQueriesContext(connection) as captured:
        page = auditor.get("/admin/audit/event/")
    counts = [query["sql"] for query in captured if "COUNT(" in query["sql"] and "audit_event" in query["sql"]]
    assert len(counts) == 1
    assert "LIMIT 11" in counts[0]
