"""Files and entries that could not be read: an item each, for somebody to look at. The files themselves are nowhere."""

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from apps.contacts import troubles
from apps.contacts.models import RefusedFile
from apps.contacts.services import refusing
from apps.contacts.states import RefusedState
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin


def finish(request: HttpRequest, refused: RefusedFile, form: forms.Form | None) -> str:
    refusing.finish(refused=refused, by=request.user, at=clock.now())
    return f"{refused.reference} is looked at."


@admin.register(RefusedFile)
class RefusedFileAdmin(CovenantAdmin):
    list_display = ("reference", "at", "person", "purpose", "how", "code", "size", "source_reference", "state")
    list_filter = ("state", "purpose", "how", "at")
    list_select_related = ("person",)
    search_fields = ("=reference", "=person__reference", "=code")
    search_help_text = "By the reference of the note or of the person, or by the code of the reason."
    sortable_by = ("at",)
    chips = {"state": {RefusedState.OPEN: "wait", RefusedState.DONE: "plain"}}
    fieldsets = (
        (None, {"fields": ("reference", "person", "purpose", "how", "source_reference", "size")}),
        ("Why", {"fields": ("code", "in_words", "at")}),
        ("Looked at", {"fields": ("state", "done_at", "done_by")}),
    )
    readonly_fields = ("in_words",)
    empty_note = "Nothing that people lent us was refused."
    acts = (
        Act(
            "finish", "Mark as looked at", refusing.FINISH, danger=False, run=finish,
            applies=lambda refused: refused.state == RefusedState.OPEN,
            explain=lambda refused: [
                f"You say that somebody has looked at {refused.reference} ({refused.code}).",
                "Its person was told what to do; nothing is sent to them.",
            ],
        ),
    )  # fmt: skip

    @admin.display(description="in words")
    def in_words(self, refused: RefusedFile) -> str:
        words = troubles.in_words(refused.code)
        return f"{words.what} {words.mend}" if words else ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Written by what refused it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: RefusedFile | None = None) -> bool:
        return False
