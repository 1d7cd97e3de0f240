"""What the database keeps besides rows: large objects, sessions as they are packed, and the planner's samples of values."""

from importlib import import_module
from io import BytesIO

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from apps.data_requests.scanning import contents, packed
from apps.data_requests.scanning.kinds import Seen
from apps.data_requests.scanning.spelling import fold
from apps.data_requests.scanning.terms import Terms

AT_ONCE = 200

#: values that the planner remembers of each column
SAMPLES = """
    SELECT schemaname, tablename, attname, concat_ws(chr(31), most_common_vals::text, histogram_bounds::text, most_common_elems::text)
    FROM pg_stats WHERE schemaname <> 'information_schema' AND schemaname !~ '^pg_' ORDER BY 1, 2, 3
"""


#: how an index is made, for one that is no part of a constraint; and no row where the name is a table's
INDEX = """
    SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid
    WHERE i.indexrelid = %s::regclass AND c.oid IS NULL
"""
TYPE = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s"


def look(terms: Terms, seen: Seen) -> None:
    """Look through all three. Samples that know the person are taken anew first, of the rows as they are now."""
    for schema, table, _column, _what in list(_samples(terms)):
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {_named(schema, table)}")
    for schema, table, column, _what in list(_samples(terms)):
        _forget(_named(schema, table), column)
    for _schema, table, column, found in _samples(terms):
        seen.note((f"planner's samples of {table}.{column}", what) for what in found)
    _large_objects(terms, seen)
    _sessions(terms, seen)


def _named(schema: str, table: str) -> str:
    return f"{connection.ops.quote_name(schema)}.{connection.ops.quote_name(table)}"


def _forget(table: str, column: str) -> None:
    """Make the planner forget its samples of what is empty by now: of no row it takes none, and keeps those that it has.

    The samples of a column go with its type, also where that stays the same, and those of an index with the index. Neither moves a row. Where
    the table is busy, the samples stay and are found.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            cursor.execute(INDEX, [table])
            if made := cursor.fetchone():
                cursor.execute(f"DROP INDEX {table}")
                cursor.execute(made[0])
                return
            cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
            if cursor.fetchone()[0]:
                return
            cursor.execute(TYPE, [table, column])
            cursor.execute(f"ALTER TABLE {table} ALTER COLUMN {connection.ops.quote_name(column)} TYPE {cursor.fetchone()[0]}")
    except DatabaseError:
        return


def _samples(terms: Terms):
    with connection.cursor() as cursor:
        cursor.execute(SAMPLES)
        rows = cursor.fetchall()
    for schema, table, column, values in rows:
        if found := terms.in_text(fold(values or "")):
            yield schema, table, column, found


def _large_objects(terms: Terms, seen: Seen) -> None:
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute("SELECT lo_get(oid) FROM pg_largeobject_metadata ORDER BY oid")
        while rows := cursor.fetchmany(1):
            content = bytes(rows[0][0])
            seen.bytes += len(content)
            found = contents.of_bytes(terms, content)
            if packed.is_packed(content[: packed.BEGINNING]):
                try:
                    found |= contents.look(terms, packed.pieces(BytesIO(content)))
                except packed.Unread:
                    seen.unread.append("large objects")
            seen.note(("large objects", what) for what in found)


def _sessions(terms: Terms, seen: Seen) -> None:
    """Sessions lie packed and signed: opened as the web does."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute("SELECT session_data FROM django_session ORDER BY session_key")
        while rows := cursor.fetchmany(AT_ONCE):
            for (data,) in rows:
                opened = str(store.decode(data))
                seen.note(("django_session.session_data", what) for what in contents.of_bytes(terms, opened.encode("utf-8", "surrogatepass")))
