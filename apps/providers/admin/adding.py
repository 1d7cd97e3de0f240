"""What all lists of the registry share: rows are added by a service, from a form of their own, and never edited afterwards.

The page that adds is filled in from its address (`?provider=PRV-…`), so that buttons of other pages can lead there.
"""

from collections.abc import Sequence
from typing import Any

from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from apps.foundation.admin import CovenantAdmin

LONGEST_GIVEN = 20


class AddedByService(CovenantAdmin):
    """`add_form` is the form; `add(request, values)` calls the service and returns the row."""

    add_form: type[ModelForm]

    def add(self, request: HttpRequest, values: dict[str, Any]) -> Any:
        raise NotImplementedError

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type:
        if obj is None:
            kwargs["form"] = self.add_form
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        return [(None, {"fields": self.add_form.Meta.fields})] if obj is None else super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        return () if obj is None else super().get_readonly_fields(request, obj)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        return () if obj is None else super().get_inlines(request, obj)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {name: value[:LONGEST_GIVEN] for name, value in request.GET.items() if name in self.add_form.Meta.fields}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was handed in stays; what may change does so by an act."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        added = self.add(request, form.values())
        obj.pk, obj.reference = added.pk, added.reference

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """On to the new thing's page, where its next act is, unless another one is to be added."""
        usual = super().response_add(request, obj, post_url_continue)  # with its message
        if "_addanother" in request.POST:
            return usual
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[obj.pk]))
