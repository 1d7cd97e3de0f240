"""What is typed into the public form. It judges what stands in it, and looks nobody up: a wrong field is told the same to everybody."""

from typing import ClassVar

from django import forms
from django.conf import settings
from django.template.defaultfilters import filesizeformat

from apps.accounts.places import US_STATES
from apps.accounts.services import documents
from apps.data_requests.states import Asker, Kind
from apps.data_requests.words import Asked
from apps.foundation.refusals import Refusal

LONGEST_TEXT = 10_000

#: kind → as somebody says it who is no lawyer
KINDS: tuple[tuple[str, str], ...] = (
    (Kind.DELETION, "Delete my data"),
    (Kind.ACCESS, "Give me a copy of my data"),
    (Kind.CATEGORIES, "Tell me which kinds of data you have, from where and for what"),
    (Kind.CORRECTION, "Correct my data"),
    (Kind.CLOSING, "Close my account and delete what belongs to it"),
    (Kind.WITHDRAWAL, "Take back a consent"),
    (Kind.MARKETING_DISCLOSURES, "Tell me who got my data for their marketing (California, “Shine the Light”)"),
    (Kind.ACCOUNTING, "List the disclosures of my health information (HIPAA)"),
    (Kind.MINOR, "Report that you have data of somebody below 18"),
    (Kind.COMPLAINT, "Complain or ask a question"),
)
ASKERS: tuple[tuple[str, str], ...] = (
    (Asker.SELF, "For myself"),
    (Asker.AGENT, "For somebody who authorised me"),
    (Asker.ATTORNEY, "For somebody whose power of attorney I hold"),
    (Asker.REPRESENTATIVE, "For a child whom I represent"),
)
#: kinds that nobody can work on without a word of what is meant
NEEDS_WORDS = frozenset({Kind.CORRECTION, Kind.WITHDRAWAL, Kind.MINOR, Kind.COMPLAINT})
FOR_OTHERS = frozenset({Asker.AGENT, Asker.ATTORNEY})


def _line(**more) -> forms.CharField:
    return forms.CharField(max_length=120, required=False, **more)


class RequestForm(forms.Form):
    """The public form. `website` is seen by machines alone; what fills it in is kept too, but waits with its like."""

    kind = forms.ChoiceField(label="What do you want?", choices=KINDS, widget=forms.RadioSelect)
    asker = forms.ChoiceField(label="For whom do you ask?", choices=ASKERS, initial=Asker.SELF, widget=forms.RadioSelect)
    email = forms.EmailField(
        label="E-mail address of whose data it is", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
        help_text="The one used with the service: by it we find the data. It proves nothing, so we ask by a link that goes to contacts we have on file.",
        error_messages={"required": "Type the e-mail address.", "invalid": "That is no e-mail address: it reads like name@example.org."},
    )  # fmt: skip
    name = _line(label="Name (optional)", help_text="Without it, we may have to ask back.", widget=forms.TextInput(attrs={"autocomplete": "name"}))
    phone = forms.CharField(
        label="Phone (optional)", max_length=40, required=False, widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
        help_text="Helps where the e-mail address is not on file. Without it, we may not find you.",
    )  # fmt: skip
    organization = _line(
        label="Organization (optional)", widget=forms.TextInput(attrs={"autocomplete": "organization"}),
        help_text="Through which the service is used, such as an employer or a hospital. Without it, we look in all that we have.",
    )  # fmt: skip
    state_of_residence = forms.ChoiceField(
        label="U.S. state of residence (optional)", required=False, choices=[("", "Not said"), *((code, code) for code in sorted(US_STATES))],
        help_text="Some rights belong to residents of a state, such as California's. Without it, we go by what we have on file.",
    )  # fmt: skip
    text = forms.CharField(
        label="What should we know?", max_length=LONGEST_TEXT, required=False, widget=forms.Textarea(attrs={"rows": 7}),
        help_text="What to correct, which consent, what happened. Please leave out passwords and health information: nobody needs them.",
    )  # fmt: skip
    agent_name = _line(label="Your own name", widget=forms.TextInput(attrs={"autocomplete": "off"}))
    agent_email = forms.EmailField(
        label="Your own e-mail address", max_length=254, required=False, widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="It gets a receipt, and nothing about the other person.",
        error_messages={"invalid": "That is no e-mail address: it reads like name@example.org."},
    )  # fmt: skip
    document = forms.FileField(
        label="Signed permission or power of attorney", required=False, allow_empty_file=True, max_length=200,
        widget=forms.ClearableFileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg"}),
    )  # fmt: skip
    website = forms.CharField(
        label="Leave this field empty", required=False, max_length=400, widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"})
    )

    ABOUT_THE_OTHER: ClassVar = ("agent_name", "agent_email", "document")

    def __init__(self, *arguments, **more) -> None:
        super().__init__(*arguments, label_suffix="", **more)
        most = filesizeformat(settings.REQUEST_DOCUMENT_BYTES)
        self.fields["document"].help_text = f"PDF, PNG or JPEG, {most} at most. Needed with a power of attorney; staff read it, nobody else gets it."

    def clean_document(self) -> bytes:
        file = self.cleaned_data["document"]
        content = file.read() if file else b""
        if not content:
            return b""
        if len(content) > settings.REQUEST_DOCUMENT_BYTES:
            raise forms.ValidationError(f"The file is larger than {filesizeformat(settings.REQUEST_DOCUMENT_BYTES)}. Hand in a smaller scan of it.")
        try:
            documents.kind_of(content)
        except Refusal as refusal:
            raise forms.ValidationError(f"{refusal.what} {refusal.mend}") from None
        return content

    def clean(self) -> dict:
        said = super().clean()
        if said.get("kind") in NEEDS_WORDS and not said.get("text", "").strip():
            self.add_error("text", "Say in a few words what it is about: without them nobody can act on it.")
        if said.get("asker") in FOR_OTHERS:
            for name in ("agent_name", "agent_email"):
                if name not in self.errors and not said.get(name):
                    self.add_error(name, "Needed where you ask for somebody else.")
        if said.get("asker") == Asker.ATTORNEY and "document" not in self.errors and not said.get("document"):
            self.add_error("document", "Needed with a power of attorney.")
        return said

    def asked(self) -> Asked:
        """What was typed, as every channel hands it on. What belongs to another asker than the chosen one is left out."""
        said = dict(self.cleaned_data)
        said.pop("website")
        said = {name: value.replace("\x00", "").strip() if isinstance(value, str) else value for name, value in said.items()}
        if said["asker"] not in FOR_OTHERS:
            said |= {"agent_name": "", "agent_email": "", "document": b""}
        about = {Kind.CORRECTION: "correction", Kind.WITHDRAWAL: "about_consent"}.get(said["kind"])
        return Asked(**said | ({about: said["text"]} if about else {}))
