"""Each table, once: the database finds the rows in which something may stand, and of these alone each value is looked at here.

`strpos` and `position` are what PostgreSQL is fastest at by far (measured: a regular expression of 60 spellings takes ten times as long), and
still each spelling costs a pass of its own: so a large table is read through once before, by one automaton for all spellings, and the
database then looks for those alone that are in it.

All columns of a row are looked at as one text, so that what must stand together in a row is seen in the same pass.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from django.db import connection, transaction

from apps.data_requests.scanning import catalogue, contents, keyed
from apps.data_requests.scanning.catalogue import Table
from apps.data_requests.scanning.kinds import Seen, What
from apps.data_requests.scanning.spelling import fold
from apps.data_requests.scanning.terms import Terms

AT_ONCE = 500
#: larger tables are read through first, so that the database looks only for what is there
LARGE = 8 << 20
BLOCK = 4 << 20


def look(terms: Terms, seen: Seen) -> None:
    """Look through every table that there is."""
    tags = _tags(terms)
    for table in catalogue.tables():
        seen.tables += 1
        seen.columns += table.columns
        seen.bytes += table.size
        there = tags.get(table.name) or tags.get(table.root) or []
        for row in _rows(table, terms, there) if not table.is_empty else ():
            seen.note(places(table, row, terms, there))


def _rows(table: Table, terms: Terms, tags: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """The rows of a table in which something may stand."""
    condition, values = _condition(table, terms.only(_spelled_in(table, terms)) if table.size > LARGE else terms, tags)
    if not condition:
        return
    quote = connection.ops.quote_name
    columns = [f"{quote(name)}::text AS {quote(name)}" for name in table.texts]
    columns += [quote(name) for name in (*table.bytes, *table.byte_lists, *(set(table.people) - set(table.texts)))]
    together = ", ".join(f"{quote(name)}::text" for name in table.texts) or "''"
    sql = (
        f"SELECT {', '.join(columns)} FROM (SELECT *, lower(concat_ws(chr(31), {together}) COLLATE \"C\") AS covenant_folded"
        f" FROM ONLY {quote(table.schema)}.{quote(table.name)} OFFSET 0) AS looked WHERE {condition}"
    )  # names come from the catalogue
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(sql, values)
        names = [column.name for column in cursor.description]
        while rows := cursor.fetchmany(AT_ONCE):
            yield from (dict(zip(names, row, strict=True)) for row in rows)


def _spelled_in(table: Table, terms: Terms) -> set[int]:
    """Which spellings stand anywhere in a table, by one pass of all of them over its rows as they come."""
    quote = connection.ops.quote_name
    columns = [*(f"{quote(name)}::text" for name in table.texts), *map(quote, (*table.bytes, *table.byte_lists))]
    if not columns:
        return set()
    found: set[int] = set()
    rows = bytearray()
    with transaction.atomic(), connection.cursor() as cursor:
        sql = f"COPY (SELECT {', '.join(columns)} FROM ONLY {quote(table.schema)}.{quote(table.name)}) TO STDOUT (FORMAT binary)"
        with cursor.copy(sql) as copy:  # names come from the catalogue
            for row in copy:
                rows += row
                if len(rows) > BLOCK:
                    found |= terms.spelled_in(bytes(rows).lower())
                    rows.clear()
    return found | terms.spelled_in(bytes(rows).lower())


def _condition(table: Table, terms: Terms, tags: Sequence[bytes]) -> tuple[str, list[Any]]:
    """By what the database takes a row: each number of a person, each spelling, and what must stand together."""
    quote = connection.ops.quote_name
    either, values = [], []
    for name in table.people:
        either.append(f"{quote(name)} = %s")
        values.append(terms.row)
    if table.texts:
        for text in dict.fromkeys(needle.text for needle in (*terms.needles, *terms.names_by_themselves)):
            either.append("strpos(covenant_folded, %s) > 0")
            values.append(text)
        both, pair_values = _together(terms)
        either += both
        values += pair_values
    for name in table.bytes:
        for needle in terms.in_bytes:
            either.append(f"position(%s::bytea IN {quote(name)}) > 0")
            values.append(needle)
    for name in table.byte_lists:
        either.append(f"{quote(name)} && %s::bytea[]")
        values.append([*tags, *terms.in_bytes])
    return " OR ".join(either), values


def _together(terms: Terms) -> tuple[list[str], list[str]]:
    """Pairs, and two parts of the name, or one of them with a short id."""
    found: list[tuple[tuple[str, ...], tuple[str, ...]]] = [((pair.one,), (pair.other,)) for pair in terms.pairs]
    parts = [part.spellings for part in terms.parts]
    short = {part.spellings: part.words for part in terms.parts if part.words}
    found += [(one, other) for number, one in enumerate(parts) for other in parts[number + 1 :]]
    found += [((weak.text,), part) for weak in terms.weak for part in parts]
    sql, values = [], []
    for one, other in found:
        sides = [" OR ".join("strpos(covenant_folded, %s) > 0" for _text in side) for side in (one, other)]
        values += [*one, *other]
        words = [short[side] for side in (one, other) if side in short]
        sql.append(" AND ".join([f"({side})" for side in sides] + ["covenant_folded ~ %s" for _word in words]))
        values += words
    return sql, values


def places(table: Table, row: dict[str, Any], terms: Terms, tags: Sequence[bytes] = ()) -> set[tuple[str, What]]:
    """Where in a row something counts, and as what."""
    found: set[tuple[str, What]] = set()
    texts = {name: fold(row[name]) for name in table.texts if row[name]}
    for name, text in texts.items():
        found |= {(name, what) for what in terms.in_text(text)}
    for name in table.bytes:
        if row[name] is not None:
            found |= {(name, what) for what in contents.of_bytes(terms, bytes(row[name]))}
    for name in table.byte_lists:
        items = {bytes(item) for item in row[name] or () if item is not None}
        found |= {(name, What.TAG) for _tag in items & set(tags)}
        found |= {(name, what) for item in items for what in contents.of_bytes(terms, item)}
    people = {row[name] for name in table.people} - {None}
    found |= {(name, What.ROW) for name in table.people if row[name] == terms.row}
    if not people or terms.row in people:
        found |= _by_name(table, texts, terms, is_with_more=bool(found))
    return {(f"{table.place}.{name}", what) for name, what in found}


def _by_name(table: Table, texts: dict[str, str], terms: Terms, *, is_with_more: bool) -> set[tuple[str, What]]:
    """Where a name or a short id counts in a row that belongs to nobody else."""
    if table.root in catalogue.not_about_people() and not is_with_more:
        return set()
    personal = {name for name in texts if (table.root, name) in catalogue.declared()}
    whole = {name for name, text in texts.items() if terms.name_in(text)}
    parts = {name: terms.parts_in(text) for name, text in texts.items()}
    apart = {name for name in personal if parts[name]} if len(set().union(*(parts[name] for name in personal))) > 1 else set()
    weak = {name for name, text in texts.items() if terms.weak_in(text)}
    has_name = bool(whole) or any(parts.values())
    alone = {name for name in weak & personal if any(needle.text == texts[name] for needle in terms.weak)}
    found = {(name, What.IDENTITY) for name in (weak if is_with_more or has_name else alone)}
    if terms.is_telling or is_with_more or weak:
        found |= {(name, What.NAME) for name in whole | apart}
    return found


def _tags(terms: Terms) -> dict[str, list[bytes]]:
    """By table of messages: under which tags the person stands there."""
    found: dict[str, list[bytes]] = {"retention_asidemessage": [], "retention_archivepart": []}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.expiry_on FROM retention_cohort c JOIN accounts_organization o ON o.id = c.organization_id WHERE o.reference = %s",
            [terms.organization],
        )
        days: list[date] = [day for (day,) in cursor.fetchall()]
        cursor.execute(
            "SELECT b.secret, c.expiry_on FROM retention_asidebundle b JOIN retention_cohort c ON c.id = b.cohort_id"
            " JOIN accounts_organization o ON o.id = c.organization_id WHERE o.reference = %s AND b.destroyed_at IS NULL",
            [terms.organization],
        )
        aside = cursor.fetchall()
        cursor.execute(
            "SELECT a.reference FROM retention_archive a JOIN retention_cohort c ON c.id = a.cohort_id"
            " JOIN accounts_organization o ON o.id = c.organization_id WHERE o.reference = %s AND a.destroyed_at IS NULL",
            [terms.organization],
        )
        archives = [reference for (reference,) in cursor.fetchall()]
    for day in days:
        found[f"message_{day:%Y%m%d}"] = keyed.tags(
            terms.handles, organization=terms.organization, day=day.isoformat(), secret=f"day/{day.isoformat()}"
        )
    for secret, day in aside:
        found["retention_asidemessage"] += keyed.tags(terms.handles, organization=terms.organization, day=day.isoformat(), secret=secret)
    for archive in archives:
        found["retention_archivepart"] += keyed.archive_tags(terms.handles, archive=archive)
    return found
