"""The forms by which staff keep the registry. The services judge what is written; a form only reads it."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from apps.policies.vocabulary import ANALYTICS_FIELDS, CATEGORIES, DisclosurePurpose
from apps.providers import clauses
from apps.providers.models import Agreement, Grant, Provider, RegisterImport, SecurityReview, SubProcessor
from apps.providers.models.agreements import LARGEST_DOCUMENT
from apps.providers.services import register
from apps.providers.states import AgreementState, DataEnd, ProviderRole, ProviderState
from apps.staff.models import StaffMember

PDF_ONLY = {"accept": "application/pdf,.pdf"}
#: the admin's class for choices that take a line each
WIDE = {"class": "radiolist"}


class ServiceForm(forms.ModelForm):
    """A form whose values go to a service, which refuses what can't be, with its mend; the model is not asked twice."""

    def _post_clean(self) -> None:
        """Nothing is copied to the instance: the service makes the row."""

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        return dict(self.cleaned_data)


class ByReference(forms.ModelChoiceField):
    """A box for a reference, instead of a list of everything there is."""

    def __init__(self, queryset: QuerySet, prefix: str, **more: Any):
        box = forms.TextInput(attrs={"placeholder": f"{prefix}-…", "autocomplete": "off", "maxlength": "20"})
        said = {"invalid_choice": f"There is no {queryset.model._meta.verbose_name} with that reference, or it is over."}
        super().__init__(queryset, to_field_name="reference", widget=box, error_messages=said, **more)

    def to_python(self, value: Any) -> Any:
        return super().to_python(value.strip().upper() if isinstance(value, str) else value)


class ColleagueField(forms.ModelChoiceField):
    """Somebody who works here, by name."""

    def label_from_instance(self, member: StaffMember) -> str:
        return f"{member.full_name} ({member.reference})"


class ListField(forms.CharField):
    """Several words in one box, with commas, semicolons or lines between them."""

    def to_python(self, value: Any) -> list[str]:
        if isinstance(value, list | tuple):
            return list(value)
        text = super().to_python(value).replace(";", ",").replace("\n", ",")
        return [part.strip() for part in text.split(",") if part.strip()]

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list | tuple) else value


def day_box() -> forms.DateInput:
    """A day, by the browser's own calendar."""
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def text_box(rows: int = 3) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


def one_line(text: str) -> str:
    """What was typed over several lines, as one."""
    return " ".join(text.split())


def countries_field(**more: Any) -> ListField:
    return ListField(
        label="Countries", max_length=200, initial=["US"],
        help_text="Where it stores and processes: codes of two capitals with commas between, e.g. US, CA. Outside the United States the gate"
        " needs an exception as well.", **more,
    )  # fmt: skip


class ProviderForm(ServiceForm):
    """What is known of a provider when it is proposed."""

    countries = countries_field()
    clients = ListField(
        required=False, max_length=2000, help_text="References of the clients whose data it processes; they hear of changes of its chain. Empty: every client."
    )
    owner = ColleagueField(StaffMember.objects.active().order_by("full_name"), help_text="Who of us answers for it, and hears of what lapses.")

    class Meta:
        model = Provider
        fields = ("legal_name", "role", "service", "countries", "hipaa_relevant", "clients", "contact_name", "contact_email", "owner")


class CorrectionForm(forms.Form):
    """What of a provider is corrected. The contact stays where its boxes are left empty."""

    legal_name = forms.CharField(max_length=120)
    role = forms.ChoiceField(choices=ProviderRole.choices)
    service = forms.CharField(max_length=200, label="What it does for us", help_text="In words for the public page.")
    countries = countries_field()
    hipaa_relevant = forms.BooleanField(required=False, label="Handles Patient Information")
    clients = ListField(required=False, max_length=2000, help_text="References of the clients whose data it processes. Empty: every client.")
    contact_name = forms.CharField(max_length=120, required=False, help_text="Empty: stays as it is.")
    contact_email = forms.EmailField(required=False, label="Contact e-mail", help_text="Empty: stays as it is.")
    owner = ColleagueField(StaffMember.objects.active().order_by("full_name"))

    def values(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if value or name not in ("contact_name", "contact_email")}


def facts_of(_request: Any, provider: Provider) -> dict[str, Any]:
    """A correction begins with what is known; the contact is not shown."""
    names = ("legal_name", "role", "service", "countries", "hipaa_relevant", "clients", "owner")
    return {"initial": {name: getattr(provider, name) for name in names}}


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=300, widget=text_box(2), label="Why?", help_text="Colleagues read this. Name people by their references.")

    def clean_reason(self) -> str:
        return one_line(self.cleaned_data["reason"])


class EndForm(forms.Form):
    data_end = forms.ChoiceField(choices=DataEnd.choices, label="What becomes of the data it has?", widget=forms.RadioSelect(attrs=WIDE))


class EvidenceForm(forms.Form):
    evidence = forms.CharField(max_length=200, label="Where is the confirmation?", help_text="E.g. its letter of March 3, in the contract folder. Name nobody.")


