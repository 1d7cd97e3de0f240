"""How many rows a list has, without counting them all: exact up to 10,000, an estimate from the planner beyond that.

It must never run COUNT(*) over a whole big table: on nine million rows that took longer than all else on the page.
"""

import json
from dataclasses import dataclass

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import QuerySet

EXACT_UP_TO = 10_000

# Partitions are followed through pg_inherits, which locks none of them; pg_partition_tree would lock every leaf.
WHOLE_TABLE = """
WITH RECURSIVE part AS (
    SELECT to_regclass(%s)::oid AS oid
    UNION ALL
    SELECT i.inhrelid FROM pg_inherits i JOIN part ON i.inhparent = part.oid
)
SELECT sum(c.reltuples) FILTER (WHERE c.relkind = 'r' AND c.reltuples >= 0)
FROM part JOIN pg_class c ON c.oid = part.oid
"""


@dataclass(frozen=True)
class Count:
    """A number of rows and whether it is exact. An estimate is a lower bound where the planner knew nothing better."""

    number: int
    exact: bool = True
    at_least: bool = False

    def __str__(self) -> str:
        if self.exact:
            return f"{self.number:,}"
        if self.at_least:
            return f"more than {self.number:,}"
        return f"about {rounded(self.number):,}"


def rounded(number: int) -> int:
    """An estimate with no more digits than it deserves: four at most, and never finer than hundreds."""
    step = max(100, 10 ** max(0, len(str(number)) - 4))
    return (number + step // 2) // step * step


def count(queryset: QuerySet) -> Count:
    """The number of rows of `queryset`: exact up to EXACT_UP_TO, else estimated."""
    unordered = queryset.order_by()
    seen = unordered[: EXACT_UP_TO + 1].count()
    if seen <= EXACT_UP_TO:
        return Count(seen)
    guess = _whole_table(queryset) if _is_whole(queryset) else _planned(unordered)
    if guess <= EXACT_UP_TO:
        return Count(EXACT_UP_TO, exact=False, at_least=True)
    return Count(guess, exact=False)


def _is_whole(queryset: QuerySet) -> bool:
    query = queryset.query
    return not (query.where or query.distinct or query.group_by or query.combinator or query.is_sliced)


def _whole_table(queryset: QuerySet) -> int:
    connection = connections[queryset.db]
    table = connection.ops.quote_name(queryset.model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(WHOLE_TABLE, [table])
        (found,) = cursor.fetchone()
    return int(found) if found else _planned(queryset.order_by())


def _planned(queryset: QuerySet) -> int:
    try:
        plan = queryset.explain(format="json")
    except EmptyResultSet:
        return 0
    return int(json.loads(plan)[0]["Plan"]["Plan Rows"])
