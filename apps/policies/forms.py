"""The forms by which a draft of the policy is written."""

from typing import Any

from django import forms

from apps.foundation.promises import PROMISES
from apps.policies.models import Clause, PolicyVersion
from apps.policies.reading import tidy


class DraftForm(forms.ModelForm):
    """Title and introduction of a draft."""

    class Meta:
        model = PolicyVersion
        fields = ("title", "introduction")


class PromiseCodes(forms.CharField):
    """The codes of promises as one line, e.g. “P01 P02”."""

    def prepare_value(self, value: Any) -> Any:
        return " ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        written = " ".join(value) if isinstance(value, list) else value or ""
        return sorted(set(written.replace(",", " ").upper().split()))

    def validate(self, value: list[str]) -> None:
        unknown = [code for code in value if code not in PROMISES]
        if unknown:
            raise forms.ValidationError("Use the codes P01 to P26, with a space between them.")

    def run_validators(self, value: list[str]) -> None:
        """Those of a text don't fit a list."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(initial) != self.to_python(data)


class ClauseForm(forms.ModelForm):
    """One clause, with the promises it makes."""

    promises = PromiseCodes(
        required=False, help_text="Codes of the promises this clause makes, e.g. P01 P02. They are listed at the top of the page."
    )

    class Meta:
        model = Clause
        fields = ("position", "code", "heading", "text", "promises")

    def clean_text(self) -> str:
        return tidy(self.cleaned_data["text"])

    def _get_validation_exclusions(self) -> set[str]:
        """Places are compared among the clauses as sent, not with the rows they replace: else two could never change places."""
        return super()._get_validation_exclusions() | {"position"}


class ClauseFormSet(forms.BaseInlineFormSet):
    """The clauses of a draft. Places and codes are compared here, so that what clashes is said beside it."""

    def clean(self) -> None:
        for name, what in (("position", "place"), ("code", "code")):
            taken: set[Any] = set()
            for form in self.forms:
                value = form.cleaned_data.get(name) if hasattr(form, "cleaned_data") else None
                if value is None or form.cleaned_data.get("DELETE"):
                    continue
                if value in taken:
                    form.add_error(name, f"Another clause has the same {what}.")
                taken.add(value)
