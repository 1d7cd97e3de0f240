"""What the machine did: batches taken in, days destroyed, messages deleted early, doubts about the clock."""



from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.foundation import clock
from apps.foundation.admin import (
    Act,
    CovenantAdmin,
    CovenantTabularInline,
    chip,
    day,
    number,
)
from apps.retention.models import (
    Batch,
    ClockDoubt,
    Destruction,
    EarlyDeletion,
    RefusedLine,
)
from apps.retention.services import (
    clock_guard,
    destroy,
)
from apps.retention.states import DestructionState

DESTRUCTION_TONES = dict.fromkeys(DestructionState, "warn") | {DestructionState.DONE: "ok"}


class RefusedLineInline(CovenantTabularInline):
    model = RefusedLine
    fields = ("number", "code", "why")
    readonly_fields = fields
    can_delete = False
    max_num = 0
    verbose_name_plural = "Lines that were not taken in (the first hundred)"

    def has_view_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.has_perm("retention.view_batch")

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).filter(number__lte=self._hundredth(request))

    def _hundredth(self, request: HttpRequest) -> int:
        match = request.resolver_match
        numbers = RefusedLine.objects.filter(batch_id=match.kwargs.get("object_id")).order_by("number")
        return numbers.values_list("number", flat=True)[99:100].first() or 2**62


@admin.register(Batch)
class BatchAdmin(CovenantAdmin):
    list_display = ("reference", "organization", "source", "opened_at", "finished_at", "accepted", "duplicates", "refused")
    list_filter = ("organization", "life_from")
    list_select_related = ("organization",)
    search_fields = ("=reference", "=organization__reference")
    unmasked_fields = ("handed_over_by",)
    inlines = (RefusedLineInline,)
    fieldsets = (
        (None, {"fields": ("reference", "organization", "source", "handed_over_by", "opened_at", "finished_at", "state")}),
        ("Life", {"fields": ("life_from", "life_counts_from", "policy_version")}),
        ("What became of it", {"fields": ("committed_lines", "accepted", "duplicates", "replaced", "deleted", "refused", "table")}),
    )
    readonly_fields = ("state", "table")
    empty_note = "Nothing has been handed over yet: services call POST /api/v1/messages, staff run manage.py import_messages."

    @admin.display(description="state")
    def state(self, batch: Batch) -> SafeString:
        return chip("complete", "ok") if batch.finished_at else chip("under way, or broken off: send it again", "warn")

    @admin.display(description="by kind of line")
    def table(self, batch: Batch) -> SafeString:
        rows = ((*key.split("|", 1), number(count)) for key, count in sorted(batch.kinds.items()))
        return format_html(
            '<table class="account"><tbody>{}</tbody></table>',
            format_html_join("", '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>', rows),
        )


@admin.register(Destruction)
class DestructionAdmin(CovenantAdmin):
    list_display = ("reference", "day", "state", "attempts", "done_at", "last_error")
    list_filter = ("state",)
    search_fields = ("=reference",)
    chips = {"state": DESTRUCTION_TONES}
    sortable_by = ("day",)
    fields = (
        "reference", "day", "state", "opened_at", "intended_at", "journalled_at", "shredded_at", "truncated_at", "done_at",
        "bytes_freed", "attempts", "parked_at", "last_error", "certificates",
    )  # fmt: skip
    readonly_fields = ("certificates",)
    empty_note = "No day has been destroyed yet. The sweep makes a destruction for each day that is over."
    acts = (
        Act(
            "retry", "Try again", "retention.retry_destruction", danger=True, applies=lambda work: bool(work.parked_at),
            explain=lambda work: [
                f"The destruction of {work.day.isoformat()} goes on from where it stopped ({work.get_state_display()}).",
                "What it destroys can't be had back.",
            ],
            run=lambda request, work, _form: f"{destroy.retry(work=work, by=request.user, at=clock.now())} is taken up again.",
        ),
    )  # fmt: skip

    @admin.display(description="certificates")
    def certificates(self, work: Destruction) -> SafeString | str:
        rows = list(work.certificates.values_list("pk", "number")[:200])
        links = ((reverse("admin:retention_certificate_change", args=[pk]), name) for pk, name in rows)
        return format_html_join(", ", '<a href="{}">{}</a>', links) if rows else "none yet"


@admin.register(EarlyDeletion)
class EarlyDeletionAdmin(CovenantAdmin):
    list_display = ("reference", "cohort", "reason", "at", "by")
    list_filter = ("cohort", "at")
    list_select_related = ("cohort",)
    search_fields = ("=reference", "=cohort__reference")
    unmasked_fields = ("by",)
    fields = ("reference", "cohort", "segment", "reason", "at", "by", "proof", "unrecoverable_from")
    readonly_fields = ("unrecoverable_from",)
    empty_note = "No message was deleted before its day."

    @admin.display(description="unrecoverable from backups from")
    def unrecoverable_from(self, deletion: EarlyDeletion):
        return day(deletion.cohort.expiry_on)


class StillInDoubt(admin.SimpleListFilter):
    """Doubts that stop destruction now, or those that a person confirmed."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin) -> list[tuple[str, str]]:
        return [("open", "in doubt"), ("confirmed", "confirmed")]

    def queryset(self, request: HttpRequest, queryset):
        return queryset.filter(confirmed_at__isnull=self.value() == "open") if self.value() else queryset


@admin.register(ClockDoubt)
class ClockDoubtAdmin(CovenantAdmin):
    list_display = ("__str__", "against", "clock_said", "other_said", "raised_at", "confirmed_at")
    list_filter = (StillInDoubt, "raised_at")
    search_fields = ("=against",)
    search_help_text = "What the clock was compared with: heartbeat, database or journal."
    unmasked_fields = ("confirmed_by",)
    fields = ("against", "clock_said", "other_said", "raised_at", "confirmed_at", "confirmed_by")
    empty_note = "The clock has never been in doubt. A jump stops destruction until a person confirms it here."
    acts = (
        Act(
            "confirm", "The clock is right", "retention.confirm_clock", danger=True,
            applies=lambda doubt: doubt.confirmed_at is None,
            explain=lambda doubt: [
                f"The clock said {doubt.clock_said:%Y-%m-%d %H:%M} UTC when the {doubt.against} said {doubt.other_said:%Y-%m-%d %H:%M} UTC.",
                "Check the time of every machine first: destruction goes on after this, and can't be undone.",
            ],
            run=lambda request, doubt, _form: f"{clock_guard.confirm(doubt=doubt, by=request.user, at=clock.now())} is confirmed.",
        ),
    )  # fmt: skip
