"""The archives: their parts, what stands in hosted ones, and who reads one back."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.accounts.models import Person
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, CovenantTabularInline, chip, number
from apps.foundation.refusals import Refusal
from apps.retention.models import Archive, ArchivePart, ArchiveReading
from apps.retention.services import readings
from apps.retention.states import ArchiveState, RequestState, TargetKind

ARCHIVE_TONES = {ArchiveState.OPEN: "wait", ArchiveState.CLOSED: "ok", ArchiveState.DESTROYED: "plain"}
REQUEST_TONES = {
    RequestState.PROPOSED: "wait", RequestState.APPROVED: "ok", RequestState.REJECTED: "plain", RequestState.DONE: "plain",
}  # fmt: skip


class PartInline(CovenantTabularInline):
    model = ArchivePart
    fields = ("number", "state", "lines", "bytes", "digest", "made_at", "verified_at")
    readonly_fields = fields
    can_delete = False
    max_num = 0
    verbose_name_plural = "Parts"

    def has_view_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.has_perm("retention.view_archive")

    @admin.display(description="SHA-256")
    def digest(self, part: ArchivePart) -> SafeString:
        return format_html("<code>{}…</code>", bytes(part.sha256).hex()[:16])


def person_of(text: str) -> Person | None:
    """Whom a form names by reference, if anybody."""
    reference = text.strip().upper()
    person = Person.objects.filter(reference=reference).first() if reference else None
    if reference and person is None:
        raise forms.ValidationError("There is no person with that reference.")
    return person


class SearchForm(forms.Form):
    """What a hosted archive can be asked without being opened."""

    person = forms.CharField(max_length=20, required=False, help_text="Reference, e.g. PER-7F3K2MP: in which parts somebody wrote or received.")
    source = forms.CharField(max_length=40, required=False, label="Source of a conversation")
    conversation = forms.CharField(max_length=200, required=False, label="Conversation's id there")

    def clean_person(self) -> Person | None:
        return person_of(self.cleaned_data["person"])


@admin.register(Archive)
class ArchiveAdmin(CovenantAdmin):
    list_display = ("reference", "client", "day", "target", "state", "messages", "closed_at", "keep_until")
    list_filter = ("state", "target", "target__kind", "cohort", "cohort__organization", "cohort__expiry_on")
    list_select_related = ("cohort__organization", "target")
    search_fields = ("=reference", "=cohort__reference", "=target__reference", "=cohort__organization__reference")
    chips = {"state": ARCHIVE_TONES}
    fields = (
        "reference", "client", "cohort", "segment", "day", "target", "state", "opened_at", "closed_at", "messages", "bytes", "keep_until",
        "destroyed_at", "failures", "next_try_at", "last_error", "manifest_digest", "read",
    )  # fmt: skip
    readonly_fields = ("client", "day", "manifest_digest", "read")
    inlines = (PartInline,)
    empty_note = "No archive yet. What a client is owed leaves a day after it came, once a place is in use."
    acts = (
        Act(
            "find", "Find somebody or a conversation", "retention.view_archive", danger=False, form=SearchForm,
            applies=lambda archive: archive.target.kind == TargetKind.HOSTED and archive.state != ArchiveState.DESTROYED,
            explain=lambda archive: ["It says in which parts somebody or a conversation stands, without opening one. That you asked is recorded."],
            run=lambda request, archive, form: found(request, archive, **form.cleaned_data),
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related("cohort__organization", "target")

    @admin.display(description="organization")
    def client(self, archive: Archive) -> str:
        return archive.cohort.organization.reference

    @admin.display(description="its messages end on")
    def day(self, archive: Archive) -> str:
        return f"{archive.cohort.expiry_on:%Y-%m-%d}"

    @admin.display(description="manifest")
    def manifest_digest(self, archive: Archive) -> SafeString | str:
        if not archive.manifest:
            return "none yet: it takes parts"
        counts = archive.manifest["manifest"]["counts"]
        return format_html(
            "parts: {}; lines: {}; messages: {}; deleted early: {}; signed <code>{}…</code>",
            number(counts["parts"]), number(counts["lines"]), number(counts["messages"]), number(counts["deleted"]),
            archive.manifest["signature"]["value"][:16],
        )  # fmt: skip

    @admin.display(description="reading")
    def read(self, archive: Archive) -> SafeString | str:
        if archive.target.kind != TargetKind.HOSTED or archive.state != ArchiveState.CLOSED:
            return "only a closed archive that we host can be read back"
        asked = archive.readings.order_by("-id")[:20]
        links = format_html_join(", ", '<a href="{}">{}</a>', ((reverse("admin:retention_archivereading_change", args=[r.pk]), r) for r in asked))
        ask = format_html('<a href="{}?archive={}">Ask for a reading</a>', reverse("admin:retention_archivereading_add"), archive.reference)
        return format_html("{}{}{}", ask, ". Asked before: " if links else "", links)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Archive | None = None) -> bool:
        return False


def found(request: HttpRequest, archive: Archive, person: Person | None, source: str, conversation: str) -> str:
    """Which parts have lines of somebody, or of a conversation."""
    numbers = readings.find(
        archive=archive, person=person, source=source.strip(), conversation=conversation.strip(), by=request.user, at=clock.now()
    )
    return f"In parts {', '.join(map(str, numbers))} of {archive}." if numbers else f"In no part of {archive}."


class ReadingForm(forms.Form):
    archive = forms.CharField(max_length=20, help_text="Its reference, e.g. ARC-7F3K2MP.")
    person = forms.CharField(max_length=20, required=False, help_text="Reference of a person: only what they wrote or received. Empty: all of it.")
    reason = forms.CharField(max_length=300, widget=forms.Textarea(attrs={"rows": 2}), help_text="What it is for; a second person decides on it.")

    def clean_archive(self) -> Archive:
        reference = self.cleaned_data["archive"].strip().upper()
        archive = Archive.objects.select_related("cohort", "target").filter(reference=reference).first()
        if archive is None:
            raise forms.ValidationError("There is no archive with that reference.")
        return archive

    def clean_person(self) -> Person | None:
        return person_of(self.cleaned_data["person"])


@admin.register(ArchiveReading)
class ArchiveReadingAdmin(CovenantAdmin):
    list_display = ("reference", "archive", "state", "asked_at", "read_at", "lines")
    list_filter = ("state", "archive")
    list_select_related = ("archive",)
    search_fields = ("=reference", "=archive__reference")
    chips = {"state": REQUEST_TONES}
    fields = ("reference", "archive", "whose", "state", "reason", "asked_by", "asked_at", "decided_by", "decided_at", "read_at", "lines", "take")
    readonly_fields = ("whose", "take")
    unmasked_fields = ("reason", "asked_by", "decided_by")
    empty_note = "No archive was read back. Ask for one on its page, with a reason; a second person approves it."
    acts = (
        Act(
            "approve", "Approve", readings.ACT, danger=True, applies=lambda reading: reading.state == RequestState.PROPOSED,
            explain=lambda reading: [
                f"{reading.asked_by} can take the messages of {reading.archive} {'of one person ' if reading.person_id else ''}once, within 24 hours.",
                f"It is asked for because: “{reading.reason}”",
                "They leave decrypted, with who wrote and received them. The taking is recorded.",
            ],
            run=lambda request, reading, _form: f"{readings.approve(reading=reading, by=request.user, at=clock.now())} is approved.",
        ),
        Act(
            "reject", "Reject", readings.ACT, danger=False, applies=lambda reading: reading.state == RequestState.PROPOSED,
            explain=lambda reading: ["Nothing is opened. It can be asked for again."],
            run=lambda request, reading, _form: f"{readings.reject(reading=reading, by=request.user, at=clock.now())} is rejected.",
        ),
        Act(
            "take", "Take it", readings.ASK, danger=True, applies=lambda reading: reading.state == RequestState.APPROVED,
            explain=lambda reading: [
                "The messages come to this computer as JSON lines, once. That you took them is recorded now.",
            ],
            run=lambda request, reading, _form: take(request, reading),
        ),
    )  # fmt: skip

    @admin.display(description="of whom")
    def whose(self, reading: ArchiveReading) -> str:
        return "one person" if reading.person_id else "everybody"

    @admin.display(description="to be taken")
    def take(self, reading: ArchiveReading) -> SafeString | str:
        if reading.state != RequestState.APPROVED:
            return "no"
        until = reading.decided_at + readings.MAY_BE_TAKEN
        return chip(f"until {until:%Y-%m-%d %H:%M} UTC, by {reading.asked_by}", "ok" if until > clock.now() else "plain")

    def has_change_permission(self, request: HttpRequest, obj: ArchiveReading | None = None) -> bool:
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Ask for a reading."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, refusal = ReadingForm(request.POST or None, initial={"archive": request.GET.get("archive", "")[:20]}), None
        if request.method == "POST" and form.is_valid():
            try:
                reading = readings.ask(**form.cleaned_data, by=request.user, at=clock.now())
            except Refusal as said:
                refusal = said
            else:
                messages.success(request, f"{reading} is asked for. A second person can approve it now.")
                return HttpResponseRedirect(reverse("admin:retention_archivereading_change", args=[reading.pk]))
        context = {
            **self.admin_site.each_context(request), "title": "Ask to read an archive back", "subtitle": None, "opts": self.opts,
            "form": form, "refusal": refusal, "list_url": reverse("admin:retention_archivereading_changelist"), "list_title": "Readings of archives",
            "introduction": "The messages of a hosted archive, as JSON lines. A second person approves it; then you can take it once, for 24 hours.",
            "button": "Ask for the reading",
        }  # fmt: skip
        return TemplateResponse(request, "retention/archive_form.html", context, status=409 if refusal else 200)


def take(request: HttpRequest, reading: ArchiveReading) -> HttpResponse:
    """The messages, decrypted while they leave."""
    at = clock.now()
    reading = readings.begin(reading=reading, by=request.user, at=at)
    response = StreamingHttpResponse(readings.stream(reading=reading, by=request.user, at=at), content_type="application/x-ndjson")
    response["Content-Disposition"] = f'attachment; filename="{reading.reference}.jsonl"'
    response["Cache-Control"] = "no-store"
    return response
