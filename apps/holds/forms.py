"""The forms by which counsel places a hold and asks for its release. Whom and what they concern is named by reference."""

from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet

from apps.accounts.models import Organization, Person
from apps.foundation.digests import canonical, sha256
from apps.holds.models import Matter
from apps.holds.services import placing, releasing


class ByReference(forms.ModelChoiceField):
    """A box for a reference, instead of a list of everything there is."""

    def __init__(self, queryset: QuerySet, prefix: str, **more: Any):
        box = forms.TextInput(attrs={"placeholder": f"{prefix}-…", "autocomplete": "off", "maxlength": "20"})
        said = {"invalid_choice": f"There is no {queryset.model._meta.verbose_name} with that reference."}
        super().__init__(queryset, to_field_name="reference", widget=box, error_messages=said, **more)

    def to_python(self, value: Any) -> Any:
        return super().to_python(value.strip().upper() if isinstance(value, str) else value)


def day_box() -> forms.DateInput:
    """A day, by the browser's own calendar."""
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class MatterForm(forms.ModelForm):
    """What a matter is called, and why something has to be kept for it."""

    class Meta:
        model = Matter
        fields = ("title", "reason")
        widgets: ClassVar = {"reason": forms.Textarea(attrs={"rows": 3})}

    def clean_reason(self) -> str:
        return one_line(self.cleaned_data["reason"])


class PlacingForm(forms.Form):
    """What a hold needs. `shown` carries the digest of the values whose meaning was shown."""

    matter = ByReference(Matter.objects.open(), "MAT", help_text="The open matter that needs it.")
    organization = ByReference(
        Organization.objects.all(), "ORG", required=False, help_text="Only messages at this client. Empty: at every client."
    )
    person = ByReference(
        Person.objects.all(), "PER", required=False,
        help_text="Only messages that this person sent or received. Empty: everybody's.",
    )  # fmt: skip
    conversation_source = forms.CharField(
        max_length=40, required=False, label="Conversation: system",
        help_text="The system that hands the messages over, as it names itself, e.g. product or slack.",
    )  # fmt: skip
    conversation_id = forms.CharField(
        max_length=placing.LONGEST_CONVERSATION, required=False, label="Conversation: id",
        help_text="As that system writes it. Only this conversation; needs the client. Empty: all conversations.",
    )  # fmt: skip
    sent_from = forms.DateField(
        required=False, widget=day_box(), label="Sent from", help_text="The first day that is kept (UTC). Empty: from the beginning."
    )
    sent_until = forms.DateField(
        required=False, widget=day_box(), label="Sent before",
        help_text="The day after the last one that is kept (UTC). Empty: also what is still to come.",
    )  # fmt: skip
    reason = forms.CharField(
        max_length=placing.LONGEST_REASON, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Why this has to be kept. Name people by their references.",
    )  # fmt: skip
    shown = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_reason(self) -> str:
        return one_line(self.cleaned_data["reason"])

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        given = {name: value for name, value in self.cleaned_data.items() if name not in ("shown", "conversation_source", "conversation_id")}
        named = placing.Conversation(self.cleaned_data["conversation_source"], self.cleaned_data["conversation_id"])
        return given | {"conversation": named if any(named) else None}

    def digest(self) -> str:
        """The values, as a digest that says nothing of them."""
        values = [str(getattr(value, "pk", value)) for name, value in sorted(self.cleaned_data.items()) if name != "shown"]
        return sha256(canonical(values)).hex()


class ReleaseForm(forms.Form):
    """Why a hold should end."""

    reason = forms.CharField(
        max_length=releasing.LONGEST_REASON, widget=forms.Textarea(attrs={"rows": 3}), label="Why may it end?",
        help_text="Who approves reads this. Name people by their references.",
    )  # fmt: skip

    def clean_reason(self) -> str:
        return one_line(self.cleaned_data["reason"])


def one_line(text: str) -> str:
    """What was typed over several lines, as one."""
    return " ".join(text.split())
