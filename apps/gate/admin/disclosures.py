"""The ledger of what left, for counsel: by recipient, person, purpose, ground and time; and the account of one person, with its files."""

import csv
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.audit.services import ledger
from apps.foundation import clock
from apps.foundation.admin import CovenantAdmin, CovenantTabularInline
from apps.foundation.admin.export import cell
from apps.gate.forms import PersonForm
from apps.gate.models import Disclosure, DisclosureSubject
from apps.gate.services import accounts
from apps.gate.states import Ground, RecipientKind
from apps.policies.vocabulary import CATEGORIES

LISTED = 100
KIND_TONES = {RecipientKind.PROVIDER: "wait", RecipientKind.CLIENT: "ok", RecipientKind.PERSON: "ok"}
HEADINGS = (
    "Disclosure", "Date of the first", "Recipient", "Name of recipient", "Place of recipient", "What it held", "Object", "Purpose", "Ground",
    "Countries", "Patient Information", "Number in the series", "Date of the last",
)  # fmt: skip


class SubjectInline(CovenantTabularInline):
    """The first of those whose data it was, and the consent of each where it left on that."""

    model = DisclosureSubject
    fields = readonly_fields = ("person", "consent")
    masked_fields = ()  # references only
    max_num = 0
    verbose_name_plural = f"Whose data it was (the first {LISTED})"

    def has_view_permission(self, request: HttpRequest, obj: Disclosure | None = None) -> bool:
        return request.user.has_perm("gate.view_disclosure")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Django slices an inline no more once it is filtered by its parent, so the last shown is looked up first."""
        own = DisclosureSubject.objects.filter(disclosure_id=request.resolver_match.kwargs.get("object_id")).order_by("pk")
        last = own.values_list("pk", flat=True)[LISTED - 1 : LISTED].first()
        rows = super().get_queryset(request)
        return rows if last is None else rows.filter(pk__lte=last)

    @admin.display(description="person")
    def person(self, subject: DisclosureSubject) -> SafeString:
        return person_link(subject.person_reference)


def person_link(reference: str) -> SafeString:
    """To the account of what left about somebody."""
    return format_html('<a href="{}">{}</a>', reverse("admin:gate_disclosure_person", args=[reference]), reference)


@admin.register(Disclosure)
class DisclosureAdmin(CovenantAdmin):
    list_display = ("reference", "at", "recipient", "about", "held", "what_for", "patient_information")
    list_filter = ("recipient_kind", "ground", "purpose", "patient_information", "at")
    search_fields = ("=reference", "=recipient", "=about_organization", "=subjects__person_reference", "=consent")
    search_help_text = "By the reference of the disclosure, its recipient, a person or organization that it is about, or the code of a consent."
    sortable_by = ("at",)
    chips = {"recipient_kind": KIND_TONES}
    fieldsets = (
        (None, {"fields": ("reference", "at", "recipient_kind", "recipient", "countries", "exceptions")}),
        ("What", {"fields": ("what", "held", "fields", "patient_information", "digest", "size", "about_kind", "about_organization", "about_count")}),
        ("Why", {"fields": ("purpose", "ground", "grant", "consent", "by")}),
        ("Permit", {"fields": ("permit_link", "used")}),
    )
    readonly_fields = ("held", "permit_link", "used")
    inlines = (SubjectInline,)
    empty_note = "Nothing has left yet. What a service or a task lets out stands here before it leaves."

    @admin.display(description="about")
    def about(self, row: Disclosure) -> str:
        if row.about_organization:
            counted = "" if row.about_count is None else f", {row.about_count:,} people"
            return f"{row.about_organization}{counted}"
        return "1 person" if row.about_count == 1 else f"{row.about_count:,} people"

    @admin.display(description="what it held")
    def held(self, row: Disclosure) -> str:
        return ", ".join(str(CATEGORIES.get(code, code)) for code in row.categories)

    @admin.display(description="what for")
    def what_for(self, row: Disclosure) -> str:
        """In one word, with the consent it rests on; the page of a disclosure says it in full."""
        return f"{row.purpose}, on {row.consent}" if row.consent else row.purpose

    @admin.display(description="permit")
    def permit_link(self, row: Disclosure) -> SafeString | str:
        permit = getattr(row, "permit", None)
        if permit is None:
            return self.get_empty_value_display()
        return format_html('<a href="{}">{}</a>', reverse("admin:gate_permit_change", args=[permit.pk]), permit)

    @admin.display(description="used")
    def used(self, row: Disclosure) -> str:
        permit = getattr(row, "permit", None)
        if permit is None or permit.spent_at is None:
            return "no: what was let out did not leave by it" if permit is None or permit.lapses_at <= clock.now() else "not yet"
        return f"{permit.spent_at:%Y-%m-%d %H:%M} UTC"

    def act_buttons(self, request: HttpRequest, obj: Disclosure | None) -> list[dict]:
        buttons = super().act_buttons(request, obj)
        if obj is None:
            url = reverse("admin:gate_disclosure_people")
            buttons.insert(0, {"label": "Account of one person", "url": url, "danger": False, "name": "people"})
        return buttons

    def get_urls(self) -> list:
        view = self.admin_site.admin_view
        return [
            path("person/", view(self.people_view), name="gate_disclosure_people"),
            path("person/<str:reference>.json", view(self.json_view), name="gate_disclosure_person_json"),
            path("person/<str:reference>.csv", view(self.csv_view), name="gate_disclosure_person_csv"),
            path("person/<str:reference>/", view(self.person_view), name="gate_disclosure_person"),
            *super().get_urls(),
        ]

    # The account of one person

    def people_view(self, request: HttpRequest) -> HttpResponse:
        """Asks for a reference, and leads to the account of that person."""
        self._require_view(request)
        form = PersonForm(request.GET if "person" in request.GET else None)
        if form.is_bound and form.is_valid():
            return HttpResponseRedirect(reverse("admin:gate_disclosure_person", args=[form.cleaned_data["person"]]))
        return TemplateResponse(request, "gate/people.html", self._context(request, "Account of one person") | {"form": form})

    def person_view(self, request: HttpRequest, reference: str) -> HttpResponse:
        """What left about one person in six years: series with their first disclosure in full."""
        self._require_view(request)
        account = self._account(reference)
        if account is None:
            return HttpResponseRedirect(reverse("admin:gate_disclosure_people") + "?person=")
        context = self._context(request, f"Disclosures about {account.person}") | {"account": account, "grounds": dict(Ground.choices)}
        return TemplateResponse(request, "gate/person.html", context)

    def json_view(self, request: HttpRequest, reference: str) -> HttpResponse:
        self._require_view(request)
        account = self._account(reference)
        if account is None:
            return HttpResponse(status=404)
        self._record(request, account)
        answer = JsonResponse(account.as_dict(), json_dumps_params={"indent": 2, "ensure_ascii": False})
        return _as_file(answer, account, "json")

    def csv_view(self, request: HttpRequest, reference: str) -> HttpResponse:
        self._require_view(request)
        account = self._account(reference)
        if account is None:
            return HttpResponse(status=404)
        self._record(request, account)
        answer = HttpResponse(content_type="text/csv; charset=utf-8")
        writer = csv.writer(answer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(HEADINGS)
        writer.writerows(_lines(account))
        return _as_file(answer, account, "csv")

    def _account(self, reference: str) -> accounts.Account | None:
        form = PersonForm({"person": reference})
        return accounts.of_person(form.cleaned_data["person"], at=clock.now()) if form.is_valid() else None

    def _require_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _record(self, request: HttpRequest, account: accounts.Account) -> None:
        """That an account was taken away stands in the ledger before its first byte leaves."""
        with transaction.atomic():
            facts = {"model": "gate.account", "rows": len(account.series)}
            ledger.record("export.made", by=request.user, about=account.person, at=clock.now(), facts=facts)

    def _context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request), "title": title, "subtitle": None, "opts": self.opts,
            "list_url": reverse("admin:gate_disclosure_changelist"),
        }  # fmt: skip


def _lines(account: accounts.Account) -> Iterator[list[str]]:
    for one in account.series:
        yield [cell(value) for value in (
            one.reference, one.first_at, one.recipient, one.recipient_name, one.recipient_place, one.description, one.what,
            one.purpose_in_words, one.ground_in_words, ", ".join(one.countries), one.patient_information, one.number, one.last_at,
        )]  # fmt: skip


def _as_file(answer: HttpResponse, account: accounts.Account, ending: str) -> HttpResponse:
    answer.headers["Content-Disposition"] = f'attachment; filename="disclosures-{account.person}.{ending}"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "no-store"
    return answer
