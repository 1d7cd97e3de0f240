"""What staff type into the pages of a request. The services decide; these only ask."""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any

from django import forms

from apps.data_requests.letters import BY_HAND, CODES, may_fill
from apps.data_requests.models import DataRequest, LetterTemplate
from apps.data_requests.services import clocks, denying, letters, owners, taking_in, wording
from apps.data_requests.services.proving import Way
from apps.data_requests.states import Asker, Channel, DenialReason, Kind, PauseBasis, Regime
from apps.data_requests.words import Asked
from apps.staff.models import StaffMember

BLANK = [("", "Please choose")]
LARGEST_DOCUMENT = 5 * 1024 * 1024


class IntakeForm(forms.Form):
    """What came by phone or by post."""

    kind = forms.ChoiceField(label="What is asked for", choices=[*BLANK, *Kind.choices])
    channel = forms.ChoiceField(
        label="How it came", choices=[(channel.value, Channel(channel).label) for channel in taking_in.BY_STAFF], widget=forms.RadioSelect
    )
    received_on = forms.DateField(
        label="Reached us on", widget=forms.DateInput(attrs={"type": "date"}), help_text="The day that the letter or the call came: its clocks count from it."
    )
    text = forms.CharField(
        label="What was said or written", max_length=taking_in.LONGEST_TEXT, widget=forms.Textarea(attrs={"rows": 6, "cols": 90}),
        help_text="In their words. It is stored encrypted and destroyed when the request is over. Leave out health information.",
    )  # fmt: skip
    person = forms.CharField(
        label="Person", required=False, max_length=20, help_text="By reference, like PER-7F3K2M9, where you are sure. Else what follows is looked up."
    )
    name = forms.CharField(label="Name", required=False, max_length=160)
    email = forms.EmailField(label="E-mail", required=False, max_length=254)
    phone = forms.CharField(label="Phone", required=False, max_length=40)
    organization = forms.CharField(label="Client that they are with", required=False, max_length=120, help_text="Its name or reference.")
    state_of_residence = forms.CharField(label="U.S. state", required=False, max_length=2, help_text="Two letters, where they said it.")
    asker = forms.ChoiceField(label="Who asks", choices=[(one.value, Asker(one).label) for one in taking_in.ASKERS])
    agent_name = forms.CharField(label="Agent's name", required=False, max_length=160)
    agent_email = forms.EmailField(label="Agent's e-mail", required=False, max_length=254)
    document = forms.FileField(
        label="Document", required=False, help_text="What an agent or attorney sent: PDF, PNG or JPEG, 5 MB at most. Encrypted, and destroyed with the request."
    )

    def clean_document(self) -> bytes:
        upload = self.cleaned_data["document"]
        if not upload:
            return b""
        if upload.size > LARGEST_DOCUMENT:
            raise forms.ValidationError("That file is larger than 5 MB.")
        return upload.read()

    def asked(self) -> Asked:
        """What was typed, as what was asked."""
        given = self.cleaned_data
        said = ("kind", "text", "name", "email", "phone", "organization", "state_of_residence", "asker", "agent_name", "agent_email", "document")
        return Asked(**{name: given[name] for name in said})


class NoteForm(forms.Form):
    """A note that stays among us."""

    text = forms.CharField(
        label="Note", max_length=wording.LONGEST_NOTE, widget=forms.Textarea(attrs={"rows": 6, "cols": 90}),
        help_text="It goes to nobody, is stored encrypted, and destroyed when the request is over.",
    )  # fmt: skip


class OwnerForm(forms.Form):
    """Who answers for it from now on."""

    owner = forms.ModelChoiceField(label="Owner", queryset=StaffMember.objects.none(), to_field_name="reference", empty_label="Choose who takes it")

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        able = [member.pk for member in StaffMember.objects.filter(is_active=True) if member.has_perm(owners.WORK)]
        self.fields["owner"].queryset = StaffMember.objects.filter(pk__in=able).order_by("username")
        self.fields["owner"].label_from_instance = lambda member: f"{member.full_name} ({member.username})"


