"""What staff choose on the page of what came in."""

from django import forms

from apps.data_requests.services.sorting import DropReason


class DropForm(forms.Form):
    """Why it becomes no request."""

    reason = forms.ChoiceField(label="Why", choices=[("", "Choose why"), *DropReason.choices])
