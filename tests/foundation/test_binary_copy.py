"""Rows made by hand for binary COPY arrive as the server would write them itself."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.foundation import binary_copy

TABLE = "CREATE TEMPORARY TABLE arrived (n bigint, s smallint, d date, m timestamptz, t text, b bytea, a bytea[])"
ROW = st.tuples(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**15), 2**15 - 1),
    st.dates(date(1970, 1, 1), date(2999, 12, 31)),
    st.datetimes(datetime(1970, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC)),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20),
    st.binary(max_size=100_000),
    st.lists(st.binary(min_size=16, max_size=16), max_size=5),
)


def encoded(number, small, day, moment, text, content, items) -> bytes:
    return b"".join(
        (
            binary_copy.columns(7), binary_copy.bigint(number), binary_copy.smallint(small), binary_copy.day(day),
            binary_copy.moment(moment), binary_copy.text(text), binary_copy.bytea(content), binary_copy.array_of(items, 16),
        )
    )  # fmt: skip


def copied(rows) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS arrived; {TABLE}")
    binary_copy.send("COPY arrived FROM STDIN (FORMAT BINARY)", rows)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROW, max_size=5))
def test_what_is_sent_is_what_arrives(rows):
    copied(encoded(*row) for row in rows)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM arrived")
        arrived = [(*row[:5], bytes(row[5]), [bytes(item) for item in row[6]]) for row in cursor.fetchall()]
    assert sorted(arrived) == sorted(rows)


@pytest.mark.django_db
def test_a_row_of_the_wrong_shape_is_refused_with_all_others():
    row = (1, 2, date(2026, 3, 8), datetime(2026, 3, 8, tzinfo=UTC) + timedelta(microseconds=1), "t", b"b", [])
    with pytest.raises(DatabaseError):
        copied([encoded(*row), encoded(*row)[:-1]])
