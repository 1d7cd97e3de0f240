"""Templates of letters, whose versions staff write, and the letters that were sent. Nothing of what was sent is shown: its words are the outbox's."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.data_requests.forms import TemplateForm
from apps.data_requests.letters import CODES
from apps.data_requests.models import Letter, LetterTemplate
from apps.data_requests.services import letters
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin


def write(request: HttpRequest, template: LetterTemplate, form: forms.Form) -> str:
    made = letters.write_version(code=template.code, **form.cleaned_data, by=request.user, at=clock.now())
    return f"{made.title}, version {made.number}, is used from now on."


@admin.register(LetterTemplate)
class LetterTemplateAdmin(CovenantAdmin):
    list_display = ("code", "number", "title", "when", "is_newest", "made_at", "made_by")
    list_filter = ("made_at",)
    ordering = ("code", "-number")
    search_fields = ("=code",)
    search_help_text = "The code of a letter, like denial."
    unmasked_fields = ("made_by",)
    fields = ("code", "number", "title", "when", "subject", "text", "made_at", "made_by")
    empty_note = "There are no letters. The first versions come with the software."
    acts = (
        Act(
            "write", "Write a new version", letters.WRITE, form=TemplateForm, danger=False, run=write,
            form_kwargs=lambda _request, template: {"template": template},
            explain=lambda template: [
                f"The letter is sent when {CODES[template.code].when}. From now on by your version.",
                "Versions stay: whoever asks what was sent then gets what was sent then.",
                "Say what happens next and how to answer. Name nobody: names are never filled in.",
            ],
        ),
    )  # fmt: skip

    @admin.display(description="sent when")
    def when(self, template: LetterTemplate) -> str:
        return CODES[template.code].when

    @admin.display(description="in use")
    def is_newest(self, template: LetterTemplate) -> str:
        return "no, there is a later one" if template.has_later else "yes"

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        later = LetterTemplate.objects.filter(code=OuterRef("code"), number__gt=OuterRef("number"))
        return super().get_queryset(request).annotate(has_later=Exists(later))

    @admin.display(description="text")
    def text(self, template: LetterTemplate) -> SafeString:
        return format_html('<div class="letter-text">{}</div>', template.body)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Letter)
class LetterAdmin(CovenantAdmin):
    list_display = ("reference", "request", "template", "to", "by", "sent_at")
    list_filter = ("sent_at",)
    list_select_related = ("request", "template")
    search_fields = ("=reference", "=request__reference")
    search_help_text = "The reference of a letter, or of a request."
    unmasked_fields = ("by",)
    fields = ("reference", "request", "template", "to", "by", "sent_at")
    empty_note = "No letter was sent yet."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
