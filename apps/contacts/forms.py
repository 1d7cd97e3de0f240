"""What people send from their preference page. What is wrong is said once, in one sentence, on top of the page."""

from typing import Any

from django import forms

from apps.consents.purposes import CALENDAR, CONTACTS
from apps.contacts.services import lending
from apps.foundation.refusals import Refusal


class LentNotComplete(Refusal):
    """Something is missing on the form."""

    code = "lent_not_complete"
    mend = "Fill in what is missing and send it again."


class KindForm(forms.Form):
    """Address book or calendar."""

    kind = forms.ChoiceField(choices=[(CONTACTS, "an address book"), (CALENDAR, "a calendar")])


class FileForm(KindForm):
    """A file from the person's device."""

    file = forms.FileField(max_length=255, allow_empty_file=True)


class AddressForm(KindForm):
    """Where a book or calendar lies, and how we are let in."""

    address = forms.CharField(max_length=lending.LONGEST_ADDRESS)
    user = forms.CharField(max_length=lending.LONGEST_LOGIN, required=False)
    password = forms.CharField(max_length=lending.LONGEST_LOGIN, required=False, strip=False)


class RenewForm(forms.Form):
    """Another name and password for an address."""

    user = forms.CharField(max_length=lending.LONGEST_LOGIN, required=False)
    password = forms.CharField(max_length=lending.LONGEST_LOGIN, required=False, strip=False)


#: which field lacks, in the words of the page
MISSING = {"kind": "whether it is an address book or a calendar", "file": "the file", "address": "the address", "user": "the name", "password": "the password"}


def cleaned(form: forms.Form) -> dict[str, Any]:
    """What the form holds. Raises LentNotComplete, which names the field and repeats nothing."""
    if not form.is_valid():
        field = next(iter(form.errors))
        raise LentNotComplete(f"We can't use this: look at {MISSING.get(field, 'the form')}.")
    return form.cleaned_data
