"""What clients were asked of their own messages, and what they said: answered by their service, their standing rule, or here by staff."""

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.data_requests.models import ClientQuestion
from apps.data_requests.services import client_questions
from apps.data_requests.states import ERASES, ClientAnswer
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip, day
from apps.foundation.clock import day_of

MEANS = {
    ClientAnswer.ERASE: "Delete their messages now, for everybody who took part",
    ClientAnswer.PSEUDONYMISE: "Keep the messages, under a pseudonym instead of the person",
    ClientAnswer.KEEP: "Keep the messages as they are until their day",
    ClientAnswer.RELEASE: "Hand the person what they wrote and received, without what is about others",
    ClientAnswer.WITHHOLD: "Hand over none of them; the person is told to ask the client",
}


class AnswerForm(forms.Form):
    """What a client said, and where that lies."""

    fits: tuple[ClientAnswer, ...] = ()

    answer = forms.ChoiceField(label="What did the client say?", widget=forms.RadioSelect)
    evidence = forms.CharField(
        max_length=client_questions.LONGEST_EVIDENCE, label="Where is its answer?",
        help_text="E.g. its mail of March 3, in the client's folder. Name nobody.",
    )  # fmt: skip

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.fields["answer"].choices = [(answer.value, MEANS[answer]) for answer in self.fits]


class ErasureAnswerForm(AnswerForm):
    fits = client_questions.ON_ERASURE


class CopyAnswerForm(AnswerForm):
    fits = client_questions.ON_ACCESS


class OpenFilter(admin.SimpleListFilter):
    """What waits for a client, and what went on without one."""

    title = "answer"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin) -> list[tuple[str, str]]:
        return [("waiting", "waited for"), ("silent", "went on without"), ("answered", "answered")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "waiting":
                return queryset.filter(answered_at=None, lapsed_at=None)
            case "silent":
                return queryset.filter(answered_at=None, lapsed_at__isnull=False)
            case "answered":
                return queryset.filter(answered_at__isnull=False)
        return queryset


def _run(request: HttpRequest, question: ClientQuestion, form: forms.Form) -> str:
    row = client_questions.record_answer(question=question, **form.cleaned_data, by=request.user, at=clock.now())
    return f"{row} is answered: {row.get_answer_display()}."


def _explained(question: ClientQuestion) -> list[str]:
    said = [f"{question.organization} decides on these messages; write down what it said, not what would be right.", "An answer stands once it is given."]
    return [*said, "It is late: what was left as it was is done now."] if question.lapsed_at else said


@admin.register(ClientQuestion)
class ClientQuestionAdmin(CovenantAdmin):
    list_display = ("reference", "where_it_stands", "due", "organization", "of_request", "about", "asked_at")
    list_filter = (OpenFilter,)
    list_select_related = ("request",)
    search_fields = ("=reference", "=request__reference")
    search_help_text = "By the reference of the question or of the request."
    unmasked_fields = ("recorded_by", "evidence")
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("reference", "organization", "of_request", "about", "where_it_stands", "due")}),
        ("Asked", {"fields": ("asked_at", "reminded_at", "lapsed_at")}),
        ("Answered", {"fields": ("answer", "answered_at", "by_rule", "recorded_by", "evidence")}),
    )
    readonly_fields = ("of_request", "about", "where_it_stands", "due")
    empty_note = "No client was asked: nobody whose messages a client decides on has asked for anything."
    acts = (
        Act(
            "answer_erasure", "Write down its answer", client_questions.ANSWER, danger=True, form=ErasureAnswerForm,
            applies=lambda question: not question.answer and question.request.kind in ERASES,
            explain=lambda question: [*_explained(question), "Deleted messages are gone for everybody who took part, and can't be had back."],
            run=_run,
        ),
        Act(
            "answer_copy", "Write down its answer", client_questions.ANSWER, danger=False, form=CopyAnswerForm,
            applies=lambda question: not question.answer and question.request.kind not in ERASES,
            explain=_explained, run=_run,
        ),
    )  # fmt: skip

    @admin.display(description="request")
    def of_request(self, question: ClientQuestion) -> str:
        return question.request.reference

    @admin.display(description="about")
    def about(self, question: ClientQuestion) -> str:
        return "an erasure" if question.request.kind in ERASES else "a copy"

    @admin.display(description="answer")
    def where_it_stands(self, question: ClientQuestion) -> SafeString:
        if question.answer:
            return chip(ClientAnswer(question.answer).label, "ok")
        return chip("went on without", "bad") if question.lapsed_at else chip("waited for", "wait")

    @admin.display(description="to be answered by")
    def due(self, question: ClientQuestion) -> SafeString | str:
        said = day(day_of(question.due_at))
        late = not question.answer and question.due_at <= clock.now()
        return format_html("{} {}", said, chip("late", "bad")) if late else said
