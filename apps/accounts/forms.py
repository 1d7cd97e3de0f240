"""The forms by which staff register and amend organizations, people and who acts for minors, and issue tokens.

Every field shows whether it is optional and what is lost without it: the sentence comes from the model's own declaration.
A refusal of a single detail is shown beside its field.
"""

from collections.abc import Callable
from typing import Any

from django import forms
from django.db import models

from apps.accounts import details
from apps.accounts.models import (
    ExternalIdentity,
    Organization,
    Person,
    PersonEmail,
    PersonPhone,
    ServiceToken,
)
from apps.accounts.services.looking import Reason
from apps.accounts.states import Authority, ClosedHow, EndReason, FoundOut, RejectionReason
from apps.foundation import clock
from apps.foundation.clock import day_of
from apps.foundation.refusals import Refusal


def checked(clean: Callable[..., Any], *values: Any, **more: Any) -> Any:
    """The cleaned value, or the refusal as the error of a form field."""
    try:
        return clean(*values, **more)
    except Refusal as refusal:
        raise forms.ValidationError(f"{refusal.what} {refusal.mend}") from refusal


class OrganizationForm(forms.ModelForm):
    """Country and contact are checked field by field; what belongs together is the service's."""

    class Meta:
        model = Organization
        fields = (
            "name", "country", "hipaa_covered", "archive_entitlement", "contact_name", "contact_email", "contact_phone",
        )  # fmt: skip

    def clean_country(self) -> str:
        return checked(details.country, self.cleaned_data["country"])

    def clean_contact_email(self) -> str:
        return checked(details.email, self.cleaned_data["contact_email"])

    def clean_contact_phone(self) -> str:
        number = self.cleaned_data["contact_phone"]
        region = self.cleaned_data.get("country") or self.instance.country
        return checked(details.phone, number, region=region) if number else ""


class ByReference(forms.ModelChoiceField):
    """A box for a reference instead of a list of everything there is."""

    widget = forms.TextInput(attrs={"placeholder": "ORG-…", "autocomplete": "off", "maxlength": "20"})

    def __init__(self, model: type[models.Model] = Organization, prefix: str = "ORG", **more: Any):
        super().__init__(queryset=model.objects.all(), to_field_name="reference", **more)
        self.widget.attrs["placeholder"] = f"{prefix}-…"
        self.error_messages["invalid_choice"] = f"There is no {model._meta.verbose_name} with that reference."

    def to_python(self, value: Any) -> models.Model | None:
        return super().to_python(value.strip().upper() if isinstance(value, str) else value)


class PersonForm(forms.ModelForm):
    """The details of a person."""

    class Meta:
        model = Person
        fields = ("given_name", "family_name", "birth_date", "street", "city", "postal_code", "state", "country")

    def clean_birth_date(self):
        born = self.cleaned_data["birth_date"]
        if born == self.instance.birth_date:
            return born
        return checked(details.birth_date, born, on=day_of(clock.now()))

    def clean_state(self) -> str:
        return checked(details.us_state, self.cleaned_data["state"])

    def clean_country(self) -> str:
        return checked(details.country, self.cleaned_data["country"], optional=True)


class NewPersonForm(PersonForm):
    """Registering somebody: the organization, and who acts for somebody below 18, are named by their references."""

    organization = ByReference(
        required=False,
        help_text="The reference of the client they belong to. Leave it empty for somebody who registers by themself.",
    )

    representative = forms.CharField(
        required=False, max_length=20, strip=True, widget=forms.TextInput(attrs={"placeholder": "REP-…", "autocomplete": "off"}),
        help_text="Optional. Without it: nobody below 18 is registered. The reference of the verified representative who acts for them.",
    )  # fmt: skip

    class Meta(PersonForm.Meta):
        fields = ("organization", *PersonForm.Meta.fields)

    def clean_representative(self) -> str:
        return self.cleaned_data["representative"].upper()


class EmailForm(forms.ModelForm):
    """One address of a person."""

    class Meta:
        model = PersonEmail
        fields = ("address",)

    def clean_address(self) -> str:
        return checked(details.email, self.cleaned_data["address"])


