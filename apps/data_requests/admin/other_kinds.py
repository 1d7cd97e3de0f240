"""Acts on requests that neither hand over nor erase: withdraw, put right, open the case of a minor.

The acts of the page of a request (admin/requests.py) take these in; the services decide.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from apps.consents.models import Standing
from apps.data_requests.models import DataRequest
from apps.data_requests.services import fulfilling
from apps.data_requests.states import OVER, Kind, State
from apps.foundation import clock
from apps.foundation.admin import Act


class PurposeForm(forms.Form):
    """Which of the consents that stand; none stands, none to choose."""

    purpose = forms.ChoiceField(label="Which consent")

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["purpose"].choices = choices


class WhoForm(forms.Form):
    """Whom a report is about."""

    person = forms.CharField(
        max_length=20, label="Who is it", help_text="The reference of the person, like PER-7F3K2M9. Look for them under People.",
        widget=forms.TextInput(attrs={"placeholder": "PER-…", "autocomplete": "off"}),
    )  # fmt: skip


def standing_consents(_request: HttpRequest, asked: DataRequest | None) -> Mapping[str, Any]:
    if asked is None or asked.person_id is None:
        return {"choices": []}
    rows = Standing.objects.filter(person_id=asked.person_id, stands=True).select_related("purpose").order_by("purpose_id")
    return {"choices": [(row.purpose_id, row.purpose.title) for row in rows]}


def what_withdrawing_does(asked: DataRequest) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    return [
        f"The consent of {asked.person_reference or 'nobody'} that you choose falls now.",
        "What was collected under it is erased; what a legal hold keeps stays apart, unused.",
        "Who got something on it is told to erase it.",
        "The request stays in work: withdraw another one, or send the letter that answers it.",
    ]


def withdraw(request: HttpRequest, asked: DataRequest, form: forms.Form | None) -> str:
    event = fulfilling.withdraw(request=asked, purpose=form.cleaned_data["purpose"], by=request.user, at=clock.now())
    return f"{event.reference}: the consent is withdrawn. Now send the letter that answers {asked}."


def correct(request: HttpRequest, asked: DataRequest, _form: forms.Form | None) -> HttpResponse:
    person = fulfilling.begin_correction(request=asked, by=request.user, at=clock.now())
    return HttpResponseRedirect(reverse("admin:accounts_person_change", args=[person.pk]))


def open_case(request: HttpRequest, asked: DataRequest, form: forms.Form | None) -> str:
    case = fulfilling.open_case(request=asked, person_reference=form.cleaned_data["person"], by=request.user, at=clock.now())
    return f"The case {case.reference} is open, and {case.person} is suspended."


ACTS = (
    Act(
        "withdraw", "Withdraw a consent", fulfilling.WITHDRAW, form=PurposeForm, form_kwargs=standing_consents,
        explain=what_withdrawing_does, run=withdraw, applies=lambda asked: asked.kind == Kind.WITHDRAWAL and asked.state == State.IN_WORK,
    ),
    Act(
        "correct", "Put it right", fulfilling.AMEND, danger=False, run=correct,
        applies=lambda asked: asked.kind == Kind.CORRECTION and asked.state == State.IN_WORK,
        explain=lambda asked: [
            f"The page of {asked.person_reference or 'nobody'} opens, where you show the personal fields and change them; each look is recorded.",
            "Come back here afterwards and send the letter “corrected”: it answers the request.",
        ],
    ),
    Act(
        "minor", "Open the case of the minor", fulfilling.OPEN_CASE, form=WhoForm, run=open_case,
        applies=lambda asked: asked.kind == Kind.MINOR and asked.state not in OVER,
        explain=lambda _asked: [
            "The person is suspended now: nothing is done for them, and nothing leaves on a consent of theirs.",
            "A case with its own clock is open. Whoever reported it hears nothing of the person.",
        ],
    ),
)  # fmt: skip
