"""Keyset pages: a page begins after the last row of the one before it, so page 20,000 costs what page 1 costs.

| part | what it promises |
|---|---|
| `sort_columns` | an order without ties: the declared columns, then the primary key |
| `page_of` | every row is on exactly one page, forward and back, also with equal values and NULLs |
| tokens | signed, bound to the model and the order; no personal value in an address: it is looked up by primary key instead |

NULLs stand where PostgreSQL puts them: last when ascending, first when descending.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.core import signing
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured, ValidationError
from django.db import models
from django.db.models import BooleanField, F, Func, OrderBy, Q, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.expressions import Combinable, Value

NOTHING = Q(pk__in=[])
EVERYTHING = Q()
UNSORTABLE = (models.BinaryField, models.JSONField)


class BadPage(Exception):
    """The token of a page is forged, of another order, or its row is gone. The list answers with its first page."""


@dataclass(frozen=True)
class SortColumn:
    """One column of the order: what filter() and order_by() call it, and what must be known to step past a value."""

    name: str
    field: models.Field
    descending: bool
    nullable: bool
    personal: bool  #: a value that may stand in no address; what an expression is made of is unknown, so it counts as one

    def ordering(self, *, backwards: bool) -> OrderBy:
        return OrderBy(F(self.name), descending=self.descending != backwards)


@dataclass(frozen=True)
class Page:
    """The rows of one page and the tokens of its neighbours; a token is empty where there is no neighbour."""

    rows: list[Any]
    newer: str
    older: str
    is_first: bool

    @property
    def is_whole(self) -> bool:
        """Whether the page holds all there is."""
        return self.is_first and not self.older


class RowComparison(Func):
    """(a, b) < (x, y), which PostgreSQL answers from one index in one step."""

    conditional = True
    output_field = BooleanField()

    def __init__(self, names: Sequence[str], values: Sequence[Value], sign: str):
        if sign not in ("<", ">"):
            raise ValueError("rows are compared by < or >")
        self.width, self.sign = len(names), sign
        super().__init__(*(F(name) for name in names), *values)

    def as_sql(self, compiler, connection, **_extra):
        parts = [compiler.compile(expression) for expression in self.get_source_expressions()]
        left = ", ".join(sql for sql, _ in parts[: self.width])
        right = ", ".join(sql for sql, _ in parts[self.width :])
        return f"({left}) {self.sign} ({right})", [value for _, values in parts for value in values]


def sort_columns(queryset: QuerySet, ordering: Sequence[Any]) -> tuple[QuerySet, tuple[SortColumn, ...]]:
    """`ordering` as columns that end in something unique, and the queryset with what they need annotated to it."""
    columns: list[SortColumn] = []
    for position, item in enumerate(ordering):
        queryset, column = _column(queryset, item, f"sort_{position}")
        if column.name in {known.name for known in columns}:
            continue
        columns.append(column)
        if _is_unique(queryset.model, column):
            return queryset, tuple(columns)
    pk = queryset.model._meta.pk
    descending = columns[-1].descending if columns else True
    columns.append(SortColumn(pk.attname, pk, descending, nullable=False, personal=False))
    return queryset, tuple(columns)


def _is_unique(model: type[models.Model], column: SortColumn) -> bool:
    field = column.field
    return field.model is model and (field.primary_key or (field.unique and not field.null)) and column.name == field.attname


def _column(queryset: QuerySet, item: Any, alias: str) -> tuple[QuerySet, SortColumn]:
    descending = False
    if isinstance(item, OrderBy):
        if item.nulls_first or item.nulls_last:
            raise ImproperlyConfigured("Keyset pages keep NULLs where PostgreSQL puts them; don't move them in an order.")
        item, descending = item.expression, item.descending
    if isinstance(item, F):
        item = item.name
    if isinstance(item, Combinable):
        queryset = queryset.annotate(**{alias: item})
        field = queryset.query.annotations[alias].output_field
        return queryset, SortColumn(alias, field, descending, nullable=True, personal=True)
    if item.startswith("-"):
        item, descending = item[1:], not descending
    if item in queryset.query.annotations:
        field = queryset.query.annotations[item].output_field
        return queryset, SortColumn(item, field, descending, nullable=True, personal=True)
    field, nullable, personal = _walk(queryset.model, item)
    if isinstance(field, UNSORTABLE):
        raise ImproperlyConfigured(f"A list can't be ordered by {item}: its values can't be compared.")
    if LOOKUP_SEP not in item:
        return queryset, SortColumn(field.attname, field, descending, nullable, personal)
    if item not in queryset.query.annotations:
        queryset = queryset.annotate(**{alias: F(item)})
    return queryset, SortColumn(alias, field, descending, nullable, personal)


def _walk(model: type[models.Model], item: str) -> tuple[models.Field, bool, bool]:
    """The field at the end of a path, whether NULL may come out of it, whether anything on it is personal."""
    nullable = personal = False
    field = None
    for part in item.split(LOOKUP_SEP):
        try:
            field = model._meta.pk if part == "pk" else model._meta.get_field(part)
        except FieldDoesNotExist as error:
            raise ImproperlyConfigured(f"A list can't be ordered by {item}: {part} is no column.") from error
        if not getattr(field, "concrete", False):
            raise ImproperlyConfigured(f"A list can't be ordered by {item}: it has many values a row.")
        nullable = nullable or field.null
        personal = personal or hasattr(field, "personal")
        model = field.related_model or model
    return field, nullable, personal


def page_of(queryset: QuerySet, columns: Sequence[SortColumn], *, size: int, after: str = "", before: str = "") -> Page:
    """One page of `queryset` in the order of `columns`. Raises BadPage for a token that can't be used."""
    backwards = bool(before) and not after
    given = before if backwards else after
    rows_wanted = queryset.order_by(*(column.ordering(backwards=backwards) for column in columns))
    if given:
        rows_wanted = beyond(rows_wanted, columns, _read(queryset, columns, given), backwards=backwards)
    rows = list(rows_wanted[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        if not more:  # fewer than a page stand before it: the first page is shown, whole
            return page_of(queryset, columns, size=size)
        rows.reverse()
    if not rows:
        return page_of(queryset, columns, size=size) if given else Page([], "", "", is_first=True)
    return Page(
        rows,
        newer=token(columns, rows[0]) if given else "",
        older=token(columns, rows[-1]) if more or backwards else "",
        is_first=not given,
    )


def beyond(queryset: QuerySet, columns: Sequence[SortColumn], values: Sequence[Any], *, backwards: bool = False) -> QuerySet:
    """The rows that come after the row with `values` (before it, if `backwards`)."""
    directions = {column.descending != backwards for column in columns}
    if len(directions) == 1 and not any(column.nullable for column in columns):
        sign = "<" if directions.pop() else ">"
        if len(columns) == 1:
            return queryset.filter(**{f"{columns[0].name}__{'lt' if sign == '<' else 'gt'}": values[0]})
        wrapped = [Value(value, output_field=column.field) for column, value in zip(columns, values, strict=True)]
        return queryset.filter(RowComparison([column.name for column in columns], wrapped, sign))
    branches, equal = [], EVERYTHING
    for column, value in zip(columns, values, strict=True):
        branches.append(equal & _past(column, value, backwards))
        equal &= _equal(column, value)
    # the first bound is implied by the branches; said aloud, it lets an index begin at the right place
    first = _past(columns[0], values[0], backwards) | _equal(columns[0], values[0])
    return queryset.filter(first & reduce(or_, branches))


def _equal(column: SortColumn, value: Any) -> Q:
    return Q(**{f"{column.name}__isnull": True}) if value is None else Q(**{column.name: value})


def _past(column: SortColumn, value: Any, backwards: bool) -> Q:
    if column.descending != backwards:  # NULLs first, then from great to small
        return Q(**{f"{column.name}__isnull": False}) if value is None else Q(**{f"{column.name}__lt": value})
    if value is None:  # from small to great, NULLs last
        return NOTHING
    past = Q(**{f"{column.name}__gt": value})
    return past | Q(**{f"{column.name}__isnull": True}) if column.nullable else past


def values_of(columns: Sequence[SortColumn], row: Any) -> list[Any]:
    """The values of a row in the columns of the order."""
    return [getattr(row, column.name) for column in columns]


def token(columns: Sequence[SortColumn], row: Any) -> str:
    """Where a page begins, signed. Holds no personal value: with one in the order, only the primary key."""
    if any(column.personal for column in columns):
        content: Any = {"k": _plain(row.pk)}
    else:
        content = {"v": [_plain(value) for value in values_of(columns, row)]}
    return signing.dumps(content, salt=_salt(type(row), columns))


def _salt(model: type[models.Model], columns: Sequence[SortColumn]) -> str:
    order = ",".join(f"{'-' if column.descending else ''}{column.name}" for column in columns)
    return f"covenant.page:{model._meta.label_lower}:{order}"


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise ImproperlyConfigured(f"A list can't be ordered by values of type {type(value).__name__}.")


def _read(queryset: QuerySet, columns: Sequence[SortColumn], given: str) -> list[Any]:
    try:
        content = signing.loads(given, salt=_salt(queryset.model, columns))
        if "k" in content:
            return _look_up(queryset, columns, content["k"])
        values = content["v"]
        return [
            None if value is None else column.field.to_python(value)
            for column, value in zip(columns, values, strict=True)
        ]
    except (signing.BadSignature, ValidationError, ValueError, TypeError, KeyError) as error:
        raise BadPage from error


def _look_up(queryset: QuerySet, columns: Sequence[SortColumn], key: Any) -> list[Any]:
    names = [column.name for column in columns]
    found = queryset.order_by().filter(pk=key).values_list(*names).first()
    if found is None:
        raise BadPage
    return list(found)
