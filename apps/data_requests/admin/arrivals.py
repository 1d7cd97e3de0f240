"""What came in, before and after it became a request. What somebody wrote is shown on one page, for a reason, and recorded."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from apps.accounts.forms import ReasonForm
from apps.data_requests.arrival_forms import DropForm
from apps.data_requests.models import Arrival
from apps.data_requests.services import sorting
from apps.data_requests.states import ArrivalState, Asker, Kind
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin

TONES = {ArrivalState.WAITING: "plain", ArrivalState.PARKED: "warn", ArrivalState.TAKEN: "good", ArrivalState.DROPPED: "plain", ArrivalState.UNREADABLE: "bad"}


def waits(arrival: Arrival) -> bool:
    return arrival.state in sorting.WAITS


def read(request: HttpRequest, arrival: Arrival, form: forms.Form) -> HttpResponse:
    asked = sorting.look(arrival=arrival, reason=form.cleaned_data["reason"], by=request.user, at=clock.now())
    context = admin.site.each_context(request) | {
        "title": f"What came in: {arrival}", "subtitle": None, "object": arrival, "opts": Arrival._meta, "asked": asked, "kind": Kind(asked.kind).label,
        "asker": Asker(asked.asker).label, "back_url": reverse("admin:data_requests_arrival_change", args=[arrival.pk]),
    }  # fmt: skip
    response = TemplateResponse(request, "admin/data_requests/arrival_read.html", context)
    response.headers["Cache-Control"] = "no-store, private"
    return response


def take_in(request: HttpRequest, arrival: Arrival, _form: None) -> str:
    made = sorting.take_in(arrival=arrival, by=request.user, at=clock.now())
    return f"It is {made}; its days count from when it came."


def drop(request: HttpRequest, arrival: Arrival, form: forms.Form) -> str:
    sorting.drop(arrival=arrival, reason=form.cleaned_data["reason"], by=request.user, at=clock.now())
    return f"{arrival} is dropped, and its words are gone."


def drop_network(request: HttpRequest, arrival: Arrival, _form: None) -> str:
    gone = sorting.drop_network(arrival=arrival, by=request.user, at=clock.now())
    return f"{gone} parked of the same network {'is' if gone == 1 else 'are'} dropped."


@admin.register(Arrival)
class ArrivalAdmin(CovenantAdmin):
    list_display = ("reference", "channel", "state", "code", "received_at", "attempts", "parked_at", "settled_at", "request")
    list_filter = ("state", "channel", "received_at")
    list_select_related = ("request",)
    search_fields = ("=reference", "=request__reference")
    search_help_text = "The reference of what came in, or of the request it became."
    unmasked_fields = ("settled_by",)
    fields = ("reference", "channel", "state", "code", "received_at", "attempts", "next_try_at", "parked_at", "settled_at", "settled_by", "request")
    chips = {"state": TONES}
    empty_note = "Nothing came in yet. People ask at /requests/, by e-mail, or through the product."
    acts = (
        Act(
            "read", "Read", sorting.REVEAL, form=ReasonForm, danger=False, run=read, applies=lambda arrival: arrival.words is not None,
            explain=lambda _arrival: [
                "What somebody wrote is shown once, with the address that they gave. Nobody has proved who they are.",
                "That you read it, when and for which reason is recorded for good.",
            ],
        ),
        Act(
            "take_in", "Take in now", sorting.WORK, danger=False, run=take_in, applies=lambda arrival: waits(arrival) and arrival.words is not None,
            explain=lambda _arrival: ["It becomes a request, or joins an open one, without waiting for its turn.", "Links and the receipt leave as ever."],
        ),
        Act(
            "drop", "Drop", sorting.WORK, form=DropForm, run=drop, applies=waits,
            explain=lambda _arrival: ["It becomes no request, and its words are gone for good.", "That you dropped it and why is recorded."],
        ),
        Act(
            "drop_network", "Drop all of its network", sorting.WORK, run=drop_network, applies=lambda arrival: arrival.state == ArrivalState.PARKED,
            explain=lambda _arrival: [
                "All that is parked and came from the same network becomes no request; the words are gone for good.",
                "Somebody behind that network may have asked in earnest. Read some of them first.",
            ],
        ),
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