class AgreementForm(ServiceForm):
    """An agreement with its document."""

    provider = ByReference(Provider.objects.exclude(state=ProviderState.ENDED), "PRV", help_text="Whose agreement it is.")
    supersedes = ByReference(
        Agreement.objects.filter(state=AgreementState.CONFIRMED), "AGR", required=False, label="Renewal of",
        help_text="The agreement that it takes over from on its first day; grants go over with it. Empty: a new one.",
    )  # fmt: skip
    starts_on = forms.DateField(widget=day_box(), label="From", help_text="Its first day, UTC.")
    ends_on = forms.DateField(
        widget=day_box(), required=False, label="Until", help_text="The day after its last, UTC. Empty: until one of both ends it."
    )
    file = forms.FileField(
        widget=forms.FileInput(attrs=PDF_ONLY), label="Its document",
        help_text=f"PDF, as it was signed; at most {LARGEST_DOCUMENT // 1024 // 1024} MB. Its SHA-256 is kept with it.",
    )  # fmt: skip

    class Meta:
        model = Agreement
        fields = ("provider", "kind", "title", "supersedes", "starts_on", "ends_on", "file")

    def values(self) -> dict[str, Any]:
        given = super().values()
        return given | {"content": given.pop("file").read()}


class ClausesForm(forms.Form):
    """The checklist of an agreement's kind."""

    found = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple(attrs=WIDE), label="Found in the document")

    def __init__(self, *args: Any, kind: str, **more: Any):
        super().__init__(*args, **more)
        self.fields["found"].choices = [(clause.code, str(clause)) for clause in clauses.REQUIRED[kind]]


def clauses_of(_request: Any, agreement: Agreement) -> dict[str, Any]:
    return {"kind": agreement.kind, "initial": {"found": agreement.clauses}}


class ReviewForm(ServiceForm):
    """A review or an attestation, and what it rests on."""

    provider = ByReference(Provider.objects.exclude(state=ProviderState.ENDED), "PRV", help_text="Who was looked at.")
    conditions = forms.CharField(
        max_length=500, required=False, widget=text_box(2), help_text="On which conditions it passed, or why it failed. Name people by their references."
    )
    reviewed_on = forms.DateField(widget=day_box(), help_text="The day of the review, UTC.")
    next_due_on = forms.DateField(widget=day_box(), label="Next due", help_text="From this day on, UTC, it is overdue and the gate is closed.")
    file = forms.FileField(
        widget=forms.FileInput(attrs=PDF_ONLY), required=False, label="Evidence as PDF", help_text="At most 20 MB; its SHA-256 is kept with it."
    )
    digest = forms.RegexField(
        r"^[0-9a-fA-F]{64}$", required=False, strip=True, label="or its SHA-256", help_text="Where the evidence is kept elsewhere: 64 hexadecimal digits."
    )

    class Meta:
        model = SecurityReview
        fields = ("provider", "kind", "result", "conditions", "evidence", "reviewed_on", "next_due_on", "file", "digest")

    def clean_conditions(self) -> str:
        return one_line(self.cleaned_data["conditions"])

    def values(self) -> dict[str, Any]:
        given = super().values()
        file, digest = given.pop("file"), given.pop("digest")
        return given | {"content": file.read() if file else None, "evidence_digest": bytes.fromhex(digest) if digest else None}


class GrantForm(ServiceForm):
    """What a provider should get, and no more than it needs."""

    agreement = ByReference(Agreement.objects.exclude(provider__state=ProviderState.ENDED), "AGR", help_text="What it rests on; its renewals count too.")
    categories = forms.MultipleChoiceField(
        choices=[(code, category.value) for code, category in CATEGORIES.items()], widget=forms.CheckboxSelectMultiple(attrs=WIDE), label="Data categories"
    )
    purposes = forms.MultipleChoiceField(choices=DisclosurePurpose.choices, widget=forms.CheckboxSelectMultiple(attrs=WIDE), label="What for")
    fields_needed = ListField(
        required=False, widget=text_box(2), label="The only fields it needs", max_length=4000,
        help_text=f"With commas between; empty: not limited to fields. For analytics only: {', '.join(sorted(ANALYTICS_FIELDS))}.",
    )  # fmt: skip
    necessity = forms.CharField(max_length=500, widget=text_box(), label="Why does it need them?", help_text="Who approves reads this.")
    ends_on = forms.DateField(widget=day_box(), required=False, label="Until", help_text="The day after its last, UTC. Empty: as long as the agreement.")

    class Meta:
        model = Grant
        fields = ("agreement", "categories", "purposes", "fields_needed", "patient_information", "necessity", "ends_on")

    def clean_necessity(self) -> str:
        return one_line(self.cleaned_data["necessity"])

    def values(self) -> dict[str, Any]:
        given = super().values()
        return given | {"fields": given.pop("fields_needed")}


class SubProcessorForm(ServiceForm):
    """Whom a provider hands data on to."""

    provider = ByReference(Provider.objects.exclude(state=ProviderState.ENDED), "PRV", help_text="In whose chain it is.")
    countries = countries_field()

    class Meta:
        model = SubProcessor
        fields = ("provider", "legal_name", "service", "countries")


class ObjectionForm(forms.Form):
    objection = forms.CharField(
        max_length=500, widget=text_box(), label="What does the client object?", help_text="The owner of the provider is told that it does."
    )

    def clean_objection(self) -> str:
        return one_line(self.cleaned_data["objection"])


class RegisterForm(ServiceForm):
    """A file of the register."""

    file = forms.FileField(
        widget=forms.FileInput(attrs={"accept": "text/csv,.csv"}), label="CSV file",
        help_text=f"Columns: {', '.join(register.COLUMNS)}; lists with semicolons between. A line without a reference is a new provider.",
    )  # fmt: skip

    class Meta:
        model = RegisterImport
        fields = ("file",)

    def values(self) -> dict[str, Any]:
        return {"content": self.cleaned_data["file"].read()}
