"""A cursor whose statements are planned once a connection and then only executed: for the few that are asked at every decision.

Planning a query over six tables takes the server three times as long as answering it. Values are bound by the server, so a statement
must say the types that it can't know by itself. A pooler that hands each transaction another connection can't keep what was planned:
there DATABASE_PREPARED=false makes this an ordinary cursor.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

#: nothing is prepared by being asked often, only what is asked here
NEVER_BY_ITSELF = 1 << 30


class Preparing(psycopg.Cursor):
    """Prepares whatever it executes."""

    def execute(self, query: Any, params: Any = None, **more: Any) -> "Preparing":
        return super().execute(query, params, **more | {"prepare": settings.DATABASE_PREPARED})


class Saying(Preparing):
    """The same where queries are logged: psycopg forgets the text of what it executed by its name."""

    def execute(self, query: Any, params: Any = None, **more: Any) -> "Saying":
        super().execute(query, params, **more)
        if self._query is None:
            self._query = self._convert_query(query, params)
        return self


@contextmanager
def cursor() -> Iterator[Any]:
    """A cursor of the default database, in its transaction, with Django's errors and its log of queries."""
    connection.ensure_connection()
    raw = connection.connection
    if settings.DATABASE_PREPARED and raw.prepare_threshold is None:
        raw.prepare_threshold = NEVER_BY_ITSELF
    with connection.make_debug_cursor(Saying(raw)) if connection.queries_logged else connection.make_cursor(Preparing(raw)) as prepared:
        yield prepared
