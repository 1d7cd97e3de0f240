"""Announcements, notices and deliveries: words as they arrive, who would get them, the second person's yes, how far it has come.

Only counts and references stand here; a list of deliveries as a file names people by their references.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.communications.forms import AnnouncementForm, MomentForm
from apps.communications.models import Announcement, Circular, Delivery, Notice
from apps.communications.services.announcements import deciding, drafting, trying
from apps.communications.services.circulars import controlling, reporting, wording
from apps.communications.states import CIRCULAR_MOVES, CircularState, DeliveryState
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin

TONES = {
    CircularState.DRAFT: "plain", CircularState.ASKED: "wait", CircularState.APPROVED: "wait", CircularState.SENDING: "wait",
    CircularState.PAUSED: "warn", CircularState.SENT: "ok", CircularState.CANCELLED: "plain",
}  # fmt: skip
DELIVERY_TONES = {
    DeliveryState.WAITING: "wait", DeliveryState.HANDED: "ok", DeliveryState.WITHDRAWN: "plain", DeliveryState.NOT_ACTIVE: "plain",
    DeliveryState.NO_ADDRESS: "warn", DeliveryState.CANCELLED: "plain",
}  # fmt: skip


def may_move(to: CircularState):
    return lambda circular: to in CIRCULAR_MOVES[circular.state]


def is_state(*states: CircularState):
    return lambda circular: circular.state in states


def what_asking_does(circular: Circular) -> list[str]:
    return [
        "From now on its words stay. Somebody else with the right to approve reads them and decides; you can't approve them yourself.",
        str(drafting.estimate(channel=circular.channel, at=clock.now())),
    ]


def what_approving_does(circular: Circular) -> list[str]:
    """The sentences of the page that asks to confirm it: every word that goes out stands there."""
    approval = drafting.asked_for(circular)
    if approval is None:
        raise deciding.AnnouncementNotAsked(f"Nobody asks for {circular}.")
    subject, text = wording.preview(circular)
    at = clock.now()
    moment = "at once" if circular.send_at is None or circular.send_at <= at else f"at {circular.send_at:%Y-%m-%d %H:%M} UTC"
    return [
        f"{approval.asked_by} asks for it since {approval.asked_at:%Y-%m-%d %H:%M} UTC.",
        str(drafting.estimate(channel=circular.channel, at=at)),
        f"It goes out {moment}, to who allows it at the moment it is handed over. Who withdraws before that gets nothing.",
        f"Subject: {subject}",
        *text.split("\n\n"),
    ]


class CircularAdmin(CovenantAdmin):
    """What announcements and notices have in common: their words, how far they have come, and how they are stopped."""

    list_filter = ("state", "created_at")
    search_fields = ("=reference",)
    search_help_text = "By its reference."
    sortable_by = ("created_at",)
    chips = {"state": TONES}
    readonly_fields = ("as_it_arrives", "reach", "progress", "fingerprint")
    fieldsets: tuple = (
        (None, {"fields": ("reference", "kind", "channel", "state", "trouble")}),
        ("How far it has come", {"fields": ("progress", "send_at", "started_at", "frozen_at", "ended_at")}),
        ("As it arrives", {"fields": ("as_it_arrives",)}),
        ("Who wrote and approved it", {"fields": ("drafted_by", "created_at", "asked_by", "asked_at", "approved_by", "approved_at", "fingerprint")}),
    )

    @admin.display(description="words")
    def as_it_arrives(self, circular: Circular) -> SafeString:
        subject, text = wording.preview(circular)
        return format_html('<pre class="mail-text"><strong>Subject: {}</strong>\n\n{}</pre>', subject, text)

    @admin.display(description="would reach")
    def reach(self, circular: Circular) -> str:
        return str(drafting.estimate(channel=circular.channel, at=clock.now()))

    @admin.display(description="progress")
    def progress(self, circular: Circular) -> SafeString | str:
        """A bar of what has ended, with how it ended."""
        if circular.started_at is None:
            return "Nothing went out." if circular.state == CircularState.CANCELLED else "It has not begun."
        found = reporting.report(circular)
        if circular.frozen_at is None and circular.state in (CircularState.SENDING, CircularState.PAUSED):
            return f"Its audience is being put together: {circular.audience:,} people so far."
        if not found.people:
            return "It went to nobody: nobody was to get it when it began." if not circular.audience else "Its deliveries are past their life."
        url = reverse("admin:communications_delivery_changelist") + f"?circular__reference={circular.reference}"
        counts = format_html_join(", ", "{} {}", ((f"{count:,}", label) for _code, label, count in found.lines))
        return format_html(
            '<progress max="{}" value="{}" aria-label="Ended">{}%</progress> {} of {} ended<br>{}<br><a href="{}">All deliveries, also as a file</a>',
            found.people, found.ended, found.ended * 100 // found.people, f"{found.ended:,}", f"{found.people:,}", counts, url,
        )  # fmt: skip

    @admin.display(description="SHA-256 of the words")
    def fingerprint(self, circular: Circular) -> str:
        return bytes(circular.digest).hex() if circular.digest else "fixed by the approval" if circular.is_announcement else "made from the policy"

    @admin.display(description="people")
    def people(self, circular: Circular) -> str:
        return f"{circular.audience:,}" if circular.started_at else ""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


PAUSE = Act(
    "pause", "Pause", controlling.CONTROL, danger=False, applies=is_state(CircularState.SENDING),
    explain=lambda circular: [
        "Nothing more of it is handed over, and what nobody has tried to send comes back out of the outbox.",
        "Mails that the mail server already has, or is taking at this moment, arrive.",
    ],
    run=lambda request, circular, _form: f"{controlling.pause(circular=circular, by=request.user, at=clock.now())} is paused.",
)  # fmt: skip
RESUME = Act(
    "resume", "Resume", controlling.CONTROL, danger=False, applies=is_state(CircularState.PAUSED),
    explain=lambda circular: [
        "It goes on where it stopped. Nobody gets it twice; who withdrew meanwhile gets nothing.",
        *([f"Why it stopped: {circular.trouble}."] if circular.trouble else []),
    ],
    run=lambda request, circular, _form: f"{controlling.resume(circular=circular, by=request.user, at=clock.now())} goes on.",
)  # fmt: skip


@admin.register(Announcement)
class AnnouncementAdmin(CircularAdmin):
    list_display = ("reference", "kind", "channel", "state", "subject", "people", "send_at", "created_at", "ended_at")
    list_filter = ("state", "kind", "channel", "created_at")
    empty_note = "No announcement yet. Write one; it goes out after a second person approved it, to those who allowed it."
    form = AnnouncementForm
    acts = (
        Act(
            "test", "Send a test to me", drafting.DRAFT, danger=False, applies=lambda circular: circular.ended_at is None,
            explain=lambda circular: ["It goes to your own address and to nobody else, marked as a test, with no link that would unsubscribe anybody."],
            run=lambda request, circular, _form: send_test(request, circular),
        ),
        Act(
            "ask", "Ask for approval", drafting.DRAFT, danger=False, applies=may_move(CircularState.ASKED), explain=what_asking_does,
            run=lambda request, circular, _form: f"{drafting.ask(circular=circular, by=request.user, at=clock.now())} waits for a second person.",
        ),
        Act(
            "back_to_draft", "Back to draft", drafting.DRAFT, danger=False, applies=is_state(CircularState.ASKED),
            explain=lambda circular: ["The request is void and its words can be changed. It has to be asked for anew."],
            run=lambda request, circular, _form: f"{drafting.back_to_draft(circular=circular, by=request.user, at=clock.now())} is a draft again.",
        ),
        Act(
            "approve", "Approve", drafting.APPROVE, danger=True, applies=is_state(CircularState.ASKED), explain=what_approving_does,
            run=lambda request, circular, _form: approved(deciding.approve(circular=circular, by=request.user, at=clock.now())),
        ),
        Act(
            "reject", "Reject", drafting.APPROVE, danger=False, applies=is_state(CircularState.ASKED),
            explain=lambda circular: ["It goes to nobody. It is a draft again, and can be written anew."],
            run=lambda request, circular, _form: f"{deciding.reject(circular=circular, by=request.user, at=clock.now())} is rejected.",
        ),
        Act(
            "schedule", "Set its moment", controlling.CONTROL, danger=False, applies=is_state(CircularState.APPROVED), form=MomentForm,
            explain=lambda circular: ["Its words stay as they were approved; only the moment changes."],
            run=lambda request, circular, form: approved(
                controlling.schedule(circular=circular, send_at=form.cleaned_data["send_at"], by=request.user, at=clock.now())
            ),
        ),
        PAUSE,
        RESUME,
        Act(
            "cancel", "Cancel", controlling.CONTROL, danger=True, applies=may_move(CircularState.CANCELLED),
            explain=lambda circular: ["Who has not got it does not get it, for good. What left stays in the report."],
            run=lambda request, circular, _form: f"{controlling.cancel(circular=circular, by=request.user, at=clock.now())} is cancelled.",
        ),
    )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Circular | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("kind", "channel", "subject", "words", "send_at")}),)
        if obj.state == CircularState.DRAFT and self.has_change_permission(request, obj):
            what = (None, {"fields": ("reference", "kind", "channel", "state", "reach")}), ("Words", {"fields": ("subject", "words", "send_at")})
            return (*what, *self.fieldsets[2:])
        head = ("reference", "kind", "channel", "state", "trouble")
        return ((None, {"fields": (*head, "reach") if obj.started_at is None else head}), *self.fieldsets[1:])

    def get_readonly_fields(self, request: HttpRequest, obj: Circular | None = None) -> Any:
        if obj is None:
            return ()
        editable = AnnouncementForm.Meta.fields
        shown = [field.name for field in self.model._meta.concrete_fields if field.name not in editable and field.name != "id"]
        return (*super().get_readonly_fields(request, obj), *shown, "kind", "channel")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(drafting.DRAFT)

    def has_change_permission(self, request: HttpRequest, obj: Circular | None = None) -> bool:
        """A draft is changed by who may write one; what was handed in stays."""
        return obj is not None and obj.state == CircularState.DRAFT and request.user.has_perm("communications.change_announcement")

    def save_model(self, request: HttpRequest, obj: Announcement, form: AnnouncementForm, change: bool) -> None:
        typed = {name: form.cleaned_data[name] for name in ("subject", "words", "send_at")}
        if change:
            drafting.reword(circular=obj, **typed, by=request.user, at=clock.now())
            return
        row = drafting.draft(**typed, kind=form.cleaned_data["kind"], channel=form.cleaned_data["channel"], by=request.user, at=clock.now())
        obj.pk, obj.reference = row.pk, row.reference

    def act_buttons(self, request: HttpRequest, obj: Circular | None) -> list[dict]:
        """Who asked does not decide; the service refuses it too."""
        buttons = super().act_buttons(request, obj)
        approval = drafting.asked_for(obj) if obj is not None and obj.state == CircularState.ASKED else None
        if approval is None or approval.asked_by_id != request.user.pk:
            return buttons
        return [button for button in buttons if button["name"] not in ("approve", "reject")]


def send_test(request: HttpRequest, circular: Circular) -> str:
    trying.send_test(circular=circular, by=request.user, at=clock.now())
    return f"A test of {circular} is on its way to you, and to nobody else."


def approved(circular: Circular) -> str:
    return f"{circular} is approved. It goes out at {circular.send_at:%Y-%m-%d %H:%M} UTC."


@admin.register(Notice)
class NoticeAdmin(CircularAdmin):
    list_display = ("reference", "about_version", "state", "people", "created_at", "started_at", "ended_at")
    list_select_related = ("about_version",)
    empty_note = "No notice yet. When a new version of the policy is published, everybody with an account hears of it."
    fieldsets = ((None, {"fields": ("reference", "about_version", "state", "trouble")}), *CircularAdmin.fieldsets[1:3])
    acts = (PAUSE, RESUME)


@admin.register(Delivery)
class DeliveryAdmin(CovenantAdmin):
    """Which circular went to whom, by references only."""

    list_display = ("id", "circular", "person", "state", "outcome", "handed_at", "mail")
    list_filter = ("state", "circular")
    list_select_related = ("circular", "person", "mail")
    search_fields = ("=id", "=circular__reference", "=person__reference")
    search_help_text = "By its number, or the reference of an announcement, a notice or a person."
    chips = {"state": DELIVERY_TONES}
    fields = ("circular", "person", "state", "outcome", "handed_at", "tries", "mail", "rests_on")
    readonly_fields = ("outcome", "rests_on")
    unmasked_fields = ("person",)
    empty_note = "Nothing was delivered yet. Deliveries are made when an announcement or a notice begins."

    @admin.display(description="mail")
    def outcome(self, delivery: Delivery) -> str:
        return delivery.mail.get_state_display() if delivery.mail else ""

    @admin.display(description="rests on")
    def rests_on(self, delivery: Delivery) -> str:
        if delivery.purpose_id is None:
            return "nothing: it is a notice"
        return f"the consent to {delivery.purpose_id}, which stands" if delivery.stands else f"the consent to {delivery.purpose_id}, which fell since"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        return False
