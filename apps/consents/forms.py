"""The forms by which staff propose a purpose, draft its text, take a person's word, and ask what stood at a past time."""

from datetime import UTC
from typing import Any, ClassVar

from django import forms

from apps.consents.models import ConsentPurpose, PurposeText
from apps.consents.services import texts
from apps.policies.vocabulary import CATEGORIES, DisclosurePurpose


class PurposeForm(forms.ModelForm):
    """A further purpose, under which data goes to somebody. What we collect ourselves comes with the software."""

    class Meta:
        model = ConsentPurpose
        fields = ("code", "title", "recipient", "disclosure_purpose")

    recipient = forms.RegexField(
        r"^PRV-[0-9A-Z]{7}$", label="Goes to", help_text="The service provider that would get the data, by reference, e.g. PRV-7F3K2MP."
    )
    disclosure_purpose = forms.ChoiceField(choices=DisclosurePurpose.choices, label="What it is used for there")


class TextForm(forms.Form):
    """What a person reads before they say yes or no. It starts with the words of the last text."""

    words = forms.CharField(
        max_length=1000, label="What for", widget=forms.Textarea(attrs={"rows": 4}), help_text="Plain language, a few sentences."
    )
    collected = forms.CharField(max_length=1000, label="What is collected", widget=forms.Textarea(attrs={"rows": 4}))
    lost_without = forms.CharField(max_length=500, label="What is lost without it", widget=forms.Textarea(attrs={"rows": 3}))
    categories = forms.MultipleChoiceField(
        choices=[(code, category.value) for code, category in CATEGORIES.items()], widget=forms.CheckboxSelectMultiple,
        help_text="What the text covers, and nothing else: it is all that may be collected or leave under it.",
    )  # fmt: skip
    months = forms.IntegerField(
        min_value=1, max_value=texts.LONGEST_LIFE_MONTHS, required=False, label="Lasts months",
        help_text="After so many months a consent ends by itself. Empty: until it is withdrawn.",
    )  # fmt: skip

    LIKE_THE_LAST: ClassVar = ("words", "collected", "lost_without", "categories", "months")

    @classmethod
    def of(cls, purpose: ConsentPurpose) -> dict[str, Any]:
        """How the form begins: with the draft there is, or the last text."""
        text = PurposeText.objects.filter(purpose=purpose).order_by("-number").first()
        return {"initial": {name: getattr(text, name) for name in cls.LIKE_THE_LAST}} if text else {}


class WordForm(forms.Form):
    """How a person told us."""

    where = forms.RegexField(
        r"^[A-Za-z0-9_.:/-]{1,40}$", label="Where it is on file",
        help_text="The reference of the letter, call or ticket in which the person said so, e.g. INQ-7F3K2MP. No names.",
    )  # fmt: skip


class MomentForm(forms.Form):
    """A past moment, in UTC."""

    at = forms.DateTimeField(
        label="At (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )  # fmt: skip

    def clean_at(self):
        return self.cleaned_data["at"].replace(tzinfo=UTC)
