"""What visitors type and click on the public pages of consents."""

from django import forms


class AddressForm(forms.Form):
    """Where the link goes to."""

    email = forms.EmailField(
        label="Your e-mail address", max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false", "autocapitalize": "none"}),
        error_messages={"required": "Type your e-mail address.", "invalid": "That is no e-mail address: it reads like name@example.org."},
    )  # fmt: skip
