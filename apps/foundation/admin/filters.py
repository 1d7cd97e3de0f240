"""Filters that cost one index look-up: no DISTINCT over a table, no list of every organization there is."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import FieldListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

SHOWN = 12


class ReferenceFilter(FieldListFilter):
    """Filter by what a foreign key points to: a box for its reference, and links while there are only a few of them."""

    template = "admin/reference_filter.html"

    def __init__(self, field, request, params, model, model_admin, field_path):
        self.related = field.related_model
        self.handle = handle_of(self.related)
        self.parameter = f"{field_path}__{self.handle}"
        self.is_personal = hasattr(field, "personal")
        given = params.get(self.parameter) or [""]
        self.given = given[-1].strip()
        super().__init__(field, request, params, model, model_admin, field_path)
        self.hidden: list[tuple[str, str]] = []
        self.query_without = "?"
        self.more = False
        self.label = f"{self.related._meta.verbose_name} {self.handle.replace('_', ' ')}"

    def expected_parameters(self) -> list[str]:
        return [self.parameter]

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not self.given:
            return queryset
        wanted = self.given.upper() if self.handle == "reference" else self.given
        try:
            pk = self.related._default_manager.filter(**{self.handle: wanted}).values_list("pk", flat=True).first()
        except (ValueError, ValidationError) as error:
            raise IncorrectLookupParameters(error) from error
        return queryset.filter(**{self.field_path: pk}) if pk is not None else queryset.none()

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        self.hidden = [(name, value) for name, value in changelist.params.items() if name != self.parameter]
        yield {
            "selected": not self.given,
            "query_string": changelist.get_query_string(remove=[self.parameter]),
            "display": "All",
        }
        for handle, display in self._few():
            yield {
                "selected": str(handle) == self.given,
                "query_string": changelist.get_query_string({self.parameter: handle}),
                "display": display,
            }

    def _few(self) -> list[tuple[Any, str]]:
        if self.is_personal:
            return []
        names = [self.handle] + (["name"] if "name" in getattr(self.related, "NOT_PERSONAL", ()) else [])
        rows = list(self.related._default_manager.order_by("-pk").values_list(*names)[: SHOWN + 1])
        self.more = len(rows) > SHOWN
        return [(row[0], " · ".join(str(value) for value in reversed(row))) for row in rows[:SHOWN]]


def handle_of(model: Any) -> str:
    """What people call a row of `model` by: its reference or number, else its primary key."""
    names = {field.name for field in model._meta.concrete_fields}
    for name in ("reference", "number", "code"):
        if name in names and model._meta.get_field(name).unique:
            return name
    return model._meta.pk.name
