"""Organizations, people and service tokens as staff see them. Personal fields are masked for everybody.

Two ways lead past the masks, both recorded: seeing a person's details once, for a stated reason, in one answer that nothing
keeps; and opening a page for changing, for those whose role allows it. The services decide; nothing is decided here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from apps.accounts import details
from apps.accounts.forms import (
    ClosingForm,
    EmailForm,
    IdentityForm,
    MinorForm,
    NewPersonForm,
    OrganizationForm,
    PersonForm,
    PhoneForm,
    ReasonForm,
    TokenForm,
)  # fmt: skip
from apps.accounts.models import (
    ExternalIdentity,
    Organization,
    Person,
    PersonEmail,
    PersonPhone,
    ServiceToken,
)
from apps.accounts.services import amending, closing, looking, minors, registration, tokens
from apps.accounts.states import (
    ArchiveEntitlement,
    OrganizationStanding,
    PersonStanding,
)
from apps.audit.history import ScopedHistoryAdmin
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, CovenantStackedInline, ShowOnce
from apps.foundation.refusals import Refusal

ARCHIVE_TONES = {
    ArchiveEntitlement.NONE: "plain", ArchiveEntitlement.HOSTED: "ok", ArchiveEntitlement.OWN_SERVER: "ok",
    ArchiveEntitlement.BOTH: "ok",
}  # fmt: skip

#: what no form asks for
WRITTEN_BY_US = ("reference", "standing", "registered_at", "policy_version")
WHO_IS_WRITTEN_TO = "Who we write to about this client."
WHAT_AN_ARCHIVE_CHANGES = (
    "A change counts from the moment it is saved, and is recorded with what it was before. Where an archive is added, all "
    "messages that are still here are owed to it. Where it is taken away, what came in before stays owed."
)


def _name(item: Any) -> str:
    """The field behind an item of a fieldset, which may be its name or a column."""
    return getattr(item, "field_name", item)


def what_seeing_does(_subject: Any) -> list[str]:
    """The sentences of the page that asks for the reason."""
    return [
        "The details are shown once, on the next page. They are not kept in your session, and your browser is told not to store them.",
        "That you looked, when, at which fields and for which reason is recorded for good.",
    ]


def seen(request: HttpRequest, subject: Any, values: list[tuple[str, str]], back: str) -> HttpResponse:
    site = admin.site.each_context(request)
    context = {**site, "title": f"Details of {subject}", "subtitle": None, "values": values, "back_url": back, "object": subject}
    response = TemplateResponse(request, "accounts/seen.html", context | {"opts": subject._meta})
    response.headers["Cache-Control"] = "no-store, private"
    return response


def see_person(request: HttpRequest, person: Person, form: forms.Form | None) -> HttpResponse:
    values = looking.reveal(person=person, reason=form.cleaned_data["reason"], by=request.user, at=clock.now())
    return seen(request, person, values, reverse("admin:accounts_person_change", args=[person.pk]))


def see_contact(request: HttpRequest, organization: Organization, form: forms.Form | None) -> HttpResponse:
    reason = form.cleaned_data["reason"]
    values = looking.reveal_contact(organization=organization, reason=reason, by=request.user, at=clock.now())
    return seen(request, organization, values, reverse("admin:accounts_organization_change", args=[organization.pk]))


class OpenedForChange:
    """Pages whose personal fields open for changing, recorded as a look, for who may change them."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        """On the page that registers somebody there is nothing yet of what we write ourselves."""
        declared = super().get_fieldsets(request, obj)
        if obj is not None:
            return declared
        asked = [
            (title, {**options, "fields": [item for item in options["fields"] if _name(item) not in (*WRITTEN_BY_US, "closed_at")]})
            for title, options in declared
        ]
        return [(title, options) for title, options in asked if options["fields"]]

    def record_reveal(self, request: HttpRequest, obj: Any, at: datetime) -> None:
        looking.view_for_change(subject=obj, by=request.user, at=at)


@admin.register(Organization)
class OrganizationAdmin(OpenedForChange, ScopedHistoryAdmin, CovenantAdmin):
    form = OrganizationForm
    list_display = (
        "reference", "name", "country", "hipaa_covered", "archive_entitlement", "contact_name", "standing", "registered_at",
    )  # fmt: skip
    list_filter = ("archive_entitlement", "hipaa_covered", "standing")
    search_fields = ("=reference", "name")
    search_help_text = "By reference, or by a part of the name."
    chips = {
        "archive_entitlement": ARCHIVE_TONES,
        "standing": {OrganizationStanding.ACTIVE: "ok", OrganizationStanding.DEPARTED: "plain"},
    }
    readonly_fields = WRITTEN_BY_US
    fieldsets = (
        (None, {"fields": ("reference", "name", "country", "hipaa_covered")}),
        ("Archive", {"fields": ("archive_entitlement",), "description": WHAT_AN_ARCHIVE_CHANGES}),
        ("Contact", {"fields": ("contact_name", "contact_email", "contact_phone"), "description": WHO_IS_WRITTEN_TO}),
        ("Registration", {"fields": ("standing", "registered_at", "policy_version")}),
    )
    empty_note = "No organization is registered yet. Its service registers it, or a records manager adds it here."
    reveal_permission = "accounts.change_organization"
    acts = (
        Act(
            "see", "See the contact", "accounts.reveal_person",
            explain=what_seeing_does, run=see_contact, form=ReasonForm, danger=False,
        ),
    )  # fmt: skip

    def save_model(self, request: HttpRequest, obj: Organization, form: forms.ModelForm, change: bool) -> None:
        if change:
            amending.amend_organization(
                organization=obj, changes=form.cleaned_data, by=request.user, at=clock.now()
            )
            return
        saved = registration.register_organization(**form.cleaned_data, by=request.user, at=clock.now())
        obj.pk, obj.reference = saved.pk, saved.reference


class EmailInline(CovenantStackedInline):
    model = PersonEmail
    verbose_name, verbose_name_plural = "e-mail", "e-mails"
    form = EmailForm
    fields = ("address",)
    deletable = True
    extra = 1


class PhoneInline(CovenantStackedInline):
    model = PersonPhone
    verbose_name, verbose_name_plural = "phone", "phones"
    form = PhoneForm
    fields = ("number",)
    deletable = True
    extra = 1


class IdentityInline(CovenantStackedInline):
    model = ExternalIdentity
    verbose_name, verbose_name_plural = "name in another system", "names in other systems"
    form = IdentityForm
    fields = ("source", "external_id")
    deletable = True
    extra = 1


def what_reporting_does(person: Person) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    return [
        f"{person} is suspended now: nothing is done for them, and nothing leaves on a consent of theirs.",
        f"A case is opened. Within {settings.MINOR_REMOVAL_DAYS} days a representative is verified, or the minor is removed with their data.",
        "If it turns out that they are no minor, a compliance officer closes the case, and the registration goes on.",
    ]


def report_minor(request: HttpRequest, person: Person, form: forms.Form | None) -> str:
    case = minors.report(person=person, how=form.cleaned_data["how"], by=request.user, at=clock.now())
    return f"{case} is open, and {person} is suspended."


def what_closing_does(person: Person) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    return [
        f"The registration of {person} is closed now and for good: nothing is done for them any more.",
        "A request that erases them begins by itself. A second person approves it before anything is erased.",
        "Within 60 days their personal information is out of the active service.",
    ]


def close_person(request: HttpRequest, person: Person, form: forms.Form | None) -> str:
    closing.close_person(person=person, how=form.cleaned_data["how"], by=request.user, at=clock.now())
    return f"The registration of {person} is closed."


@admin.register(Person)
class PersonAdmin(OpenedForChange, ScopedHistoryAdmin, CovenantAdmin):
    list_display = ("reference", "given_name", "family_name", "organization", "standing", "registered_at")
    list_filter = ("organization", "standing")
    list_select_related = ("organization",)
    search_fields = (
        "=reference", "given_name", "family_name", "emails__normalised__exact", "phones__number__exact",
        "identities__external_id__exact",
    )  # fmt: skip
    search_help_text = "By reference, a part of the name, or the whole e-mail address, phone number or external id."
    chips = {
        "standing": {PersonStanding.ACTIVE: "ok", PersonStanding.SUSPENDED: "warn", PersonStanding.CLOSED: "plain"},
    }
    readonly_fields = (*WRITTEN_BY_US, "closed_at")
    fieldsets = (
        (None, {"fields": ("reference", "organization")}),
        ("Who they are", {"fields": ("given_name", "family_name", "birth_date")}),
        ("Where they live", {"fields": ("street", "city", "postal_code", "state", "country")}),
        ("Registration", {"fields": ("standing", "registered_at", "closed_at", "policy_version")}),
    )
    inlines = (EmailInline, PhoneInline, IdentityInline)
    empty_note = "Nobody is registered yet. Services register people, or a privacy analyst adds them here."
    reveal_permission = "accounts.change_person"
    acts = (
        Act(
            "see", "See personal details", "accounts.reveal_person",
            explain=what_seeing_does, run=see_person, form=ReasonForm, danger=False,
        ),
        Act(
            "minor", "This is a minor", "accounts.open_minorcase",
            explain=what_reporting_does, run=report_minor, form=MinorForm, applies=lambda person: person.standing == PersonStanding.ACTIVE,
        ),
        Act(
            "close", "Cancel the registration", closing.CLOSE,
            explain=what_closing_does, run=close_person, form=ClosingForm, applies=lambda person: person.standing != PersonStanding.CLOSED,
        ),
    )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        shown = super().get_fieldsets(request, obj)
        return shown if obj is not None else [*shown, ("Below 18", {"fields": ("representative",)})]

    def has_change_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:
        """A masked page has nothing to change. What is sent from a page that closed meanwhile is refused with its reason."""
        masked = obj is not None and request.method == "GET" and self.fields_are_masked(request, obj)
        return not masked and super().has_change_permission(request, obj)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return super().get_search_results(request, queryset, as_stored(search_term))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type:
        return super().get_form(request, obj, change, **({"form": PersonForm if change else NewPersonForm} | kwargs))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        declared = list(super().get_readonly_fields(request, obj))
        return declared if obj is None else [*declared, self.column("organization")]

    def save_model(self, request: HttpRequest, obj: Person, form: forms.ModelForm, change: bool) -> None:
        at = clock.now()
        if change:
            amending.amend_person(person=obj, changes=form.cleaned_data, by=request.user, at=at)
            if case := obj.minor_cases.open().first():
                messages.warning(request, f"{obj} is suspended: {case} about a minor without a representative is open.")
            return
        person = registration.register_person(**form.cleaned_data, by=request.user, at=at)
        obj.pk, obj.reference = person.pk, person.reference

    def save_formset(self, request: HttpRequest, form: forms.ModelForm, formset: Any, change: bool) -> None:
        """What came is added, what went is removed; what changed is both, for it is collected anew."""
        at, person = clock.now(), form.instance
        formset.save(commit=False)
        for row in [*formset.deleted_objects, *(row for row, _fields in formset.changed_objects)]:
            amending.remove(row=type(row).objects.get(pk=row.pk), by=request.user, at=at)
        for row in [*(row for row, _fields in formset.changed_objects), *formset.new_objects]:
            row.pk = _add(person, row, by=request.user, at=at).pk


def _add(person: Person, row: Any, *, by: Any, at: datetime) -> Any:
    if isinstance(row, PersonEmail):
        return amending.add_email(person=person, address=row.address, by=by, at=at)
    if isinstance(row, PersonPhone):
        return amending.add_phone(person=person, number=row.number, by=by, at=at)
    return amending.add_identity(person=person, source=row.source, external_id=row.external_id, by=by, at=at)


def as_stored(term: str) -> str:
    """A search term the way addresses and numbers are stored; anything else as it is."""
    if "@" in term and " " not in term.strip():
        return details.normalise_email(term)
    if term.strip()[:1] in "+(0123456789" and sum(sign.isdigit() for sign in term) > 6:
        try:
            return details.phone(term, region="US")
        except Refusal:
            return term
    return term


def what_issuing_does(_nothing: None) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    return [
        "A service that shows the token may do what you choose below, from the moment you confirm.",
        "The token is shown once, on the next page. We keep only a fingerprint of it and can't show it again.",
    ]


def issue(request: HttpRequest, _nothing: None, form: forms.Form | None) -> ShowOnce:
    token, words = tokens.issue(**form.cleaned_data, by=request.user, at=clock.now())
    return ShowOnce(
        title=f"The token {token.reference}", secret=words,
        text="Give it to the service over a safe channel. It is sent as “Authorization: Bearer …”.",
    )  # fmt: skip


def what_revoking_does(token: ServiceToken) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    used = f"It was last used on {token.last_used_on:%Y-%m-%d}." if token.last_used_on else "It was never used."
    return [
        f"The service “{token.name}” is refused from the moment you confirm, also in the middle of its work.",
        used,
        "This can't be undone. A service that still needs access gets a new token.",
    ]


def revoke(request: HttpRequest, token: ServiceToken, form: forms.Form | None) -> str:
    tokens.revoke(token=token, by=request.user, at=clock.now())
    return f"{token.reference} is revoked."


@admin.register(ServiceToken)
class ServiceTokenAdmin(CovenantAdmin):
    list_display = ("reference", "name", "scopes_in_words", "organization", "created_at", "last_used_on", "revoked_at")
    list_filter = ("organization",)
    list_select_related = ("organization",)
    search_fields = ("=reference", "name")
    fields = (
        "reference", "name", "scopes_in_words", "organization", "created_at", "created_by", "last_used_on", "revoked_at",
    )  # fmt: skip
    readonly_fields = fields
    empty_note = "No service has a token yet, so none can send us anything. An administrator issues tokens here."
    acts = (
        Act(
            "issue", "Issue a token", "accounts.add_servicetoken",
            explain=what_issuing_does, run=issue, form=TokenForm, danger=False, on_list=True,
        ),
        Act(
            "revoke", "Revoke", "accounts.revoke_servicetoken",
            explain=what_revoking_does, run=revoke, applies=lambda token: token.revoked_at is None,
        ),
    )  # fmt: skip

    @admin.display(description="may")
    def scopes_in_words(self, token: ServiceToken) -> str:
        labels = dict(ServiceToken.SCOPES)
        return ", ".join(labels.get(scope, scope) for scope in token.scopes)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only by the act: a stock form could not show the token once and nowhere else."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
