"""An admin site of the tests' own: real models, small pages, and acts that only count how often they were done."""

from django import forms
from django.contrib import admin
from django.urls import include, path

from apps.accounts.models import Organization, Person, PersonEmail
from apps.audit.models import Event, JournalEntry
from apps.foundation.admin import Act, CovenantAdmin, CovenantStackedInline, ShowOnce
from apps.foundation.refusals import Refusal
from config.admin_site_class import CovenantAdminSite

DONE: list[str] = []  # what the acts of this site did


class TooLate(Refusal):
    """It is too late for that."""

    code = "too_late"
    mend = "Do it earlier tomorrow."


class ReasonForm(forms.Form):
    reason = forms.ChoiceField(choices=[("asked", "asked for"), ("found", "found")])


def retry(request, obj, form):
    DONE.append(f"retry {obj}")
    return "It was tried again."


def refuse(request, obj, form):
    raise TooLate


def sweep(request, obj, form):
    DONE.append("sweep")
    return "All was swept."


def note(request, obj, form):
    DONE.append(f"note {form.cleaned_data['reason']}")
    return ""


class EventAdmin(CovenantAdmin):
    list_display = ("id", "at", "verb", "object", "facts")
    sortable_by = ("verb", "at")
    search_fields = ("=object", "=verb")
    list_filter = ("at",)
    list_per_page = 4
    empty_note = "Nothing was done yet."
    actions = ("nobody_said_for_whom",)

    @admin.action(description="An action without a permission")
    def nobody_said_for_whom(self, request, queryset):
        DONE.append("action")


class JournalEntryAdmin(CovenantAdmin):
    list_display = ("kind", "about", "sequence", "created_at")
    sortable_by = ("sequence", "kind")
    list_per_page = 4


class OrganizationAdmin(CovenantAdmin):
    list_display = ("reference", "name", "country", "contact_name", "contact_email", "contact_phone", "policy_version")
    list_filter = ("standing", "hipaa_covered", "policy_version")
    search_fields = ("=reference", "name")
    sortable_by = ("name", "country")
    fields = ("reference", "name", "contact_name", "contact_email", "contact_phone", "registered_at", "standing")
    readonly_fields = ("reference", "registered_at")
    chips = {"standing": {"active": "ok"}}
    list_per_page = 4
    acts = (
        Act("retry", "Try again", "retention.retry_destruction", lambda obj: [f"{obj} is tried again."], retry),
        Act("refuse", "Be refused", "retention.retry_destruction", lambda obj: ["It is refused."], refuse, danger=False),
        Act("never", "Never here", "retention.retry_destruction", lambda obj: [], retry, applies=lambda obj: False),
        Act("sweep", "Sweep now", "retention.sweep_now", lambda _: ["All is swept."], sweep, on_list=True),
        Act("note", "Note it", "retention.retry_destruction", lambda obj: ["It is noted."], note, form=ReasonForm),
        Act("show", "Show it", "retention.retry_destruction", lambda obj: ["It is shown."],
            lambda request, obj, form: ShowOnce("The token", "Copy it.", "sesame")),
    )  # fmt: skip

    def save_model(self, request, obj, form, change):
        if obj.name == "Refused Inc":
            raise TooLate
        super().save_model(request, obj, form, change)


class PersonEmailInline(CovenantStackedInline):
    model = PersonEmail
    fields = ("address",)


class PersonAdmin(CovenantAdmin):
    list_display = ("reference", "given_name", "family_name", "birth_date", "organization")
    search_fields = ("=reference", "given_name", "family_name", "=emails__normalised")
    list_filter = ("organization",)
    fields = ("given_name", "family_name", "birth_date", "organization", "standing")
    inlines = (PersonEmailInline,)
    reveal_permission = "accounts.reveal_person"
    list_per_page = 4


class SmallSite(CovenantAdminSite):
    """Without the panels, whose links lead to pages that are not registered here."""

    panels = ()


site = SmallSite(name="admin")
site.register(Event, EventAdmin)
site.register(JournalEntry, JournalEntryAdmin)
site.register(Organization, OrganizationAdmin)
site.register(Person, PersonAdmin)

urlpatterns = [
    path("admin/", site.urls),
    path("account/", include("allauth.urls")),
    path("staff/", include("apps.staff.urls")),
    path("", include("apps.policies.urls")),
]