class LetterForm(forms.Form):
    """A letter by hand."""

    code = forms.ChoiceField(label="Letter")
    text = forms.CharField(
        label="Your words in it", max_length=letters.LONGEST_TEXT, widget=forms.Textarea(attrs={"rows": 10, "cols": 90}),
        help_text="Plain text. Greeting, reference and how to reply stand in the letter already.",
    )  # fmt: skip

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        titles = {row.code: row.title for row in LetterTemplate.objects.filter(code__in=BY_HAND).order_by("number")}
        said = [(code, f"{titles.get(code, code)}: {CODES[code].when}{'; ends it' if CODES[code].is_answer else ''}") for code in BY_HAND]
        self.fields["code"].choices = [*BLANK, *said]


class TemplateForm(forms.Form):
    """A new version of a letter."""

    title = forms.CharField(label="Title", max_length=120, help_text="For us; nobody outside sees it.")
    subject = forms.CharField(label="Subject", max_length=letters.LONGEST_SUBJECT)
    body = forms.CharField(label="Text", max_length=letters.LONGEST_TEXT, widget=forms.Textarea(attrs={"rows": 22, "cols": 100}))

    def __init__(self, *arguments: Any, template: LetterTemplate | None = None, **more: Any) -> None:
        super().__init__(*arguments, **more)
        if template is not None:
            names = ", ".join(f"{{{name}}}" for name in sorted(may_fill(template.code)))
            self.fields["body"].help_text = f"Plain text. Filled in: {names}. Braces stand for nothing else."
            for name in ("title", "subject", "body"):
                self.fields[name].initial = getattr(template, name)


class DenialForm(forms.Form):
    """Why it is denied."""

    reason = forms.ChoiceField(label="Reason", choices=[*BLANK, *DenialReason.choices])
    basis = forms.CharField(
        label="Basis", max_length=denying.LONGEST_BASIS, widget=forms.Textarea(attrs={"rows": 4, "cols": 90}),
        help_text="The clause or statute, and why it applies. It is told, and kept for 24 months. Name nobody.",
    )  # fmt: skip


class ExtensionForm(forms.Form):
    """Which clock takes longer, and why."""

    regime = forms.ChoiceField(label="Clock")
    reason = forms.CharField(
        label="Reason", max_length=clocks.LONGEST_REASON, widget=forms.Textarea(attrs={"rows": 4, "cols": 90}),
        help_text="It is told to the person as you write it. Name nobody.",
    )  # fmt: skip

    def __init__(self, *arguments: Any, regimes: Iterable[str] = (), **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.fields["regime"].choices = [(regime, Regime(regime).label) for regime in regimes]


class PauseForm(forms.Form):
    """On what statement an accounting stands still."""

    basis = forms.ChoiceField(label="The agency's statement", choices=PauseBasis.choices, widget=forms.RadioSelect)
    until = forms.DateField(
        label="Until", widget=forms.DateInput(attrs={"type": "date"}), help_text="The day that it names. An oral one holds for 30 days at most."
    )

    def clean_until(self) -> datetime:
        return datetime.combine(self.cleaned_data["until"], time(0), UTC)


class KindForm(forms.Form):
    """What it really asks for."""

    kind = forms.ChoiceField(label="It asks for", choices=[*BLANK, *Kind.choices])


class PersonForm(forms.Form):
    """Whose request it is."""

    person = forms.CharField(
        label="Person", max_length=20, help_text="Their reference, like PER-7F3K2M9; find them under People.",
        widget=forms.TextInput(attrs={"placeholder": "PER-…", "autocomplete": "off"}),
    )  # fmt: skip


class WayForm(forms.Form):
    """How staff saw who asks."""

    way = forms.ChoiceField(
        label="You identified them by", choices=[(way.value, Way(way).label) for way in Way if way != Way.POWER], widget=forms.RadioSelect
    )


def extendable(request: DataRequest) -> list[str]:
    """The clocks of a request that can still be extended."""
    rules = clocks.RULES
    return [clock.regime for clock in request.clocks.running() if rules[Regime(clock.regime)].extendable_once and clock.extended_at is None]


def pausable(request: DataRequest) -> list[str]:
    """Those that may stand still."""
    return [clock.regime for clock in request.clocks.not_stopped() if clocks.RULES[Regime(clock.regime)].may_pause and clock.paused_at is None]


def standing_still(request: DataRequest) -> list[str]:
    return [clock.regime for clock in request.clocks.not_stopped() if clock.paused_at is not None]
