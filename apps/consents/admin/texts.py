"""Texts of purposes, each with what it changes; asked for by one, published or rejected by a second person."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.consents.admin.purposes import TEXT_TONES
from apps.consents.models import ConsentPurpose, PurposeText
from apps.consents.services import texts
from apps.consents.states import TextState
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin
from apps.policies.changes import Piece, words_between
from apps.policies.vocabulary import CATEGORIES

PARTS = (("words", "What for"), ("collected", "What is collected"), ("lost_without", "What is lost without it"))
TAGS = {"ins": "<ins>{}</ins>", "del": "<del>{}</del>", "same": "{}"}


class PurposeFilter(admin.SimpleListFilter):
    """By purpose; there are a handful."""

    title = "purpose"
    parameter_name = "purpose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(ConsentPurpose.objects.order_by("code").values_list("code", "title"))

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(purpose_id=self.value()) if self.value() else queryset


def covered(text: PurposeText) -> str:
    """What a text covers, in words."""
    lasting = f"ends after {text.months} months" if text.months else "until it is withdrawn"
    return f"{', '.join(str(CATEGORIES.get(code, code)) for code in text.categories)}; {lasting}"


def what_changes(text: PurposeText) -> list[str]:
    """One sentence for each part that differs from the text that was published last."""
    before = texts.text_before(text)
    if before is None:
        said = [f"{title}: “{getattr(text, name)}”" for name, title in PARTS]
        return ["It is the first text of this purpose, and opens it.", *said, f"It covers {covered(text)}."]
    changed = [
        f"{title}, until now: “{getattr(before, name)}” From now on: “{getattr(text, name)}”"
        for name, title in PARTS if getattr(before, name) != getattr(text, name)
    ]  # fmt: skip
    if covered(before) != covered(text):
        changed.append(f"It covered {covered(before)}. From now on it covers {covered(text)}.")
    return changed or [f"It says the same as {before}."]


def what_publishing_does(text: PurposeText) -> list[str]:
    """The sentences of the page that asks to confirm it: what is decided on stands there in full."""
    approval = texts.asked_for(text)
    if approval is None:
        raise texts.TextNotAsked(f"Nobody asks for {text} as it is now.")
    return [
        f"{approval.asked_by} asks for it since {approval.asked_at:%Y-%m-%d %H:%M} UTC.",
        *what_changes(text),
        "It is in force at once and never changes again. Whoever is asked from now on reads it.",
        "It extends nothing: who said yes to an earlier text stays with that text's words and categories.",
    ]


def is_draft(text: PurposeText) -> bool:
    return text.state == TextState.DRAFT


def is_asked(text: PurposeText) -> bool:
    return is_draft(text) and texts.asked_for(text) is not None


@admin.register(PurposeText)
class PurposeTextAdmin(CovenantAdmin):
    list_display = ("reference", "purpose", "number", "state", "months", "published_at", "published_by")
    list_filter = (PurposeFilter, "state")
    list_select_related = ("purpose",)
    search_fields = ("=purpose__code", "=number")
    search_help_text = "By the code of the purpose, or the number of the text."
    chips = {"state": TEXT_TONES}
    fieldsets = (
        (None, {"fields": ("reference", "purpose", "number", "state", "words", "collected", "lost_without", "covers")}),
        ("What it changes", {"fields": ("changes",)}),
        ("Who wrote and approved it", {"fields": ("drafted_by", "drafted_at", "published_by", "published_at", "fingerprint")}),
    )
    readonly_fields = ("reference", "covers", "changes", "fingerprint")
    empty_note = "There is no text. Those that come with the software are made by the migrations."
    acts = (
        Act(
            "ask", "Ask for publication", texts.DRAFT, danger=False, applies=lambda text: is_draft(text) and not is_asked(text),
            explain=lambda text: [
                "Somebody else with the right to publish reads it and decides. You can't approve it yourself.",
                "The request is for exactly these words. If anybody drafts others, it has to be asked for again.",
                *what_changes(text),
            ],
            run=lambda request, text, _form: f"Publication is asked for: {texts.ask(text=text, by=request.user, at=clock.now())}.",
        ),
        Act(
            "publish", "Approve and publish", texts.PUBLISH, danger=True, applies=is_asked, explain=what_publishing_does,
            run=lambda request, text, _form: f"{texts.publish(text=text, by=request.user, at=clock.now())} is published and in force.",
        ),
        Act(
            "reject", "Reject", texts.PUBLISH, danger=False, applies=is_asked,
            explain=lambda text: ["Nobody is shown it. The draft stays and can be written anew."],
            run=lambda request, text, _form: f"{texts.reject(text=text, by=request.user, at=clock.now())} is rejected.",
        ),
    )  # fmt: skip

    @admin.display(description="covers")
    def covers(self, text: PurposeText) -> str:
        return covered(text)

    @admin.display(description="against the text before")
    def changes(self, text: PurposeText) -> SafeString | str:
        """Words that come are underlined, words that go are struck out."""
        before = texts.text_before(text)
        if before is None:
            return "It is the first text of this purpose."
        rows = [(title, _pieces(words_between(getattr(before, name), getattr(text, name)))) for name, title in PARTS]
        rows.append(("Covers", _pieces(words_between(covered(before), covered(text)))))
        return format_html("<dl>{}</dl>", format_html_join("", "<dt>{}</dt><dd>{}</dd>", rows))

    @admin.display(description="SHA-256")
    def fingerprint(self, text: PurposeText) -> str:
        return (bytes(text.digest) if text.digest else texts.digest_of(text)).hex()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only by the act of a purpose, which starts from the last text."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: PurposeText | None = None) -> bool:
        """A draft is written anew, a published text never."""
        return False

    def act_buttons(self, request: HttpRequest, obj: PurposeText | None) -> list[dict]:
        """Who asked or drafted does not decide; the service refuses it too."""
        buttons = super().act_buttons(request, obj)
        approval = texts.asked_for(obj) if obj is not None and is_draft(obj) else None
        own = approval is not None and (approval.asked_by_id == request.user.pk or obj.drafted_by == str(request.user.actor))
        return [button for button in buttons if button["name"] not in ("publish", "reject")] if own else buttons


def _pieces(pieces: tuple[Piece, ...]) -> SafeString:
    return format_html_join(" ", "{}", ((format_html(TAGS[piece.kind], piece.bare),) for piece in pieces))
