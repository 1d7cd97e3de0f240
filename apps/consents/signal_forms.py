"""The form by which staff ask for a switch for browser signals."""

from datetime import UTC, datetime
from typing import Any

from django import forms

from apps.consents.services.switching import LONGEST_REASON


class SwitchForm(forms.Form):
    """Whether Global Privacy Control is honoured, from when on, and why."""

    is_honoured = forms.TypedChoiceField(
        label="Global Privacy Control", coerce=lambda text: text == "yes", widget=forms.RadioSelect,
        choices=[("yes", "is honoured: it counts as a no to disclosures that nobody decided on"), ("no", "is noted and not acted on")],
    )  # fmt: skip
    from_at = forms.DateTimeField(
        label="From", required=False, input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="In UTC. Empty: from its approval on.",
    )  # fmt: skip
    reason = forms.CharField(
        max_length=LONGEST_REASON, widget=forms.Textarea(attrs={"rows": 3}), label="Why",
        help_text="A second person decides on it. Name people by their references.",
    )  # fmt: skip

    def clean_reason(self) -> str:
        return " ".join(self.cleaned_data["reason"].split())

    def values(self, at: datetime) -> dict[str, Any]:
        """What the verb takes; without a moment it counts from its approval on."""
        from_at = self.cleaned_data["from_at"]
        return {
            "is_honoured": self.cleaned_data["is_honoured"], "reason": self.cleaned_data["reason"],
            "from_at": from_at.replace(tzinfo=UTC) if from_at else at,
        }  # fmt: skip
