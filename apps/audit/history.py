"""The history of a changed thing, for reading only.

In simple-history 3.13 a POST to a history page, sent by somebody who may only view, overwrites the live row or brings an
erased one back, and neither of its two views asks `get_queryset`. So here both answer to GET alone, for everybody, show
only what the admin class lets this person see, and never render a form.

It must never show a personal value: a history outlives the masks of the page it belongs to.
"""

import re
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from simple_history.admin import SimpleHistoryAdmin

from apps.foundation.masks import DOTS, is_masked

VERSION = re.compile(r"[0-9]{1,18}")
READING = ("GET", "HEAD")
EMPTY = "–"
KINDS = {"+": "added", "~": "changed", "-": "removed"}


@dataclass(frozen=True)
class Change:
    """One field between two states of a row; a masked one says only that it changed."""

    name: str
    masked: bool
    old: str = ""
    new: str = ""


@dataclass(frozen=True)
class Entry:
    """One state of a row, as the list shows it."""

    version: int
    at: Any
    kind: str
    by: str
    changes: tuple[Change, ...]


class ScopedHistoryAdmin(SimpleHistoryAdmin):
    """Goes before CovenantAdmin among the bases of an admin class whose model has a history."""

    history_list_per_page = 50

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict | None = None) -> HttpResponse:
        """What changed when, newest first."""
        if request.method not in READING:
            return HttpResponseNotAllowed(READING)
        obj = self._seen_by(request, object_id)
        page = Paginator(self._states(obj), self.history_list_per_page).get_page(request.GET.get(PAGE_VAR))
        context = {"title": f"History of {obj}", "entries": self._entries(page), "page": page, "page_var": PAGE_VAR}
        return self._render(request, "audit/history_list.html", obj, context | (extra_context or {}))

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: dict | None = None
    ) -> HttpResponse:
        """One earlier state. Not a form: nothing can be sent back from here."""
        if request.method not in READING:
            return HttpResponseNotAllowed(READING)
        obj = self._seen_by(request, object_id)
        state = self._states(obj).filter(pk=version_id).first() if VERSION.fullmatch(version_id) else None
        if state is None:
            raise Http404
        values = [
            (capfirst(field.verbose_name), DOTS if is_masked(field) and shown != EMPTY else shown)
            for field in self._tracked()
            for shown in [_shown(state, field)]
        ]
        context = {"title": f"{obj} as it was", "entry": _entry(state, ()), "values": values}
        return self._render(request, "audit/history_state.html", obj, context | (extra_context or {}))

    # Rights: who may see the thing may see what it was; nobody may change a history or go back to it

    def has_view_history_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_change_history_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_history_or_change_history_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_history_permission(request, obj)

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def _seen_by(self, request: HttpRequest, object_id: str) -> Any:
        """The live row, where this person's lists would show it. What was erased has no page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        if not self.has_view_history_permission(request, obj):
            raise PermissionDenied
        return obj

    def _states(self, obj: Any) -> QuerySet:
        history = getattr(self.model, self.opts.simple_history_manager_attribute)
        states = history.filter(**{self.opts.pk.attname: obj.pk}).order_by("-history_date", "-history_id")
        followed = [field.name for field in self._tracked(history.model) if field.is_relation and not is_masked(field)]
        return states.select_related("history_user", *followed)

    def _tracked(self, history_model: Any = None) -> list[models.Field]:
        """The fields of the model that its history keeps."""
        history_model = history_model or getattr(self.model, self.opts.simple_history_manager_attribute).model
        kept = {field.name for field in history_model.tracked_fields}
        return [field for field in self.opts.concrete_fields if field.name in kept]

    def _entries(self, page: Page) -> list[Entry]:
        """The states of a page, each compared with the one before it, which may stand on the next page."""
        states = list(page.object_list)
        before = [*states[1:], *page.paginator.object_list[page.end_index() : page.end_index() + 1]]
        fields = self._tracked()
        return [
            _entry(state, _changes(before[place] if place < len(before) else None, state, fields))
            for place, state in enumerate(states)
        ]

    def _render(self, request: HttpRequest, template: str, obj: Any, context: dict) -> HttpResponse:
        request.current_app = self.admin_site.name
        base = {**self.admin_site.each_context(request), "subtitle": None, "opts": self.opts, "object": obj, "media": self.media}
        return TemplateResponse(request, template, base | context)


def _entry(state: Any, changes: tuple[Change, ...]) -> Entry:
    by = str(state.history_user) if state.history_user_id else "the system"
    return Entry(state.history_id, state.history_date, KINDS.get(state.history_type, "changed"), by, changes)


def _changes(old: Any, new: Any, fields: list[models.Field]) -> tuple[Change, ...]:
    if old is None or new.history_type == "-":
        return ()
    differing = [field for field in fields if getattr(old, field.attname) != getattr(new, field.attname)]
    return tuple(
        Change(capfirst(field.verbose_name), True)
        if is_masked(field)
        else Change(capfirst(field.verbose_name), False, _shown(old, field), _shown(new, field))
        for field in differing
    )


def _shown(state: Any, field: models.Field) -> str:
    """A value in words. The thing a foreign key pointed to may be gone; its key is shown then."""
    value = getattr(state, field.attname)
    if value is None or value == "" or value == []:
        return EMPTY
    if field.is_relation:
        try:
            return str(getattr(state, field.name))
        except ObjectDoesNotExist:
            return f"no. {value}"
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()[:16] + "…"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(dict(field.flatchoices).get(value, value) if field.choices else value)
