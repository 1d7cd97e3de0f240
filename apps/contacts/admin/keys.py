"""The matching keys: which is current, which was rotated out and when it was destroyed."""

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from apps.contacts.models import MatchingKey
from apps.contacts.services import keys
from apps.contacts.states import KeyState
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin

TONES = {KeyState.COMING: "wait", KeyState.CURRENT: "ok", KeyState.RETIRING: "wait", KeyState.DESTROYED: "plain"}


def what_rotating_does(_nothing: None) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    return [
        "A new key is made. What is stored is converted to it within the next minutes or hours; people go on being matched meanwhile.",
        "Then the key before it is destroyed: what lies in backups under it can never be matched with anything again.",
        "A backup that is restored after that has its address books read again, and people upload their files anew.",
    ]


def rotate(request: HttpRequest, _nothing: None, form: forms.Form | None) -> str:
    return f"{str(keys.announce(by=request.user, at=clock.now())).capitalize()} is announced."


@admin.register(MatchingKey)
class MatchingKeyAdmin(CovenantAdmin):
    list_display = ("number", "state", "announced_at", "current_at", "retiring_at", "destroyed_at")
    list_filter = ("state",)
    search_fields = ("=number",)
    chips = {"state": TONES}
    fields = ("number", "state", "announced_at", "announced_by", "current_at", "retiring_at", "destroyed_at")
    empty_note = "No key was needed yet: the first one is made with the first address book."
    acts = (Act("rotate", "Rotate the matching key", keys.ROTATE, explain=what_rotating_does, run=rotate, on_list=True, danger=False),)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only by the act."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: MatchingKey | None = None) -> bool:
        return False
