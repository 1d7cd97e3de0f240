"""The page of one person: all that is known of them by section, masked; found by a whole reference, e-mail address or phone number.

What is typed travels in the body of a request, never in an address. The rules are the service's (apps.data_requests.services.knowing).
"""

from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.data_requests.services import knowing
from apps.foundation import clock
from apps.foundation.admin import Act
from apps.foundation.chips import day, moment, number

SEE_DETAILS = "accounts.reveal_person"


class FindForm(forms.Form):
    """Whom to look for."""

    term = forms.CharField(
        max_length=254, label="Reference, e-mail address or phone number",
        help_text="Whole, as it would be on file: PER-7F3K2M9, ada@client.example or +1 202 555 0100. A name finds nobody.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )  # fmt: skip


def page_of(reference: str) -> str:
    return reverse("admin:data_requests_person", args=[reference])


def find(request: HttpRequest, _nothing: None, form: forms.Form | None) -> HttpResponse:
    found = knowing.find(form.cleaned_data["term"], by=request.user, at=clock.now())
    if len(found) == 1:
        return HttpResponseRedirect(page_of(found[0]))
    context = admin.site.each_context(request) | {
        "title": "More than one person is known by that", "subtitle": None, "found": [(reference, page_of(reference)) for reference in found],
    }  # fmt: skip
    return TemplateResponse(request, "admin/data_requests/people_found.html", context)


FIND = Act(
    "find_person", "Find a person", knowing.SEE, form=FindForm, danger=False, on_list=True, run=find,
    explain=lambda _nothing: [
        "The page of the person opens with all that is known of them, masked.",
        "That you looked for them, and when, is recorded; what you type here is not.",
    ],
)  # fmt: skip


class PersonPage:
    """Gives a ModelAdmin the page `person/<reference>/`, and the page of a request a button that leads there."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.person_page)
        return [path("person/<str:reference>/", view, name="data_requests_person"), *super().get_urls()]

    def act_buttons(self, request: HttpRequest, obj: Any | None) -> list[dict[str, Any]]:
        buttons = super().act_buttons(request, obj)
        if obj is not None and obj.person_reference and request.user.has_perm(knowing.SEE):
            buttons.append({"label": "All that is known of them", "url": page_of(obj.person_reference), "danger": False, "name": "person"})
        return buttons

    def person_page(self, request: HttpRequest, reference: str) -> HttpResponse:
        """All that is known of the person of that reference."""
        if not request.user.has_perm(knowing.SEE) or not self.has_view_permission(request):
            raise PermissionDenied
        try:
            known = knowing.of(reference, at=clock.now(), count_messages="messages" in request.GET)
        except knowing.NobodyFound:
            raise Http404 from None
        sections = [{"section": one, "rows": [[shown(request, cell) for cell in row] for row in one.rows]} for one in known.sections]
        context = {
            **self.admin_site.each_context(request), "title": f"All that is known of {known.reference}", "subtitle": None, "opts": self.opts,
            "known": known, "sections": sections, "standing": [(label, shown(request, value)) for label, value in known.standing],
            "see_url": self._see_url(request, known), "list_url": reverse("admin:data_requests_datarequest_changelist"),
            "find_url": reverse("admin:data_requests_datarequest_find_person"), "count_url": f"{request.path}?messages=1",
        }  # fmt: skip
        return TemplateResponse(request, "admin/data_requests/person.html", context)

    def _see_url(self, request: HttpRequest, known: knowing.Known) -> str:
        """Where the details are shown once, for a reason."""
        return reverse("admin:accounts_person_see", args=[known.person.pk]) if known.person and request.user.has_perm(SEE_DETAILS) else ""


def shown(request: HttpRequest, value: Any) -> SafeString | str:
    """A cell: a thing links to its page, for who may see that; times, days and numbers as everywhere."""
    if isinstance(value, Model):
        return _linked(request, value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return day(value)
    return number(value) if isinstance(value, int) else str(value)


def _linked(request: HttpRequest, thing: Model) -> SafeString | str:
    about = thing._meta
    if not request.user.has_perm(f"{about.app_label}.view_{about.model_name}"):
        return str(thing)
    try:
        return format_html('<a href="{}">{}</a>', reverse(f"admin:{about.app_label}_{about.model_name}_change", args=[thing.pk]), thing)
    except NoReverseMatch:
        return str(thing)
