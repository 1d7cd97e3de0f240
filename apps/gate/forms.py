"""The forms by which staff look up what left about one person, ask for an exception, and confirm an erasure. People are named by reference."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms

from apps.accounts.places import COUNTRIES
from apps.gate.api import PREFIXES
from apps.gate.package import Recipient
from apps.gate.services.exceptions import LONGEST_REASON
from apps.gate.services.rules import HOME
from apps.gate.services.withdrawals import LONGEST_EVIDENCE

OTHERS = sorted(COUNTRIES - {HOME})


def day_box() -> forms.DateInput:
    """A day, by the browser's own calendar."""
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def reference_box(prefix: str) -> forms.TextInput:
    return forms.TextInput(attrs={"placeholder": f"{prefix}-…", "autocomplete": "off", "maxlength": "20"})


class PersonForm(forms.Form):
    """Whose account is wanted."""

    person = forms.RegexField(
        r"^PER-[0-9A-Z]{7}$", max_length=20, widget=reference_box("PER"), help_text="By reference, also of somebody who was erased.",
        error_messages={"invalid": "A person's reference reads like PER-7F3K2MP."},
    )  # fmt: skip

    def __init__(self, data: Any = None):
        super().__init__({"person": data.get("person", "").strip().upper()} if data else None)


class ExceptionForm(forms.Form):
    """What an exception needs."""

    recipient = forms.CharField(max_length=20, widget=reference_box("PRV"), help_text="The provider or client that gets it, by reference.")
    country = forms.ChoiceField(choices=[(code, code) for code in OTHERS], help_text="Where it goes, as a code of two letters.")
    starts_on = forms.DateField(widget=day_box(), label="From", help_text="Its first day (UTC); today at the earliest.")
    ends_on = forms.DateField(widget=day_box(), label="Until", help_text="The day after its last (UTC); a year at most. It ends by itself.")
    reason = forms.CharField(
        max_length=LONGEST_REASON, widget=forms.Textarea(attrs={"rows": 3}), label="Why it has to leave the United States",
        help_text="A second person decides on it. Name people by their references.",
    )  # fmt: skip

    def clean_reason(self) -> str:
        return " ".join(self.cleaned_data["reason"].split())

    def clean_recipient(self) -> Recipient:
        reference = self.cleaned_data["recipient"].strip().upper()
        recipient = Recipient(PREFIXES.get(reference[:3], ""), reference)
        if not recipient.is_sound:
            raise forms.ValidationError("A reference reads like PRV-7F3K2MP or ORG-7F3K2MP.")
        return recipient

    def values(self, at: datetime) -> dict[str, Any]:
        """What the service takes. What begins today begins now."""
        given = dict(self.cleaned_data)
        starts, ends = (datetime.combine(given.pop(name), time(0), UTC) for name in ("starts_on", "ends_on"))
        begins_today = starts <= at < starts + timedelta(days=1)
        return given | {"starts_at": at if begins_today else starts, "ends_at": ends}


class ErasureForm(forms.Form):
    """Where a recipient's confirmation lies."""

    evidence = forms.CharField(
        max_length=LONGEST_EVIDENCE, label="Where is its confirmation?", help_text="E.g. its letter of March 3, in the contract folder. Name nobody."
    )
