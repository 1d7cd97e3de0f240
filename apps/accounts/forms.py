"""The forms by which staff register and amend organizations and people, and issue tokens.

Every field shows whether it is optional and what is lost without it: the sentence comes from the model's own declaration.
A refusal of a single detail is shown beside its field.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms

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
    """A box for an organization's reference instead of a list of every organization there is."""

    widget = forms.TextInput(attrs={"placeholder": "ORG-…", "autocomplete": "off", "maxlength": "20"})
    default_error_messages: ClassVar = {"invalid_choice": "There is no organization with that reference."}

    def __init__(self, **more: Any):
        super().__init__(queryset=Organization.objects.all(), to_field_name="reference", **more)

    def to_python(self, value: Any) -> Organization | None:
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
        return checked(details.adult_birth_date, born, on=day_of(clock.now()))

    def clean_state(self) -> str:
        return checked(details.us_state, self.cleaned_data["state"])

    def clean_country(self) -> str:
        return checked(details.country, self.cleaned_data["country"], optional=True)


class NewPersonForm(PersonForm):
    """Registering somebody: the organization is named by its reference."""

    organization = ByReference(
        required=False,
        help_text="The reference of the client they belong to. Leave it empty for somebody who registers by themself.",
    )

    class Meta(PersonForm.Meta):
        fields = ("organization", *PersonForm.Meta.fields)


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
