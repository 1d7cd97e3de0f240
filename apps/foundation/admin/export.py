"""A list as a CSV file: the same rows, columns and masks as on the screen, safe to open in a spreadsheet, recorded first.

It must never send a row before its record is written, nor a cell that a spreadsheet would run as a formula (OWASP, "CSV
Injection"): such a cell gets a leading apostrophe.
"""

import csv
import html
import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import QuerySet
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from apps.foundation.admin.paging import SortColumn, beyond, values_of

ROWS_AT_ONCE = 1_000
# also their full-width twins, which some spreadsheets take for the same signs
FORMULA = re.compile(r"^[\t\r\n]|^[\s\x00-\x20\ufeff\u200b]*[=+\-@＝＋－＠]")


def safe(text: str) -> str:
    """`text` as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def cell(value: Any) -> str:
    """A value as the text of a cell. Numbers stay numbers, moments are UTC in ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | Decimal | float):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, SafeString):
        return safe(html.unescape(strip_tags(value)).strip())
    if isinstance(value, dict):
        return safe(json.dumps(value, sort_keys=True, ensure_ascii=False, default=str))
    if isinstance(value, list | tuple | set):
        return safe("; ".join(str(item) for item in value))
    return safe(str(value))


def column_of(name: Any, admin: Any) -> Callable[[Any], str]:
    """How one column of the list is read from a row."""
    plain = getattr(name, "export", None)

    def read(row: Any) -> str:
        if plain is not None:
            return cell(plain(row))
        try:
            field, _attribute, value = lookup_field(name, row, admin)
        except ObjectDoesNotExist:
            return ""
        if field is not None and field.choices:
            value = dict(field.flatchoices).get(value, value)
        return cell(value)

    return read


class _Line:
    """A file that returns what is written to it."""

    def write(self, text: str) -> str:
        return text


def lines(
    queryset: QuerySet, sort: Sequence[SortColumn], columns: Sequence[Any], admin: Any, *, at_most: int
) -> Iterator[str]:
    """The file, line by line: headings, then at most `at_most` rows, read by keyset so that none is held in memory."""
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    yield writer.writerow([safe(str(capfirst(label_for_field(name, admin.model, admin)))) for name in columns])
    readers = [column_of(name, admin) for name in columns]
    for row in islice(_rows(queryset, sort), at_most):
        yield writer.writerow([read(row) for read in readers])


def as_of_now(queryset: QuerySet) -> QuerySet:
    """`queryset` without what comes in later, the record of this very export among it, so that its count stays true."""
    model = queryset.model
    if not isinstance(model._meta.pk, models.AutoField | models.BigAutoField):
        return queryset
    newest = model._base_manager.order_by("-pk").values_list("pk", flat=True).first()
    return queryset if newest is None else queryset.filter(pk__lte=newest)


def _rows(queryset: QuerySet, sort: Sequence[SortColumn]) -> Iterator[Any]:
    batch = list(queryset[:ROWS_AT_ONCE])
    while batch:
        yield from batch
        if len(batch) < ROWS_AT_ONCE:
            return
        batch = list(beyond(queryset, sort, values_of(sort, batch[-1]))[:ROWS_AT_ONCE])
