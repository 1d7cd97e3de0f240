"""The form by which a backup is registered by hand."""

from typing import Any

from django import forms

from apps.backups.models import Backup
from apps.backups.services import register


class BackupForm(forms.ModelForm):
    """What is registered; the service refuses what can't be."""

    digest = forms.CharField(
        label="SHA-256", required=False, max_length=64, help_text="Of the dump file, as sha256sum prints it; empty where it is more than one file."
    )

    class Meta:
        model = Backup
        fields = ("holds_database", "holds_files", "holds_keystore", "made_at", "place", "country", "country_reason", "kept_until", "method")

    def clean_country(self) -> str:
        return self.cleaned_data["country"].strip().upper()

    def as_asked(self) -> dict[str, Any]:
        """The arguments of the service; refuses a digest that is none."""
        asked = {name: self.cleaned_data[name] for name in ("made_at", "place", "country", "country_reason", "kept_until", "method")}
        holds = [part for part in register.PARTS if self.cleaned_data[f"holds_{part}"]]
        return asked | {"holds": holds, "sha256": register.as_digest(self.cleaned_data["digest"])}

    def _post_clean(self) -> None:
        """The rules are the service's, said with their mend; the model's own would be said first and without it."""
