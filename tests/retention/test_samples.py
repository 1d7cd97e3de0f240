"""The planner samples no bytes of a message, and goes to the one that is asked for by its index all the same."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.foundation.actors import SYSTEM
from apps.retention.models import Leaf
from apps.retention.services import early, reading
from tests import cast
from tests.cast import NOON

pytestmark = pytest.mark.usefixtures("house")

SHORT = date(2026, 3, 16)  # a life of seven days, rounded to the next midnight

TABLES = """
SELECT a.attrelid::regclass::text, a.attname, coalesce(a.attstattarget, -1) FROM pg_attribute a
WHERE a.atttypid IN ('bytea'::regtype, 'bytea[]'::regtype) AND a.attnum > 0 AND NOT a.attisdropped
AND a.attrelid IN (SELECT 'message'::regclass UNION SELECT 'retention_asidemessage'::regclass
                   UNION SELECT inhrelid FROM pg_inherits WHERE inhparent = 'message'::regclass)
"""


def rows(query: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def test_no_column_with_bytes_of_a_message_is_sampled():
    cast.hand_over(cast.hill_clinic(), [cast.message(n) for n in range(1, 301)])
    found = rows(TABLES)
    assert len(found) == 4 * (1 + Leaf.objects.count()) + 3
    assert [(table, column) for table, column, target in found if target != 0] == []
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE message")
    sampled = {column for (column,) in rows("SELECT attname FROM pg_stats WHERE tablename LIKE 'message%'")}
    assert sampled == {"id", "expiry", "organization_id", "segment", "policy_version_id"}


@pytest.mark.parametrize(
    "asked",
    [
        lambda clinic: reading.read_message(organization=clinic, source="product", message_id="m1900", sent_at=NOON, at=NOON),
        lambda clinic: early.delete_by_source(
            organization=clinic, day=SHORT, source="product", message_id="m1900", reason="recall", by=SYSTEM, at=NOON
        ),
    ],
    ids=["read", "deleted early"],
)
def test_one_message_is_found_by_its_tag_and_not_by_walking_the_leaf(asked):
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(n) for n in range(1, 2_001)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE message")
    with CaptureQueriesContext(connection) as said:
        assert asked(clinic)
    (query,) = [one["sql"] for one in said if one["sql"].startswith("SELECT") and 'FROM "message" WHERE' in one["sql"]]
    plan = "\n".join(line for (line,) in rows(f"EXPLAIN {query}"))
    assert "source_tag = " in plan.partition("Index Cond:")[2].partition("\n")[0], plan