class PhoneForm(forms.ModelForm):
    """One number of a person, in the national form of their country too."""

    number = forms.CharField(max_length=40, label="Phone", help_text=PersonPhone._meta.get_field("number").help_text)

    class Meta:
        model = PersonPhone
        fields = ("number",)

    def clean_number(self) -> str:
        return checked(details.phone, self.cleaned_data["number"], region=self._region())

    def _region(self) -> str:
        person = self.instance.person if self.instance.person_id else None
        if person is None:
            return "US"
        return person.country or (person.organization.country if person.organization else "US")


class IdentityForm(forms.ModelForm):
    """How another system names a person."""

    class Meta:
        model = ExternalIdentity
        fields = ("source", "external_id")


class ReasonForm(forms.Form):
    """Why somebody's details have to be seen; it is recorded with the look."""

    reason = forms.ChoiceField(
        choices=[("", "Choose the reason that fits"), *Reason.choices], label="Why do you need to see this?"
    )


class MinorForm(forms.Form):
    """How it became known that somebody is below 18."""

    how = forms.ChoiceField(
        choices=[("", "Choose what fits"), *((way.value, way.label) for way in (FoundOut.REPORT, FoundOut.STAFF))], label="How do you know?"
    )


class ClosingForm(forms.Form):
    """By whose wish a registration ends."""

    how = forms.ChoiceField(choices=[("", "Choose what is true"), *ClosedHow.choices], label="Why does it end?")


class RepresentativeForm(forms.Form):
    """Who wants to act for somebody below 18, with the document that proves it."""

    full_name = forms.CharField(max_length=120, label="Name of the representative")
    email = forms.CharField(max_length=254, label="E-mail of the representative", help_text="How we reach them about the child.")
    authority = forms.ChoiceField(choices=Authority.choices, label="On what authority")
    person = ByReference(
        Person, "PER", required=False, label="Acts for", help_text="The reference of somebody who is registered already. Else name the child below."
    )
    minor_given_name = forms.CharField(
        required=False, max_length=80, label="Given name of the child", help_text="Of a child who is to be registered. It goes once that is done."
    )
    minor_birth_date = forms.DateField(
        required=False, widget=forms.DateInput(attrs={"type": "date"}), label="Date of birth of the child", help_text="Of a child who is to be registered."
    )
    valid_from = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), label="From", help_text="Its first day, UTC.")
    valid_until = forms.DateField(
        required=False, widget=forms.DateInput(attrs={"type": "date"}), label="Until",
        help_text="The day after its last, UTC. Empty: until the 18th birthday.",
    )  # fmt: skip
    document = forms.FileField(
        widget=forms.FileInput(attrs={"accept": "application/pdf,image/png,image/jpeg"}), label="Document",
        help_text="What proves the authority, as PDF, PNG or JPEG. It is kept encrypted, and destroyed some days after the decision.",
    )  # fmt: skip

    def clean_email(self) -> str:
        return checked(details.email, self.cleaned_data["email"])

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        named = [bool(given.get("person")), bool(given.get("minor_given_name") or given.get("minor_birth_date"))]
        if not self.errors and named.count(True) != 1:
            raise forms.ValidationError("Name either a person who is registered, or a child who is to be, with given name and date of birth.")
        return given

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "document"}
        return given | {"content": self.cleaned_data["document"].read()}


class CheckedForm(forms.Form):
    """What whoever checks a document has to have found in it."""

    is_readable = forms.BooleanField(label="The document can be read, and is not out of date.")
    names_both = forms.BooleanField(label="It names the child and the representative as they are registered here.")
    shows_authority = forms.BooleanField(label="It shows the authority that is claimed.")


class RejectionForm(forms.Form):
    reason = forms.ChoiceField(choices=[("", "Choose the reason that fits"), *RejectionReason.choices], label="Why is it rejected?")


class EndForm(forms.Form):
    reason = forms.ChoiceField(choices=[("", "Choose the reason that fits"), *EndReason.choices], label="Why does it end?")


class TokenForm(forms.Form):
    """A new token of a sending service."""

    name = forms.CharField(
        max_length=80, label="Service", help_text="Which system will use it, e.g. messaging-us-1. Not the name of a person."
    )
    scopes = forms.MultipleChoiceField(
        choices=ServiceToken.SCOPES, widget=forms.CheckboxSelectMultiple, label="It may",
        help_text="Choose no more than the service needs.",
    )  # fmt: skip
    organization = ByReference(
        required=False, help_text="Limits the token to one organization, by its reference. Empty: all organizations."
    )
