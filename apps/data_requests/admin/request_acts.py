"""What staff do on the page of a request: read, own, match, identify, write, extend, deny. The services decide; nothing is decided here."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from apps.accounts.forms import ReasonForm
from apps.data_requests.forms import (
    DenialForm,
    ExtensionForm,
    IntakeForm,
    KindForm,
    LetterForm,
    NoteForm,
    OwnerForm,
    PauseForm,
    PersonForm,
    WayForm,
    extendable,
    pausable,
    standing_still,
)
from apps.data_requests.models import DataRequest
from apps.data_requests.services import (
    agents,
    correcting,
    denying,
    extending,
    letters,
    owners,
    proving,
    recording,
    taking_in,
    wording,
)
from apps.data_requests.states import ERASES, MOVES, OVER, Asker, Kind, State
from apps.foundation import clock
from apps.foundation.admin import Act
from apps.foundation.refusals import Refusal

WORK = owners.WORK
WAITS_FOR_PROOF = (State.IDENTIFYING,)
MAY_BE_WRITTEN = (State.IDENTIFYING, State.COOLING_OFF, State.IN_WORK, State.AWAITING_APPROVAL)


def is_open(request: DataRequest) -> bool:
    return request.state not in OVER


def take_in(request: HttpRequest, _asked: None, form: forms.Form) -> HttpResponse:
    given = form.cleaned_data
    made, is_new = taking_in.take_in(
        asked=form.asked(), channel=given["channel"], received_on=given["received_on"], person_reference=given["person"], by=request.user, at=clock.now()
    )
    said = f"{made} is taken in." if is_new else f"It joined {made}, which the same person asked before; its clocks go on unchanged."
    messages.success(request, said)
    return HttpResponseRedirect(reverse("admin:data_requests_datarequest_change", args=[made.pk]))


def read(request: HttpRequest, asked: DataRequest, form: forms.Form) -> HttpResponse:
    opened = recording.look(request=asked, by=request.user, at=clock.now(), reason=form.cleaned_data["reason"])
    context = admin.site.each_context(request) | {
        "title": f"Request {asked}", "subtitle": None, "object": asked, "opts": DataRequest._meta, "opened": opened,
        "back_url": reverse("admin:data_requests_datarequest_change", args=[asked.pk]),
    }  # fmt: skip
    response = TemplateResponse(request, "admin/data_requests/request_read.html", context)
    response.headers["Cache-Control"] = "no-store, private"
    return response


def take(request: HttpRequest, asked: DataRequest, _form: None) -> str:
    owners.take(request=asked, by=request.user, at=clock.now())
    return f"{asked} is yours."


def hand_over(request: HttpRequest, asked: DataRequest, form: forms.Form) -> str:
    owners.hand_over(request=asked, to=form.cleaned_data["owner"], by=request.user, at=clock.now())
    return f"{asked} has a new owner."


def note(request: HttpRequest, asked: DataRequest, form: forms.Form) -> str:
    wording.note(request=asked, text=form.cleaned_data["text"], by=request.user, at=clock.now())
    return "The note is written."


def match(request: HttpRequest, asked: DataRequest, form: forms.Form) -> str:
    goes_on = correcting.match(request=asked, person_reference=form.cleaned_data["person"], by=request.user, at=clock.now())
    if goes_on.pk != asked.pk:
        return f"They asked the same before: {asked} joined {goes_on}, whose clocks go on."
    return f"{asked} is about {goes_on.person_reference}. A link to prove it goes to their contacts on file."


def correct_kind(request: HttpRequest, asked: DataRequest, form: forms.Form) -> str:
    row = correcting.correct_kind(request=asked, kind=form.cleaned_data["kind"], by=request.user, at=clock.now())
    return f"{row} asks for {row.get_kind_display()}. It is {row.get_state_display()}."


def send_again(request: HttpRequest, asked: DataRequest, _form: None) -> str:
    sent = proving.send_again(request=asked, by=request.user, at=clock.now())
    return f"{sent} links leave within a minute." if sent else "No link left: there is no contact on file, or it had as many today as may be sent."


def identify(request: HttpRequest, asked: DataRequest, form: forms.Form) -> str:
    proving.by_staff(request=asked, way=form.cleaned_data["way"], by=request.user, at=clock.now())
    return f"{asked} is proven, and in work."


def take_document(request: HttpRequest, asked: DataRequest, _form: None) -> HttpResponse:
    content, kind = agents.take_document(request=asked, by=request.user, at=clock.now())
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{asked}"'
    response.headers["Cache-Control"] = "no-store, private"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def accept_power(request: HttpRequest, asked: DataRequest, _form: None) -> str:
    agents.accept_power(request=asked, by=request.user, at=clock.now())
    return f"{asked} is proven by a power of attorney, and in work."


def acknowledge(request: HttpRequest, asked: DataRequest, _form: None) -> str:
    letters.acknowledged_otherwise(request=asked, by=request.user, at=clock.now())
    return "It counts as acknowledged."


def write(request: HttpRequest, asked: DataRequest, form: forms.Form) -> str:
    letter = letters.by_hand(request=asked, **form.cleaned_data, by=request.user, at=clock.now())
    return f"{letter} leaves within a minute."


def extend(request: HttpRequest, asked: DataRequest, form: forms.Form) -> str:
    moved = extending.extend(request=asked, **form.cleaned_data, by=request.user, at=clock.now())
    return f"Its day is {moved.ends_at:%Y-%m-%d} now, and the notice leaves within a minute."


def pause(request: HttpRequest, asked: DataRequest, form: forms.Form) -> str:
    for regime in pausable(asked):
        extending.pause(request=asked, regime=regime, **form.cleaned_data, by=request.user, at=clock.now())
    return "The clock stands still until the day that the statement names."


def resume(request: HttpRequest, asked: DataRequest, _form: None) -> str:
    for regime in standing_still(asked):
        extending.resume(request=asked, regime=regime, by=request.user, at=clock.now())
    return "The clock goes on."


def deny(request: HttpRequest, asked: DataRequest, form: forms.Form) -> str:
    denying.deny(asked, **form.cleaned_data, by=request.user, at=clock.now())
    return f"{asked} is denied, and the letter that says why leaves within a minute."


def who_hears(asked: DataRequest) -> str:
    """Whom a letter goes to, in a sentence; never the address itself."""
    try:
        who = letters.addressee(asked, at=clock.now())
    except Refusal:
        who = letters.Addressee(letters.NOBODY)
    return {
        letters.PERSON: "It goes to the contact on file of the person, within a minute.",
        letters.ASKER: "It goes to the address that was given, which nobody proved: say nothing in it about anybody. It is that address's one mail of a day.",
        letters.NOBODY: "Nobody can get it by mail: there is no contact on file. Call them or write by post, and write a note that says so.",
    }[who.to]


def what_denying_does(asked: DataRequest) -> list[str]:
    said = ["The request ends. Its clocks stop, and its record is kept for 24 months with the reason and its basis.", who_hears(asked)]
    if asked.kind in ERASES:
        said.append("Nothing is erased. What a law or a client asks to be kept is no ground to deny the rest: approve the plan, which leaves only that.")
    return said


def which_clocks(choose: Any) -> Any:
    def kwargs(_request: HttpRequest, asked: DataRequest | None) -> Mapping[str, Any]:
        return {"regimes": choose(asked) if asked is not None else []}

    return kwargs


TAKE_IN = Act(
    "take_in", "Take in a request", taking_in.TAKE_IN, form=IntakeForm, danger=False, on_list=True, run=take_in,
    explain=lambda _none: [
        "For what comes by phone or by post. What comes by e-mail, by the form or from the product is taken in by itself.",
        "Who asks is not proven by this: a link goes to the contacts on file of the person, if one is known.",
    ],
)  # fmt: skip

ACTS = (
    Act(
        "read", "Read", recording.REVEAL, form=ReasonForm, danger=False, run=read, applies=lambda asked: asked.words is not None,
        explain=lambda _asked: [
            "What was asked, by whom, and the notes are shown on the next page. Your browser is told not to store it.",
            "That you read it, when and for which reason is recorded for good.",
        ],
    ),
    Act(
        "take", "Take it", WORK, danger=False, run=take, applies=lambda asked: is_open(asked) and not asked.owner,
        explain=lambda _asked: ["You answer for it from now on, and hear when one of its days comes near."],
    ),
    Act(
        "hand_over", "Hand over", WORK, form=OwnerForm, danger=False, run=hand_over, applies=is_open,
        explain=lambda _asked: ["Whoever you choose answers for it from now on. They get no mail about it: tell them."],
    ),
    Act(
        "note", "Write a note", WORK, form=NoteForm, danger=False, run=note, applies=lambda asked: is_open(asked) and asked.words is not None,
        explain=lambda _asked: ["The note stays among us. It is shown to who reads the request, and destroyed with it."],
    ),
    Act(
        "match", "Say whose it is", WORK, form=PersonForm, danger=False, run=match,
        applies=lambda asked: asked.state in correcting.OPEN_TO_CORRECTION and not asked.person_reference,
        explain=lambda _asked: [
            "Look first: whoever asked may claim to be somebody else. This proves nothing; a link goes to the contacts on file, and nobody else hears.",
            "Where that person asked the same before, this request joins the first.",
        ],
    ),
    Act(
        "correct_kind", "Correct what it asks for", WORK, form=KindForm, danger=False, run=correct_kind,
        applies=lambda asked: asked.state in correcting.OPEN_TO_CORRECTION,
        explain=lambda _asked: [
            "Its clocks become those of the new kind, counted from the day it came.",
            "Where the new kind needs proof of who asks, and there is none yet, a link goes to the contacts on file first.",
        ],
    ),
    Act(
        "send_again", "Send the links again", WORK, danger=False, run=send_again,
        applies=lambda asked: asked.state in WAITS_FOR_PROOF and asked.person_id is not None and asked.asker != Asker.ATTORNEY,
        explain=lambda _asked: ["A link goes to each contact on file that may get one today; the links before it open nothing any more when one is used."],
    ),
    Act(
        "identify", "I identified them", WORK, form=WayForm, run=identify,
        applies=lambda asked: asked.state in WAITS_FOR_PROOF and asked.person_id is not None and asked.asker != Asker.ATTORNEY,
        explain=lambda _asked: [
            "The request counts as proven, and goes to work. How you identified them is recorded under your name.",
            "Knowing things about a person proves nothing. Call a number on file, or compare a document with what is on file.",
        ],
    ),
    Act(
        "take_document", "Take the document", recording.REVEAL, danger=False, run=take_document,
        applies=lambda asked: asked.asker in (Asker.AGENT, Asker.ATTORNEY, Asker.REPRESENTATIVE) and asked.words is not None,
        explain=lambda _asked: ["The document that came with the request is downloaded once. That you took it is recorded. Remove it when you have read it."],
    ),
    Act(
        "accept_power", "The power of attorney suffices", WORK, run=accept_power,
        applies=lambda asked: asked.asker == Asker.ATTORNEY and asked.state in WAITS_FOR_PROOF and asked.person_id is not None,
        explain=lambda _asked: ["The request counts as proven, and goes to work. You took the document and read it; that is recorded under your name."],
    ),
    Act(
        "acknowledge", "They know that it came", WORK, danger=False, run=acknowledge, applies=lambda asked: is_open(asked) and asked.acknowledged_at is None,
        explain=lambda _asked: ["You told whoever asked, by phone or by post, that it arrived and what comes next. The clock of the acknowledgement stops."],
    ),
    Act(
        "letter", "Write a letter", WORK, form=LetterForm, danger=False, run=write,
        applies=lambda asked: asked.state in MAY_BE_WRITTEN,
        explain=lambda asked: [
            who_hears(asked), "A question leaves the request where it is. An answer ends it, once it has left."
            if asked.kind not in ERASES else "A deletion is answered by itself when it is done; write a question only.",
        ],
    ),
    Act(
        "extend", "Take more time", WORK, form=ExtensionForm, form_kwargs=which_clocks(extendable), run=extend,
        applies=lambda asked: is_open(asked) and bool(extendable(asked)),
        explain=lambda asked: ["The clock's day moves once, as its rule allows: 45 days more for an answer, 30 for an accounting.", who_hears(asked)],
    ),
    Act(
        "pause", "An agency suspends it", WORK, form=PauseForm, run=pause, applies=lambda asked: asked.kind == Kind.ACCOUNTING and is_open(asked)
        and bool(pausable(asked)),
        explain=lambda _asked: [
            "The right to an accounting is suspended on the statement of a health oversight agency or of law enforcement (45 CFR 164.528(a)(2)).",
            "The person is not told. File the statement, or write a note on who called and when.",
        ],
    ),
    Act(
        "resume", "Let the clock go on", WORK, danger=False, run=resume, applies=lambda asked: is_open(asked) and bool(standing_still(asked)),
        explain=lambda _asked: ["The clock goes on today; its day moves by the whole days that it stood still."],
    ),
    Act(
        "deny", "Deny", denying.WORK, form=DenialForm, run=deny, explain=what_denying_does,
        applies=lambda asked: is_open(asked) and State.DENIED in MOVES[asked.state],
    ),
)  # fmt: skip
