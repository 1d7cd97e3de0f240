"""Inquiries as staff see them: references, states and times. What somebody wrote is shown on one page, for a reason, and recorded.

The services decide; nothing is decided here.
"""

import secrets
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from apps.accounts.forms import ReasonForm
from apps.communications.forms import AnswerForm, ChildForm, NoteForm, OwnerForm
from apps.communications.models import Inquiry, Mailbox, ReceivedMail
from apps.communications.services.inquiries import children, working
from apps.communications.states import InquiryState, MessageKind, Outcome
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin
from apps.staff.models import StaffMember

IN_WORK = (InquiryState.OPEN, InquiryState.ANSWERED)


class OwnerFilter(admin.SimpleListFilter):
    """Whose it is."""

    title = "owner"
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", "mine"), ("nobody", "nobody's")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "mine":
                return queryset.filter(owner=str(request.user.actor))
            case "nobody":
                return queryset.filter(owner="")
        return queryset


class WaitingFilter(admin.SimpleListFilter):
    """How long it has waited for us."""

    title = "waiting for us"
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("any", "at all"), ("2", "more than 2 days"), ("7", "more than 7 days"), ("30", "more than 30 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "any":
            return queryset.filter(state=InquiryState.OPEN)
        if self.value() in ("2", "7", "30"):
            return queryset.filter(state=InquiryState.OPEN, heard_at__lt=clock.now() - timedelta(days=int(self.value())))
        return queryset


def what_reading_does(_inquiry: Inquiry) -> list[str]:
    """The sentences of the page that asks for the reason."""
    return [
        "All of it is shown on the next page, with the address that it came from. Your browser is told not to store it.",
        "That you read it, when and for which reason is recorded for good.",
    ]


def read(request: HttpRequest, inquiry: Inquiry, form: forms.Form | None) -> HttpResponse:
    at = clock.now()
    said = working.look(inquiry=inquiry, by=request.user, at=at, reason=form.cleaned_data["reason"])
    may_answer = inquiry.state in IN_WORK and request.user.has_perm(working.ANSWER)
    context = admin.site.each_context(request) | {
        "title": f"Inquiry {inquiry}", "subtitle": None, "object": inquiry, "opts": Inquiry._meta, "said": said, "kinds": MessageKind,
        "back_url": reverse("admin:communications_inquiry_change", args=[inquiry.pk]),
        "answer_url": reverse("admin:communications_inquiry_answer", args=[inquiry.pk]) if may_answer else "",
        "answer_form": AnswerForm(), "once": secrets.token_urlsafe(16),
    }  # fmt: skip
    response = TemplateResponse(request, "admin/communications/inquiry_read.html", context)
    response.headers["Cache-Control"] = "no-store, private"
    return response


def take(request: HttpRequest, inquiry: Inquiry, _form: forms.Form | None) -> str:
    working.hand_over(inquiry=inquiry, to=request.user, by=request.user, at=clock.now())
    return f"{inquiry} is yours."


def hand_over(request: HttpRequest, inquiry: Inquiry, form: forms.Form | None) -> str:
    working.hand_over(inquiry=inquiry, to=form.cleaned_data["owner"], by=request.user, at=clock.now())
    return f"{inquiry} has a new owner."


def answer(request: HttpRequest, inquiry: Inquiry, form: forms.Form | None) -> str:
    working.answer(inquiry=inquiry, text=form.cleaned_data["text"], by=request.user, at=clock.now())
    return "The answer leaves within a minute."


def note(request: HttpRequest, inquiry: Inquiry, form: forms.Form | None) -> str:
    working.note(inquiry=inquiry, text=form.cleaned_data["text"], by=request.user, at=clock.now())
    return "The note is written."


def open_case(request: HttpRequest, inquiry: Inquiry, form: forms.Form | None) -> str:
    case = children.open_case(inquiry=inquiry, person_reference=form.cleaned_data["person"], by=request.user, at=clock.now())
    return f"The case {case.reference} is open, and the account is suspended."


def close(request: HttpRequest, inquiry: Inquiry, _form: forms.Form | None) -> str:
    row = working.close(inquiry=inquiry, by=request.user, at=clock.now())
    return f"{inquiry} is closed, and is erased after {row.ends_at:%Y-%m-%d}."


def reopen(request: HttpRequest, inquiry: Inquiry, _form: forms.Form | None) -> str:
    working.reopen(inquiry=inquiry, by=request.user, at=clock.now())
    return f"{inquiry} is open again."


def settle(request: HttpRequest, mail: ReceivedMail, _form: forms.Form | None) -> str:
    working.settle(mail=mail, by=request.user, at=clock.now())
    return "It counts as looked at."


@admin.register(Inquiry)
class InquiryAdmin(CovenantAdmin):
    list_display = ("reference", "topic", "state", "owner_name", "heard_at", "person", "opened_at", "ends_at")
    list_filter = (OwnerFilter, WaitingFilter, "state", "topic", "channel", "opened_at")
    list_select_related = ("person",)
    search_fields = ("=reference", "=person__reference")
    search_help_text = "The reference of an inquiry, or of a person."
    fieldsets = (
        (None, {"fields": ("reference", "topic", "channel", "state", "owner_name", "person", "minor_case", "messages_count")}),
        ("Times", {"fields": ("opened_at", "heard_at", "answered_at", "closed_at", "closed_by", "ends_at", "policy_version")}),
    )
    chips = {
        "state": {InquiryState.OPEN: "wait", InquiryState.ANSWERED: "ok", InquiryState.CLOSED: "plain", InquiryState.KEPT: "warn"},
        "topic": {"child": "warn", "security": "warn"},
    }
    empty_note = "Nobody has written yet. People write by the form at /contact/, or by e-mail where a mailbox is set up."
    acts = (
        Act(
            "read", "Read", working.REVEAL,
            explain=what_reading_does, run=read, form=ReasonForm, danger=False, applies=lambda inquiry: inquiry.state != InquiryState.KEPT,
        ),
        Act(
            "answer", "Answer", working.ANSWER,
            explain=lambda inquiry: [
                "The answer goes by e-mail to the address that asked, in the thread of its last mail, within a minute.",
                "It stands with the inquiry, encrypted, and ends with it. Nobody's inquiry becomes yours.",
            ],
            run=answer, form=AnswerForm, danger=False, applies=lambda inquiry: inquiry.state in IN_WORK,
        ),
        Act(
            "note", "Write a note", working.WORK,
            explain=lambda inquiry: ["The note stays among us. It is encrypted, shown to who reads the inquiry, and erased with it."],
            run=note, form=NoteForm, danger=False, applies=lambda inquiry: inquiry.state != InquiryState.KEPT,
        ),
        Act(
            "take", "Take it", working.WORK,
            explain=lambda inquiry: ["You own it from now on; it stands under “mine” in your list."],
            run=take, danger=False, applies=lambda inquiry: inquiry.state in IN_WORK and not inquiry.owner,
        ),
        Act(
            "hand_over", "Hand over", working.WORK,
            explain=lambda inquiry: ["Whoever you choose owns it from now on. They get no mail about it: tell them."],
            run=hand_over, form=OwnerForm, danger=False, applies=lambda inquiry: inquiry.state in IN_WORK,
        ),
        Act(
            "child_case", "A child uses the service", children.OPEN_CASE,
            explain=lambda inquiry: [
                "The case of a minor is opened for the person you name, with its clock. Their account is suspended at once.",
                "Look first: whoever wrote may be wrong about the person, or may want to harm them.",
            ],
            run=open_case, form=ChildForm, applies=lambda inquiry: inquiry.state != InquiryState.KEPT and not inquiry.minor_case,
        ),
        Act(
            "close", "Close", working.WORK,
            explain=lambda inquiry: ["Its life begins to run: at its end all of it is erased. A new mail of the sender opens it again."],
            run=close, danger=False, applies=lambda inquiry: inquiry.state in IN_WORK,
        ),
        Act(
            "reopen", "Open again", working.WORK,
            explain=lambda inquiry: ["It waits for us again. Its life begins anew when it is closed."],
            run=reopen, danger=False, applies=lambda inquiry: inquiry.state == InquiryState.CLOSED,
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        received = Count("messages", filter=Q(messages__kind=MessageKind.RECEIVED))
        owners = StaffMember.objects.annotate(acts_as=Concat(Value("staff:"), "reference")).filter(acts_as=OuterRef("owner"))
        return super().get_queryset(request).annotate(received=received, written=Count("messages"), whose=Subquery(owners.values("username")[:1]))

    @admin.display(description="owner")
    def owner_name(self, inquiry: Inquiry) -> str:
        return inquiry.whose or inquiry.owner or "nobody"

    @admin.display(description="messages", ordering="written")
    def messages_count(self, inquiry: Inquiry) -> str:
        return f"{inquiry.received} from them, {inquiry.written - inquiry.received} of ours"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ReceivedMail)
class ReceivedMailAdmin(CovenantAdmin):
    list_display = ("id", "outcome", "code", "size", "inquiry", "received_at", "looked_at", "looked_by")
    list_filter = ("outcome", "received_at")
    list_select_related = ("inquiry", "mailbox")
    search_fields = ("=id", "=inquiry__reference")
    search_help_text = "The number of a mail, or the reference of its inquiry."
    fields = ("outcome", "code", "size", "inquiry", "mailbox", "received_at", "looked_at", "looked_by")
    chips = {
        "outcome": {Outcome.OPENED: "ok", Outcome.JOINED: "ok", Outcome.DOUBLE: "plain", Outcome.AUTOMATIC: "plain", Outcome.REFUSED: "bad"},
    }
    empty_note = "No mail came in yet, or no mailbox is set up (INQUIRY_MAILBOX_URL)."
    acts = (
        Act(
            "settle", "I looked at it", working.SETTLE,
            explain=lambda mail: [
                "The mail could not be read and lies in the folder “Refused” of the mailbox, where it is removed after some days.",
                "If it needs an answer, type it into the form at /contact/ with the sender's address, so that it has a reference.",
            ],
            run=settle, danger=False, applies=lambda mail: mail.outcome == Outcome.REFUSED and mail.looked_at is None,
        ),
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Mailbox)
class MailboxAdmin(CovenantAdmin):
    list_display = ("code", "read_at", "tried_at", "failures", "last_error", "next_try_at")
    list_filter = ("read_at",)
    search_fields = ("=code",)
    search_help_text = "The code of a mailbox."
    fields = ("code", "read_at", "tried_at", "failures", "last_error", "next_try_at")
    empty_note = "No mailbox was read yet. The setting INQUIRY_MAILBOX_URL names it."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
