"""What the database keeps besides rows: large objects, sessions as they are packed, and the planner's samples of values."""

from importlib import import_module
from io import BytesIO

from django.conf import settings
from django.db import connection, transaction

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


def look(terms: Terms, seen: Seen) -> None:
    """Look through all three. Samples that know the person are taken anew first, of the rows as they are now."""
    for schema, table, _column, _what in list(_samples(terms)):
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(schema)}.{connection.ops.quote_name(table)}")
    for _schema, table, column, found in _samples(terms):
        seen.note((f"planner's samples of {table}.{column}", what) for what in found)
    _large_objects(terms, seen)
    _sessions(terms, seen)


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
