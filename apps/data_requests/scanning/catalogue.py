"""Which tables and columns there are, by the database's own catalogue: what nobody listed is looked through like the rest."""

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from django.apps import apps
from django.db import connection

from apps.data_requests.inventory import HOLDINGS
from apps.foundation.personal_data import Whom

#: ordinary and partition tables, stored views and tables of other servers; not the system's own
TABLES = """
    SELECT c.oid, n.nspname, c.relname, coalesce(root.relname, c.relname), pg_table_size(c.oid), pg_relation_size(c.oid) = 0
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class root ON root.oid = CASE WHEN c.relispartition THEN pg_partition_root(c.oid) END
    WHERE c.relkind IN ('r', 'm', 'f') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    ORDER BY n.nspname, c.relname
"""

#: every column that is not a number, a truth or a time, with what it is made of in the end (domains and lists looked through)
COLUMNS = """
    WITH RECURSIVE made AS (
        SELECT oid, oid AS base, false AS is_list FROM pg_type WHERE typtype <> 'd' AND typcategory <> 'A'
        UNION ALL
        SELECT t.oid, made.base, made.is_list OR t.typcategory = 'A' FROM pg_type t
        JOIN made ON made.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END
        WHERE t.typtype = 'd' OR t.typcategory = 'A'
    )
    SELECT a.attrelid, a.attname, made.base = 'bytea'::regtype, made.is_list
    FROM pg_attribute a JOIN made ON made.oid = a.atttypid JOIN pg_type base ON base.oid = made.base
    WHERE a.attrelid = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped AND base.typcategory NOT IN ('B', 'D', 'N', 'T')
    ORDER BY a.attrelid, a.attnum
"""

#: columns that name a person by the number of their row: what points to the people's table, and what is called so, as histories do
PERSON_COLUMNS = """
    SELECT c.conrelid, a.attname FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)
    WHERE c.contype = 'f' AND c.confrelid = 'accounts_person'::regclass
    UNION
    SELECT a.attrelid, a.attname FROM pg_attribute a
    WHERE a.attrelid = ANY(%s) AND a.attname = 'person_id' AND a.atttypid IN ('int4'::regtype, 'int8'::regtype) AND NOT a.attisdropped
    UNION
    SELECT a.attrelid, a.attname FROM pg_attribute a
    WHERE a.attrelid IN ('accounts_person'::regclass, to_regclass('accounts_historicalperson')) AND a.attname = 'id'
"""


@dataclass(frozen=True)
class Table:
    """One table of rows, and which of its columns are looked through how."""

    schema: str
    name: str
    root: str
    size: int
    is_empty: bool  # not one block of it was ever written, or all were given back
    texts: tuple[str, ...]
    bytes: tuple[str, ...]
    byte_lists: tuple[str, ...]
    people: tuple[str, ...]

    @property
    def place(self) -> str:
        """How findings name it: partitions by the table that they are a part of."""
        return self.root if self.schema == "public" else f"{self.schema}.{self.root}"

    @property
    def columns(self) -> int:
        return len(self.texts) + len(self.bytes) + len(self.byte_lists)


def tables() -> list[Table]:
    """Every table with rows, each partition by itself."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        found = cursor.fetchall()
        oids = [row[0] for row in found]
        cursor.execute(COLUMNS, [oids])
        columns = defaultdict(list)
        for oid, name, is_bytes, is_list in cursor.fetchall():
            columns[oid, (is_bytes, is_bytes and is_list)].append(name)
        cursor.execute(PERSON_COLUMNS, [oids])
        people = defaultdict(list)
        for oid, name in sorted(cursor.fetchall()):
            people[oid].append(name)
    return [
        Table(
            schema, name, root, size, is_empty, texts=tuple(columns[oid, (False, False)]), bytes=tuple(columns[oid, (True, False)]),
            byte_lists=tuple(columns[oid, (True, True)]), people=tuple(people[oid]),
        )
        for oid, schema, name, root, size, is_empty in found
    ]  # fmt: skip


@lru_cache(maxsize=1)
def declared() -> frozenset[tuple[str, str]]:
    """(table, column) of every column that is declared personal, histories like what they follow."""
    found = set()
    for model in apps.get_models(include_auto_created=True):
        told = {one.name: one for one in getattr(model, "instance_type", model)._meta.local_concrete_fields}
        for one in model._meta.local_concrete_fields:
            if getattr(told.get(one.name), "personal", None) is not None:
                found.add((model._meta.db_table, one.column))
    for holding in HOLDINGS:
        found |= {(table, column) for table, columns in holding.third_party.items() for column in columns}
    return frozenset(found)


@lru_cache(maxsize=1)
def not_about_people() -> frozenset[str]:
    """Tables that hold staff, or contacts of clients and providers, and nobody else."""
    about = defaultdict(set)
    for holding in HOLDINGS:
        for table in holding.tables:
            about[table].add(holding.whom)
    return frozenset(table for table, whom in about.items() if whom <= {Whom.STAFF, Whom.CONTACTS})
