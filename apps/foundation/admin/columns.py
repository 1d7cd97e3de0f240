"""How plain fields are shown, the same on lists, change pages and in exports: masks, states as chips, moments, numbers.

The stock admin shows raw values. Here a field name in `list_display` or among the read-only fields is replaced by a column that
knows its field; so a mask can't be forgotten on one of the pages.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.admin.utils import quote
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from apps.foundation import chips
from apps.foundation.masks import is_masked, kind_of, mask


class Column:
    """A field as a column. Stands in for its name wherever the stock admin takes a callable.

    `export` gives the plain value for files, where marks and links mean nothing; a masked field has its mask there too.
    """

    def __init__(self, field: models.Field, show: Callable[[Any], Any], export: Callable[[Any], Any], *, empty: str):
        self.field_name = self.__name__ = field.name
        self.short_description = field.verbose_name
        self.admin_order_field = field.name
        self.empty = empty
        self.export = export
        self._show = show

    def __eq__(self, other: object) -> bool:
        """In a list a column is found under the name it stands for, so that either may be written for the other.

        Its hash stays its own: in a dict, such as Django's map of a model's fields, it must not be taken for the name.
        """
        return self is other or self.field_name == other

    __hash__ = object.__hash__

    def __call__(self, row: Any) -> Any:
        shown = self._show(row)
        return self.empty if shown in (None, "") else shown


def field_of(model: type[models.Model], name: Any) -> models.Field | None:
    """The concrete field called `name`; None for methods, callables and paths."""
    if not isinstance(name, str):
        return None
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if getattr(field, "concrete", False) and not field.many_to_many and field.name == name else None


def masked_column(field: models.Field, empty: str) -> Column:
    kind = kind_of(field)

    def masked(row: Any) -> str:
        return mask(getattr(row, field.attname), kind)

    return Column(field, masked, masked, empty=empty)


def shown_column(field: models.Field, tones: Mapping[str, str] | None, admin: Any) -> Column | None:
    """How an unmasked field is shown, or None where the stock way is right."""
    empty = admin.get_empty_value_display()
    if tones is not None:
        return _chip_column(field, tones, empty)
    if isinstance(field, models.ForeignKey):
        return _link_column(field, admin, empty)
    if isinstance(field, models.DateTimeField):
        return Column(field, lambda row: chips.moment(getattr(row, field.name)), _plain(field), empty=empty)
    if isinstance(field, models.DateField):
        return Column(field, lambda row: chips.day(getattr(row, field.name)), _plain(field), empty=empty)
    if isinstance(field, models.BooleanField):  # in words: a red cross would call every "no" a fault
        return Column(field, lambda row: _WORDS.get(getattr(row, field.name)), _plain(field), empty=empty)
    if isinstance(field, models.IntegerField) and not field.primary_key and not field.choices:
        return Column(field, lambda row: chips.number(getattr(row, field.name)), _plain(field), empty=empty)
    if isinstance(field, models.BinaryField):
        return Column(field, lambda row: chips.digest(getattr(row, field.name)), _plain(field), empty=empty)
    if isinstance(field, models.JSONField):
        return Column(field, lambda row: chips.facts(getattr(row, field.name)), _plain(field), empty=empty)
    return None


_WORDS = {True: "yes", False: "no"}


def _plain(field: models.Field) -> Callable[[Any], Any]:
    return lambda row: getattr(row, field.name)


def _chip_column(field: models.Field, tones: Mapping[str, str], empty: str) -> Column:
    words = dict(field.flatchoices)

    def word(row: Any) -> Any:
        value = getattr(row, field.name)
        return words.get(value, value)

    def shown(row: Any) -> Any:
        value = getattr(row, field.name)
        return None if value in (None, "") else chips.chip(words.get(value, value), tones.get(value, "plain"))

    return Column(field, shown, word, empty=empty)


def _link_column(field: models.ForeignKey, admin: Any, empty: str) -> Column:
    opts = field.related_model._meta
    name = f"{admin.admin_site.name}:{opts.app_label}_{opts.model_name}_change"

    def linked(row: Any) -> Any:
        related = getattr(row, field.name)
        if related is None:
            return None
        try:
            return format_html('<a href="{}">{}</a>', reverse(name, args=(quote(related.pk),)), related)
        except NoReverseMatch:
            return str(related)

    return Column(field, linked, _plain(field), empty=empty)


class ColumnsMixin:
    """Gives a ModelAdmin or an inline its masks and its way of showing plain fields.

    `masked_fields` replaces the automatic choice (every field declared personal, see foundation.masks); `unmasked_fields` names
    those that everybody with view permission may see. `chips` maps a field to the tone of each of its values.
    """

    masked_fields: tuple[str, ...] | None = None
    unmasked_fields: tuple[str, ...] = ()
    chips: Mapping[str, Mapping[str, str]] = {}

    def get_masked_fields(self) -> frozenset[str]:
        """The names of the fields whose values this class hides."""
        if self.masked_fields is not None:
            return frozenset(self.masked_fields)
        named = {field.name for field in self.model._meta.concrete_fields if is_masked(field)}
        return frozenset(named - set(self.unmasked_fields))

    def masked(self, row: Any, name: str) -> str:
        """For methods in `list_display`: the value of a field as its mask."""
        field = row._meta.get_field(name)
        return mask(getattr(row, field.attname), kind_of(field))

    def column(self, name: Any, *, revealed: bool = False) -> Any:
        """What stands in the place of a name in `list_display` or among read-only fields; itself where the stock way is right."""
        key = (name, revealed)
        known = self.__dict__.setdefault("_columns", {})
        if isinstance(name, str):
            if key not in known:
                known[key] = self._column(name, revealed)
            return known[key]
        return name

    def _column(self, name: str, revealed: bool) -> Any:
        field = field_of(self.model, name)
        if field is None or hasattr(self, name):
            return name
        if name in self.get_masked_fields() and not revealed:
            return masked_column(field, self.get_empty_value_display())
        return shown_column(field, self.chips.get(name), self) or name
