"""The outbox, for reading; a parked mail can be tried again. Address, subject and text are masked."""

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest

from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.mail.states import State


def try_again(request: HttpRequest, mail: OutgoingMail, _form: forms.Form | None) -> str:
    with transaction.atomic():  # who did it is recorded with the deed, or it is not done
        outbox.retry(mail=mail, at=clock.now())
        own_admin = admin.site.get_model_admin(OutgoingMail)
        own_admin.log_change(request, mail, "Queued again after it was parked.")
    return f"{mail} is queued again and leaves within a minute."


@admin.register(OutgoingMail)
class OutgoingMailAdmin(CovenantAdmin):
    list_display = ("reference", "state", "template", "about", "to_address", "attempts", "created_at", "sent_at", "last_error")
    list_filter = ("state", "is_bulk", "created_at")
    search_fields = ("=reference", "=about")
    search_help_text = "The reference of a mail, or of what it is about."
    fields = (
        "reference", "state", "template", "about", "is_bulk", "to_address", "subject", "created_at", "next_try_at", "attempts", "last_error",
        "sent_at", "emptied_at",
    )  # fmt: skip
    chips = {"state": {State.QUEUED: "wait", State.SENT: "ok", State.PARKED: "bad", State.TAKEN_BACK: "plain"}}
    empty_note = "No mail was written yet. Mail goes out when a certificate is issued, for example."
    acts = (
        Act(
            "retry", "Try again", "mail.retry_outgoingmail",
            explain=lambda mail: [
                "The mail is queued again with five new attempts, and leaves within a minute.",
                "If the server took it at the last attempt without saying so, it arrives twice.",
            ],
            run=try_again, danger=False, applies=lambda mail: mail.state == State.PARKED and mail.emptied_at is None,
        ),
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: OutgoingMail | None = None) -> bool:
        return False
