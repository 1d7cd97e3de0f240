"""Imports of the register: a file is looked at first, line by line, and applied only when that is confirmed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from apps.foundation import clock
from apps.foundation.admin import Act
from apps.providers.admin.adding import AddedByService
from apps.providers.forms import RegisterForm
from apps.providers.models import RegisterImport
from apps.providers.services import register
from apps.providers.states import ImportState

IMPORT_TONES = {ImportState.PREVIEWED: "wait", ImportState.APPLIED: "ok", ImportState.DROPPED: "plain"}


def is_waiting(upload: RegisterImport) -> bool:
    return upload.state == ImportState.PREVIEWED


def what_applying_does(upload: RegisterImport) -> list[str]:
    kinds = [line.kind for line in register.plan(bytes(upload.content))] if is_waiting(upload) else []
    return [
        f"{kinds.count('new')} new: proposed in your name, and reviewed and activated like any other.",
        f"{kinds.count('changed')} changed, {kinds.count('same')} as before.",
        f"{kinds.count('refused')} refused: these lines do nothing.",
        "It is all of that or nothing. The file is emptied afterwards.",
    ]


@admin.register(RegisterImport)
class RegisterImportAdmin(AddedByService):
    add_form = RegisterForm
    list_display = ("reference", "state", "lines", "added", "changed", "refused", "uploaded_at", "uploaded_by")
    list_filter = ("state",)
    search_fields = ("=reference",)
    chips = {"state": IMPORT_TONES}
    fieldsets = (
        (None, {"fields": ("reference", "state", "lines", "digest", "uploaded_by", "uploaded_at")}),
        ("What it would do", {"fields": ("preview",)}),
        ("What it did", {"fields": ("added", "changed", "refused", "decided_by", "decided_at", "emptied_at")}),
    )
    readonly_fields = ("preview",)
    masked_fields = ()  # the file itself is on no page; what is shown of it is chosen by the preview
    empty_note = "No file was handed in yet. Take the register away as a file, change it, and hand it in here."
    acts = (
        Act(
            "apply", "Apply", register.IMPORT, danger=True, applies=is_waiting, explain=what_applying_does,
            run=lambda request, upload, _form: _done(register.apply(upload=upload, by=request.user, at=clock.now())),
        ),
        Act(
            "drop", "Drop it", register.IMPORT, danger=False, applies=is_waiting,
            explain=lambda upload: ["Nothing is changed, and the file is emptied."],
            run=lambda request, upload, _form: f"{register.drop(upload=upload, by=request.user, at=clock.now())} is dropped.",
        ),
    )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: RegisterImport | None = None):
        """What it did is told once it did it; until then, what it would do."""
        told = super().get_fieldsets(request, obj)
        return told if obj is None else [told[0], told[1] if is_waiting(obj) else told[2]]

    def add(self, request: HttpRequest, values: dict[str, Any]) -> RegisterImport:
        return register.upload(**values, by=request.user, at=clock.now())

    @admin.display(description="line by line")
    def preview(self, upload: RegisterImport) -> SafeString:
        return render_to_string("providers/import_preview.html", {"lines": register.plan(bytes(upload.content))})


def _done(upload: RegisterImport) -> str:
    return f"{upload} is applied: {upload.added} new, {upload.changed} changed, {upload.refused} refused."
