"""Purposes: what people may be asked for, each with its texts; further ones are proposed here."""

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.consents.forms import PurposeForm, TextForm
from apps.consents.models import ConsentPurpose, PurposeText
from apps.consents.services import texts
from apps.consents.states import TextState
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, CovenantTabularInline

TEXT_TONES = {TextState.DRAFT: "wait", TextState.PUBLISHED: "ok"}


class TextInline(CovenantTabularInline):
    """Every text of a purpose, the newest first. They are few."""

    model = PurposeText
    fields = ("text", "state", "categories", "months", "published_at", "published_by")
    readonly_fields = fields
    chips = {"state": TEXT_TONES}
    max_num = 0
    verbose_name_plural = "Texts"

    @admin.display(description="text")
    def text(self, text: PurposeText) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:consents_purposetext_change", args=[text.pk]), text)


@admin.register(ConsentPurpose)
class ConsentPurposeAdmin(CovenantAdmin):
    form = PurposeForm
    list_display = ("code", "title", "kind", "channel", "is_open", "recipient", "opened_at", "closed_at")
    list_filter = ("kind", "channel", "is_open")
    search_fields = ("=code", "=recipient")
    search_help_text = "By the code of the purpose, or the reference of who gets the data."
    fields = (
        "code", "title", "kind", "channel", "recipient", "disclosure_purpose", "is_open", "proposed_by", "proposed_at", "opened_at", "closed_at",
    )  # fmt: skip
    inlines = (TextInline,)
    empty_note = "There is no purpose. Those that come with the software are made by the migrations."
    acts = (
        Act(
            "draft", "Draft a text", texts.DRAFT, danger=False, form=TextForm,
            form_kwargs=lambda request, purpose: TextForm.of(purpose),
            explain=lambda purpose: [
                "A draft is written, in the place of the one there is, if any. Nobody is shown it before a second person has approved it.",
                "Whoever said yes to an earlier text stays with its words and its categories: a new text extends nothing.",
            ],
            run=lambda request, purpose, form: (
                f"{texts.draft(purpose=purpose, **form.cleaned_data, by=request.user, at=clock.now())} is drafted. Ask for its publication on its page."
            ),
        ),
        Act(
            "close", "Stop asking for it", texts.CLOSE, danger=True, applies=lambda purpose: purpose.is_open,
            explain=lambda purpose: [
                "Nobody is asked for it any more, and nobody can give it.",
                "What stands goes on until it is withdrawn or over. It opens again with the approval of its next text.",
            ],
            run=lambda request, purpose, _form: f"{texts.close(purpose=purpose, by=request.user, at=clock.now())} is closed.",
        ),
    )  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: ConsentPurpose | None = None):
        return super().get_fields(request, obj) if obj else ("code", "title", "recipient", "disclosure_purpose")

    def get_inlines(self, request: HttpRequest, obj: ConsentPurpose | None):
        return self.inlines if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: ConsentPurpose | None = None) -> bool:
        """A purpose stays as people read it."""
        return False

    def save_model(self, request: HttpRequest, obj: ConsentPurpose, form: ModelForm, change: bool) -> None:
        proposed = texts.propose(**form.cleaned_data, by=request.user, at=clock.now())
        obj.pk = proposed.pk
