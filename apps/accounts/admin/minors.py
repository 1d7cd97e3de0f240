"""Cases about people below 18 without a representative: the clock, what happened, and the ways in which a case ends."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from apps.accounts.admin.representatives import register, what_registering_does
from apps.accounts.forms import RepresentativeForm
from apps.accounts.models import MinorCase
from apps.accounts.services import evidence, minors, representing
from apps.accounts.states import CaseState
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip, moment

TONES = {CaseState.OPEN: "warn", CaseState.REPRESENTED: "ok", CaseState.OF_AGE: "ok", CaseState.MISTAKEN: "plain"}


class OverdueFilter(admin.SimpleListFilter):
    """Whether an open case is past its day."""

    title = "clock"
    parameter_name = "clock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("late", "past its day")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.overdue(clock.now()) if self.value() == "late" else queryset


def is_open(case: MinorCase) -> bool:
    return case.state == CaseState.OPEN


def _days(time: timedelta) -> str:
    return f"{time.days} day{'s' if time.days != 1 else ''}"


def what_removing_does(case: MinorCase) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    return [
        f"A data request begins that removes {case.person} with all that is held about them, because nobody represents them.",
        "A second person approves it before anything is erased. What a legal hold keeps stays, apart and unused, until the hold is over.",
        "The registration stays suspended, so that nothing is used meanwhile; the case goes with the person.",
    ]


def ask_removal(request: HttpRequest, case: MinorCase, _form: forms.Form | None) -> str:
    minors.ask_removal(case=case, by=request.user, at=clock.now())
    return f"The removal of {case.person} was asked for; the data request appears in a moment."


def take_evidence(request: HttpRequest, case: MinorCase, _form: forms.Form | None) -> HttpResponse:
    response = HttpResponse(evidence.of_case(case=case, by=request.user, at=clock.now()), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{case.reference}.json"'
    response["Cache-Control"] = "no-store, private"
    return response


@admin.register(MinorCase)
class MinorCaseAdmin(CovenantAdmin):
    list_display = ("reference", "person", "how", "state", "clock", "opened_at", "due_at", "closed_at")
    list_filter = ("state", OverdueFilter, "how")
    list_select_related = ("person",)
    search_fields = ("=reference", "=person__reference")
    search_help_text = "By the reference of the case or of the person."
    chips = {"state": TONES}
    fieldsets = (
        (None, {"fields": ("reference", "person", "standing", "how", "state", "clock")}),
        ("Its life", {"fields": (
            "opened_at", "opened_by", "due_at", "removal_asked_at", "removal_asked_by", "representative", "closed_at", "closed_by", "policy_version",
        )}),
        ("What happened", {"fields": ("time_line",)}),
    )
    empty_note = "No minor without a representative is known. A report, a corrected date of birth or a representation that ends opens a case."
    acts = (
        Act(
            "represent", "Register a representative", representing.REGISTER, danger=False, form=RepresentativeForm, applies=is_open,
            form_kwargs=lambda _request, case: {"initial": {"person": case.person.reference}}, explain=what_registering_does, run=register,
        ),
        Act(
            "mistaken", "This is no minor", "accounts.close_minorcase", danger=True, applies=is_open,
            explain=lambda case: [
                f"The case is closed, and the registration of {case.person} goes on.",
                "Where the date of birth on file says otherwise, correct that instead: it closes the case by itself.",
            ],
            run=lambda request, case, _form: f"{minors.find_mistaken(case=case, by=request.user, at=clock.now())} is closed.",
        ),
        Act(
            "remove", "Remove the minor", "accounts.remove_minorcase", danger=True, explain=what_removing_does, run=ask_removal,
            applies=lambda case: is_open(case) and case.removal_asked_at is None,
        ),
        Act(
            "evidence", "Take the evidence", "accounts.view_minorcase", danger=False, run=take_evidence,
            explain=lambda case: [
                "A signed file: how and when it became known, what was done and when, references only. That you took it is recorded.",
            ],
        ),
    )  # fmt: skip

    @admin.display(description="the clock")
    def clock(self, case: MinorCase) -> SafeString | str:
        if not is_open(case):
            return f"closed after {_days(case.closed_at - case.opened_at)}"
        now = clock.now()
        if now >= case.due_at:
            return chip(f"{_days(now - case.due_at)} past its day", "bad")
        left = case.due_at - now
        return chip(f"{_days(left)} left", "warn" if left.days < 3 else "wait")

    @admin.display(description="standing of the person")
    def standing(self, case: MinorCase) -> str:
        return case.person.get_standing_display().lower()

    @admin.display(description="what happened")
    def time_line(self, case: MinorCase) -> SafeString:
        past = [
            {"at": moment(event.at), "what": event.verb.replace(".", " ").replace("_", " "), "about": event.object, "by": event.actor}
            for event in reversed(evidence.events_of(case))
        ]
        ahead = [(case.due_at, "the minor is represented, or removed, by then")] if is_open(case) and case.due_at > clock.now() else []
        return render_to_string("accounts/time_line.html", {"ahead": ahead, "past": past})

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A case begins on the page of its person."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
