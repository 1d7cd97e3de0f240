"""CovenantAdmin: how every list and every page of the admin behaves. Apps declare what they show; they don't program it.

| declare | for |
|---|---|
| `list_display`, `list_filter`, `search_fields`, `fields`/`fieldsets`, `inlines` | as in Django; a foreign key in `list_filter` is a box for its reference |
| `sortable_by` | columns that may be sorted by; none unless declared. Name only columns with an index |
| `search_fields` | `name` is icontains on UPPER (trigram index); `=reference` or `reference__exact` is exact |
| `chips` | `{"state": {"open": "ok", …}}`: tone of each value: ok, warn, bad, wait, plain |
| `acts` | buttons with a confirmation page (apps.foundation.admin.acts) |
| `unmasked_fields`, `masked_fields` | personal fields are masked on lists, pages and in exports unless named here |
| `reveal_permission` | who may lift the masks of one thing for some minutes; each look is recorded |
| `deletable` | nobody deletes anything unless the class says so |
| `exportable`, `export_permission` | `export.csv` for who may view; with a permission of its own where named |
| `empty_note` | the sentence an empty list shows |

It must never show a row outside `get_queryset`, count a whole table, delete in bulk, or turn a Refusal into a server error.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.views.main import ERROR_FLAG, SEARCH_VAR
from django.core import checks
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.forms.utils import ErrorList
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import path, reverse
from django.utils.crypto import salted_hmac
from django.utils.http import urlencode

from apps.foundation import clock
from apps.foundation.admin import export, sealed_terms, searching
from apps.foundation.admin.acts import ActsMixin, act_errors
from apps.foundation.admin.change_list import AFTER, BEFORE, CovenantChangeList
from apps.foundation.admin.columns import ColumnsMixin, field_of
from apps.foundation.admin.filters import ReferenceFilter
from apps.foundation.admin.revealing import HiddenAgain, RevealMixin
from apps.foundation.digests import canonical
from apps.foundation.masks import is_masked
from apps.foundation.refusals import Refusal

FILTER_UNKNOWN = "That filter is not known here, so all rows are listed."


class ShownFieldsMixin(ColumnsMixin):
    """Masks on change pages, for admins and inlines alike.

    A masked field is left out of the form whatever the class declares, and shown as a column when the page is rendered, so
    that no override of get_fieldsets or get_readonly_fields can lift a mask.
    """

    def fields_are_masked(self, request: HttpRequest, obj: Any) -> bool:
        """Whether personal fields are hidden on this page. What is being added is one's own input."""
        return obj is not None and bool(self.get_masked_fields())

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Sequence[str] | None:
        excluded = list(super().get_exclude(request, obj) or ())
        if self.fields_are_masked(request, obj):
            excluded += sorted(self.get_masked_fields())
        return excluded or None

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        declared = list(super().get_readonly_fields(request, obj))
        if self.fields_are_masked(request, obj):
            declared += [name for name in sorted(self.get_masked_fields()) if name not in declared]
        return declared

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        """As declared; else in the order of the model, masked or not."""
        fields = super().get_fields(request, obj)
        if self.fields:
            return fields
        order = {field.name: position for position, field in enumerate(self.model._meta.concrete_fields)}
        return sorted(dict.fromkeys(fields), key=lambda name: order.get(name, len(order)))

    def as_columns(self, request: HttpRequest, obj: Any, fieldsets: Sequence[Any], readonly: Sequence[Any]) -> tuple[list, list]:
        """Fieldsets and read-only fields with columns in the place of names."""
        masked = self.fields_are_masked(request, obj)
        fixed = {getattr(item, "field_name", item) for item in readonly}
        if masked:
            fixed |= self.get_masked_fields()

        def shown(item: Any) -> Any:
            if isinstance(item, list | tuple):
                return [shown(part) for part in item]
            name = getattr(item, "field_name", item)
            return self.column(name, revealed=not masked) if name in fixed else item

        mapped = [(title, {**options, "fields": [shown(item) for item in options["fields"]]}) for title, options in fieldsets]
        return mapped, [shown(name) for name in fixed]


