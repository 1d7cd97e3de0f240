"""What is typed in: by anybody into the public form, by staff into the pages of an inquiry or an announcement. The services decide; these only ask."""

from datetime import timedelta

from django import forms
from django.core import signing

from apps.communications.models import Announcement, inquiry_reference
from apps.communications.services.inquiries import opening, working
from apps.communications.services.inquiries.working import ANSWER
from apps.communications.states import ANNOUNCED, Topic
from apps.foundation.references import ALPHABET
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember

SALT = "communications.contact"
#: a page that stays open over lunch can be sent; one that somebody kept for a machine can't
OLDEST = timedelta(hours=8)
#: nobody reads the page and writes a sentence faster
YOUNGEST_SECONDS = 3


class FormNotOurs(Refusal):
    """This form is too old, or did not come from our page."""

    code = "form_not_ours"
    mend = "What you typed is still here: please send it once more."


class TooFast(Refusal):
    """This form was sent faster than a person could fill it in."""

    code = "form_too_fast"
    mend = "What you typed is still here: please wait a moment and send it once more."


def new_token(at) -> str:
    """What a form carries: the reference of the inquiry that it will be, and when it was made, signed."""
    return signing.dumps([inquiry_reference(), int(at.timestamp())], salt=SALT)


def reference_in(token: str, *, at) -> str:
    """The reference that a form carried. Raises FormNotOurs or TooFast."""
    try:
        reference, made = signing.loads(token[:200], salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        raise FormNotOurs from None
    age = at.timestamp() - made
    if not 0 <= age <= OLDEST.total_seconds():
        raise FormNotOurs
    if age < YOUNGEST_SECONDS:
        raise TooFast
    if set(reference.removeprefix("INQ-")) - set(ALPHABET):
        raise FormNotOurs
    return reference


class ContactForm(forms.Form):
    """The public form. `website` is seen by machines alone: who fills it in is none of those who write to us."""

    topic = forms.ChoiceField(label="What is it about?", choices=[("", "Please choose"), *Topic.choices])
    email = forms.EmailField(
        label="Your e-mail address", max_length=254, help_text="We answer to this address, and use it for nothing else.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )  # fmt: skip
    subject = forms.CharField(label="Subject", max_length=opening.LONGEST_SUBJECT)
    text = forms.CharField(
        label="Your message", max_length=opening.LONGEST_TYPED, widget=forms.Textarea(attrs={"rows": 9}),
        help_text="Please leave out health information, passwords and the like: nobody needs them to answer.",
    )  # fmt: skip
    website = forms.CharField(label="Leave this field empty", required=False, widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}))


class AnswerForm(forms.Form):
    """An answer that leaves by e-mail."""

    text = forms.CharField(
        label="Answer", max_length=working.LONGEST_ANSWER, widget=forms.Textarea(attrs={"rows": 14, "cols": 90}),
        help_text="Plain text. Greeting and signature are yours; the reference and how to reply are added.",
    )  # fmt: skip


class NoteForm(forms.Form):
    """A note that stays among us."""

    text = forms.CharField(
        label="Note", max_length=working.LONGEST_ANSWER, widget=forms.Textarea(attrs={"rows": 6, "cols": 90}),
        help_text="It goes to nobody, and is erased with the inquiry.",
    )  # fmt: skip


class OwnerForm(forms.Form):
    """Who works on it from now on."""

    owner = forms.ModelChoiceField(label="Owner", queryset=StaffMember.objects.none(), to_field_name="reference", empty_label="Choose who takes it")

    def __init__(self, *arguments, **more) -> None:
        super().__init__(*arguments, **more)
        able = [member.pk for member in StaffMember.objects.filter(is_active=True) if member.has_perm(ANSWER)]
        self.fields["owner"].queryset = StaffMember.objects.filter(pk__in=able).order_by("username")
        self.fields["owner"].label_from_instance = lambda member: f"{member.full_name} ({member.username})"


class ChildForm(forms.Form):
    """Whom the inquiry says to be a child."""

    person = forms.CharField(label="Reference of the child", max_length=20, help_text="Like PER-7F3K2M9; find it under People.")


def moment_box() -> forms.DateTimeInput:
    """A moment, by the browser's own calendar; the whole house counts in UTC."""
    return forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class AnnouncementForm(forms.ModelForm):
    """What an announcement says, where and when. A text message is offered, so that it can be said why there is none yet."""

    send_at = forms.DateTimeField(
        required=False, label="Goes out at", widget=moment_box(), help_text="In UTC, within a year. Empty: as soon as it is approved."
    )

    class Meta:
        model = Announcement
        fields = ("kind", "channel", "subject", "words", "send_at")
        widgets = {
            "subject": forms.TextInput(attrs={"size": 80}),
            "words": forms.Textarea(attrs={"rows": 16, "cols": 90}),
        }
        help_texts = {
            "words": "Plain text, the same for everybody. Why they get it and how to stop it is added below.",
            "channel": "It goes to those who allowed this channel, and to nobody else.",
        }

    def __init__(self, *arguments, **more) -> None:
        super().__init__(*arguments, **more)
        if "kind" in self.fields:
            self.fields["kind"].choices = [("", "Choose what it is about"), *((kind.value, kind.label) for kind in ANNOUNCED)]


class MomentForm(forms.Form):
    """When it goes out."""

    send_at = forms.DateTimeField(label="Goes out at", widget=moment_box(), help_text="In UTC, within a year.")
