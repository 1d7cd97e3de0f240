"""What is asked at every decision is planned once a connection, in whatever transaction it is asked, and planned anew where that is off."""

import pytest
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.foundation import prepared

pytestmark = pytest.mark.django_db
SQL = "SELECT %s::int + 1, 'of a prepared statement'"


def asked(value) -> int:
    with prepared.cursor() as cursor:
        cursor.execute(SQL, [value])
        return cursor.fetchone()[0]


def planned() -> int:
    """How many statements with this text the server keeps for this connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%of a prepared statement''' AND name LIKE '_pg3%%'", [])
        return cursor.fetchone()[0]


def test_a_statement_is_planned_once_and_answers_for_each_value():
    assert [asked(value) for value in (1, 41, 99)] == [2, 42, 100]
    assert planned() == 1


def test_where_a_pooler_stands_between_nothing_is_kept(settings):
    settings.DATABASE_PREPARED = False
    with transaction.atomic():
        before = planned()
        assert [asked(value) for value in (1, 41)] == [2, 42]
        assert planned() == before


def test_it_takes_part_in_the_transaction_and_its_errors_are_those_of_django():
    with pytest.raises(DataError), transaction.atomic():
        asked("no number")
    assert asked(1) == 2


def test_what_was_asked_stands_in_the_log_of_queries():
    asked(1)
    with CaptureQueriesContext(connection) as log:
        asked(2)
    assert [query["sql"].startswith("SELECT $1::int") for query in log] == [True]


def test_other_cursors_are_as_they_were():
    asked(1)
    before = planned()
    with connection.cursor() as cursor:
        for _turn in range(10):
            cursor.execute(SQL, [1])
    assert planned() == before