class CovenantAdmin(ShownFieldsMixin, ActsMixin, RevealMixin, admin.ModelAdmin):
    """The base of every admin class. See the module for what can be declared."""

    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by: Sequence[str] = ()
    save_on_top = False
    save_as = False
    deletable = False
    exportable = True
    export_permission = ""
    empty_note = ""

    # Permissions: Django's own, from the table of roles; deletion only where the class allows it

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.deletable and super().has_delete_permission(request, obj)

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Who may view may export, unless the class names a permission of its own."""
        allowed = self.exportable and self.has_view_permission(request)
        return allowed and (not self.export_permission or request.user.has_perm(self.export_permission))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No bulk deletion for anybody, and no action that doesn't say whom it is for."""
        actions = super().get_actions(request)
        return {
            name: action
            for name, action in actions.items()
            if name != "delete_selected" and getattr(action[0], "allowed_permissions", ())
        }

    # Pages and addresses

    def get_urls(self) -> list:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        own = [path("export.csv", self.admin_site.admin_view(self.export_view), name=name)]
        return [*own, *self.act_urls(), *self.reveal_urls(), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CovenantChangeList]:
        return CovenantChangeList

    def get_list_display(self, request: HttpRequest) -> Sequence[Any]:
        return [self.column(name) for name in super().get_list_display(request)]

    def get_list_display_links(self, request: HttpRequest, list_display: Sequence[Any]) -> Sequence[Any] | None:
        if self.list_display_links:
            return [self.column(name) for name in self.list_display_links]
        return super().get_list_display_links(request, list_display)

    def get_sortable_by(self, request: HttpRequest) -> Sequence[Any]:
        return [self.column(name) for name in self.sortable_by]

    def get_list_filter(self, request: HttpRequest) -> Sequence[Any]:
        """As declared; a bare foreign key gets the filter by reference instead of a list of everything it could be."""
        return [(item, ReferenceFilter) if self._is_relation(item) else item for item in super().get_list_filter(request)]

    def _is_relation(self, item: Any) -> bool:
        field = field_of(self.model, item)
        return field is not None and field.is_relation

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """No address may ask about a masked column, which would tell letter by letter what the mask hides."""
        declared = {item[0] for item in self.get_list_filter(request) if isinstance(item, list | tuple)}
        declared |= {item for item in self.list_filter if isinstance(item, str)}
        asked_of_filter = lookup.rpartition(LOOKUP_SEP)[0] or lookup
        if self._asks_masked(lookup) and lookup not in declared and asked_of_filter not in declared:
            return False
        if self._is_relation(asked_of_filter) and asked_of_filter in declared:
            return not _walks_over_masked(self.model, lookup)
        return super().lookup_allowed(lookup, value, request)

    def _asks_masked(self, lookup: str) -> bool:
        first, *further = _walk(self.model, lookup) or [None]
        masked_here = first is not None and first.name in self.get_masked_fields()
        return masked_here or any(is_masked(field) for field in further)

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        if request.method == "POST" and "_search" in request.POST:
            return self._search_redirect(request)
        if ERROR_FLAG in request.GET:
            messages.warning(request, FILTER_UNKNOWN)
        extra = {
            "act_buttons": self.act_buttons(request, None),
            "has_export_permission": self.has_export_permission(request),
            "export_url": reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_export"),
            "empty_note": self.get_empty_note(),
            **(extra_context or {}),
        }
        try:
            return super().changelist_view(request, extra)
        except Refusal as refusal:  # of a list action
            if request.method != "POST":
                raise
            messages.error(request, f"{refusal.what} {refusal.mend}")
            return HttpResponseRedirect(request.get_full_path())

    def get_empty_note(self) -> str:
        """What an empty list says."""
        return self.empty_note or f"There are no {self.opts.verbose_name_plural} yet."

    # Search

    @property
    def searches_personal_fields(self) -> bool:
        """Whether a search term may be a name or an address of somebody, so that it must not stand in an address."""
        return any(_walks_over_masked(self.model, name) for name in self.search_fields)

    def _search_redirect(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        kept = {name: values for name, values in request.GET.lists() if name not in (SEARCH_VAR, AFTER, BEFORE, ERROR_FLAG)}
        term = request.POST.get(SEARCH_VAR, "").strip()[:200]
        if term:
            kept[SEARCH_VAR] = [sealed_terms.seal(term)]
        return HttpResponseRedirect(f"{request.path}?{urlencode(kept, doseq=True)}")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return searching.search(queryset, self.get_search_fields(request), search_term)

    # Change pages

    def fields_are_masked(self, request: HttpRequest, obj: Any) -> bool:
        return super().fields_are_masked(request, obj) and self.revealed_until(request, obj) is None

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """As in Django; a Refusal of the service that saves is shown on the form, with all that was typed."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refusal as refusal:
            if request.method != "POST":
                raise
            request.refusal_on_form = refusal
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type:
        form = super().get_form(request, obj, change, **kwargs)
        refusal = getattr(request, "refusal_on_form", None)
        if refusal is None and request.method == "POST" and self._was_hidden_meanwhile(request, obj):
            refusal = HiddenAgain()
        return _refusing(form, refusal) if refusal is not None else form

    def _was_hidden_meanwhile(self, request: HttpRequest, obj: Any) -> bool:
        return self.fields_are_masked(request, obj) and any(name in request.POST for name in self.get_masked_fields())

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        obj = kwargs.get("obj")
        page = context["adminform"]
        page.fieldsets, page.readonly_fields = self.as_columns(request, obj, page.fieldsets, page.readonly_fields)
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_reveal"
        if obj is not None:
            until = self.revealed_until(request, obj)
            hides = bool(self.get_masked_fields()) or any(inline.get_masked_fields() for inline in self._own_inlines(request, obj))
            context |= {
                "act_buttons": self.act_buttons(request, obj),
                "has_masked_fields": hides and until is None,
                "reveal_url": reverse(name, args=(obj.pk,)) if hides and until is None and self.may_reveal(request) else "",
                "revealed_until": until,
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_inline_formsets(self, request: HttpRequest, formsets: Any, inline_instances: Any, obj: Any = None) -> list[Any]:
        shown = super().get_inline_formsets(request, formsets, inline_instances, obj)
        for inline in shown:
            if isinstance(inline.opts, ShownFieldsMixin):
                fixed = [*inline.readonly_fields, *([] if inline.has_change_permission else flatten_fieldsets(inline.fieldsets))]
                inline.fieldsets, inline.readonly_fields = inline.opts.as_columns(request, obj, inline.fieldsets, fixed)
        return shown

    def _own_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return [inline for inline in self.get_inline_instances(request, obj) if isinstance(inline, ColumnsMixin)]

    # Export

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """The filtered list as a file, recorded before its first line leaves."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(status=405, headers={"Allow": "GET"})
        at = clock.now()
        changelist = self.get_changelist_instance(request)
        queryset = export.as_of_now(changelist.queryset)
        count = queryset.order_by().count()  # the file reads them all anyway
        columns = [name for name in changelist.list_display if name != "action_checkbox"]
        self.record_export(request, count)
        lines = export.lines(queryset, changelist.columns, columns, self, at_most=count)
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        name = f"{self.opts.app_label}-{self.opts.model_name}-{at:%Y-%m-%d}.csv"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def record_export(self, request: HttpRequest, count: int) -> None:
        """Record that `count` rows leave; the site writes it to the ledger. Without a record there is no export."""
        self.admin_site.record_export(request, self, count, self.filter_digest(request))

    def filter_digest(self, request: HttpRequest) -> str:
        """Which rows, as a keyed digest: two exports of the same filter can be told to be the same, and no more."""
        asked = {name: values for name, values in sorted(request.GET.lists()) if name not in (AFTER, BEFORE)}
        if sealed_terms.is_sealed(asked.get(SEARCH_VAR, [""])[-1]):
            asked[SEARCH_VAR] = [sealed_terms.unseal(asked[SEARCH_VAR][-1]) or ""]
        return salted_hmac("covenant.export", canonical(asked), algorithm="sha256").hexdigest()[:16]

    # Checks

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """What would make a list slow or leaky stops the start."""
        said = [*super().check(**kwargs), *(self._wrong(text, "E101") for text in act_errors(self))]
        if self.date_hierarchy:
            said.append(self._wrong("date_hierarchy reads the whole table; use a date filter.", "E102"))
        if self.list_editable:
            said.append(self._wrong("list_editable goes round services; use the change page or an act.", "E103"))
        for item in self.list_filter:
            field = field_of(self.model, item)
            if field is not None and not _is_cheap_filter(field):
                said.append(self._wrong(f"the filter on {item} would read every distinct value; give it a filter class.", "E104"))
        for name in {*self.sortable_by} & self.get_masked_fields():
            said.append(self._wrong(f"{name} is masked; an order by it would tell what it hides.", "E105"))
        return said

    def _wrong(self, text: str, code: str) -> checks.Error:
        return checks.Error(f"{type(self).__name__}: {text}", obj=type(self), id=f"foundation.{code}")


class CovenantInlineMixin(ShownFieldsMixin):
    """Inlines of a CovenantAdmin: the same masks, lifted together with those of the page they are on."""

    extra = 0
    deletable = False
    show_change_link = False

    def _page(self, request: HttpRequest) -> Any:
        return self.admin_site._registry.get(self.parent_model)

    def fields_are_masked(self, request: HttpRequest, obj: Any) -> bool:
        page = self._page(request)
        revealed = page is not None and obj is not None and page.revealed_until(request, obj) is not None
        return super().fields_are_masked(request, obj) and not revealed

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not self.fields_are_masked(request, obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not self.fields_are_masked(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        masked = self.fields_are_masked(request, obj)
        return self.deletable and not masked and super().has_delete_permission(request, obj)


class CovenantTabularInline(CovenantInlineMixin, admin.TabularInline):
    """Rows of a child below its parent, to read."""

    template = "admin/inline_rows.html"
    can_delete = False
    extra = 0


class CovenantStackedInline(CovenantInlineMixin, admin.StackedInline):
    """Children one below the other."""


def _is_cheap_filter(field: models.Field) -> bool:
    return bool(field.choices or field.is_relation or isinstance(field, models.BooleanField | models.DateField))


def _walk(model: type[models.Model], lookup: str) -> list[Any]:
    fields = []
    for part in lookup.lstrip("^=@").split(LOOKUP_SEP):
        try:
            field = model._meta.pk if part == "pk" else model._meta.get_field(part)
        except FieldDoesNotExist:
            break
        fields.append(field)
        if not field.is_relation or field.related_model is None:
            break
        model = field.related_model
    return fields


def _walks_over_masked(model: type[models.Model], lookup: str) -> bool:
    return any(is_masked(field) for field in _walk(model, lookup) if hasattr(field, "personal"))


def _refusing(form: type, refusal: Refusal) -> type:
    """`form` as a class that shows what was typed and says what was refused."""

    class Refusing(form):
        def _post_clean(self) -> None:
            super()._post_clean()
            self.add_error(None, ErrorList([f"{refusal.what} {refusal.mend}"]))

    Refusing.__name__ = form.__name__
    return Refusing

