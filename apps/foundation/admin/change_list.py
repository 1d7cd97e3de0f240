"""The list page: keyset pages, counts that don't count everything, an order made of declared columns only.

It must never sort by a column that wasn't declared sortable (that would read a whole table a page) nor filter by a masked one
that wasn't declared as a filter (that would tell what the mask hides).
"""

from typing import Any

from django.contrib import messages
from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR, ChangeList
from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet
from django.db.models.expressions import Combinable, OrderBy
from django.http import HttpRequest
from django.utils.http import urlencode
from django.utils.text import capfirst

from apps.foundation.admin import counting, sealed_terms
from apps.foundation.admin.paging import BadPage, Page, SortColumn, page_of, sort_columns

AFTER, BEFORE = "after", "before"
BAD_PAGE = "The page you asked for can't be found any more, perhaps because its order or its rows changed. This is the first page."
OLD_SEARCH = "That search has expired. Please type it again."


class CovenantChangeList(ChangeList):
    """Django's list with pages, counts and order of our own; the templates are in templates/admin/."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any):
        self.after = request.GET.get(AFTER, "")
        self.before = request.GET.get(BEFORE, "")
        self.columns: tuple[SortColumn, ...] = ()
        super().__init__(request, *args, **kwargs)
        self.title = capfirst(self.opts.verbose_name_plural)
        if self.is_popup:
            self.title = f"Select {self.opts.verbose_name}"

    @property
    def searches_by_post(self) -> bool:
        return self.model_admin.searches_personal_fields

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter or a search hides rows."""
        return bool(self.query or self.get_filters_params())

    @property
    def query_string_without_search(self) -> str:
        return self.get_query_string(new_params={SEARCH_VAR: None})

    @property
    def export_query(self) -> str:
        return self.get_query_string()

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet:
        for name in (AFTER, BEFORE):
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        if sealed_terms.is_sealed(self.query):
            self.query = self._unsealed(request)
        elif self.query and self.searches_by_post:  # typed into the address by hand: at least our links don't repeat it
            self.params[SEARCH_VAR] = self.filter_params[SEARCH_VAR] = sealed_terms.seal(self.query)
            self.preserved_filters = urlencode({"_changelist_filters": self.get_query_string().removeprefix("?")})
        queryset = super().get_queryset(request, exclude_parameters)
        queryset, self.columns = sort_columns(queryset, self._ordering)
        return queryset.order_by(*(column.ordering(backwards=False) for column in self.columns))

    def _unsealed(self, request: HttpRequest) -> str:
        term = sealed_terms.unseal(self.query)
        if term is None:
            messages.warning(request, OLD_SEARCH)
            self.params.pop(SEARCH_VAR, None)
            self.filter_params.pop(SEARCH_VAR, None)
        return term or ""

    def get_results(self, request: HttpRequest) -> None:
        page = self._page(request)
        self.page = page
        if page.is_whole:
            self.count = counting.Count(len(page.rows))
        else:
            self.count = counting.count(self.queryset)
        self.result_list = page.rows
        self.result_count = self.count.number
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = False
        self.multi_page = not page.is_whole
        self.paginator = None

    def _page(self, request: HttpRequest) -> Page:
        try:
            return page_of(self.queryset, self.columns, size=self.list_per_page, after=self.after, before=self.before)
        except BadPage:
            messages.warning(request, BAD_PAGE)
            return page_of(self.queryset, self.columns, size=self.list_per_page)

    @property
    def first_url(self) -> str:
        return "" if self.page.is_first else self.get_query_string()

    @property
    def newer_url(self) -> str:
        return self.get_query_string({BEFORE: self.page.newer}) if self.page.newer else ""

    @property
    def older_url(self) -> str:
        return self.get_query_string({AFTER: self.page.older}) if self.page.older else ""

    @property
    def is_by_age(self) -> bool:
        """Whether the first column of the order makes "newer" and "older" true words."""
        first = self.columns[0]
        return first.descending and first.field.get_internal_type() in {"BigAutoField", "AutoField", "DateTimeField"}

    # Order

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        """Only columns that were declared sortable; keyset pages add what makes it unique."""
        ordering = self._asked_ordering() or list(self.model_admin.get_ordering(request) or self._get_default_ordering())
        self._ordering = ordering
        return []

    def _asked_ordering(self) -> list[Any]:
        asked = []
        for part in self.params.get(ORDER_VAR, "").split("."):
            _none, minus, index = part.rpartition("-")
            if not index.isdecimal() or int(index) >= len(self.list_display):
                continue
            column = self.list_display[int(index)]
            if self.sortable_by is not None and column not in self.sortable_by:
                continue
            field = self.get_ordering_field(column)
            if field:
                asked.append(_turned(field, bool(minus)))
        return asked

    # Relations

    def has_related_field_in_list_display(self) -> bool:
        return False  # answered by apply_select_related, which joins what is shown and nothing else

    def apply_select_related(self, queryset: QuerySet) -> QuerySet:
        queryset = super().apply_select_related(queryset)
        if self.list_select_related is not False:
            return queryset
        shown = [getattr(column, "field_name", column) for column in self.list_display]
        relations = [name for name in shown if isinstance(name, str) and _is_relation(self.lookup_opts, name)]
        return queryset.select_related(*relations) if relations else queryset


def _turned(field: Any, backwards: bool) -> Any:
    """An order field, turned round if asked."""
    if isinstance(field, OrderBy):
        field = field.copy()
        if backwards:
            field.reverse_ordering()
        return field
    if isinstance(field, Combinable):
        return field.desc() if backwards else field.asc()
    if not backwards:
        return field
    return field[1:] if field.startswith("-") else f"-{field}"


def _is_relation(opts: Any, name: str) -> bool:
    try:
        field = opts.get_field(name)
    except FieldDoesNotExist:
        return False
    return bool(field.many_to_one or field.one_to_one) and field.concrete
