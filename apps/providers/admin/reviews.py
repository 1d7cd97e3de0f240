"""Security reviews and attestations: recorded with their evidence; of each kind the newest counts."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.foundation import clock
from apps.foundation.admin import Act
from apps.providers.admin import standing
from apps.providers.admin.adding import AddedByService
from apps.providers.admin.agreements import document_of
from apps.providers.admin.providers import RESULT_TONES
from apps.providers.forms import ReviewForm
from apps.providers.models import SecurityReview
from apps.providers.services import reviewing


class CountsFilter(admin.SimpleListFilter):
    """Whether a review is the newest of its kind, and what that means for the gate."""

    title = "counts"
    parameter_name = "counts"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("newest", "the newest of its kind"), ("older", "an older one")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        newest = SecurityReview.objects.newest()
        match self.value():
            case "newest":
                return queryset.filter(pk__in=newest)
            case "older":
                return queryset.exclude(pk__in=newest)
        return queryset


@admin.register(SecurityReview)
class SecurityReviewAdmin(AddedByService):
    add_form = ReviewForm
    list_display = ("reference", "provider", "kind", "result", "reviewed_on", "due")
    list_filter = (CountsFilter, "result", "kind", "provider")
    list_select_related = ("provider",)
    search_fields = ("=reference", "=provider__reference")
    search_help_text = "By the reference of the review or the provider."
    chips = {"result": RESULT_TONES}
    fields = (
        "reference", "provider", "kind", "result", "conditions", "evidence", "digest", "kept_here", "reviewed_on", "due", "recorded_by", "recorded_at",
    )  # fmt: skip
    readonly_fields = ("digest", "kept_here", "due")
    empty_note = "No review yet. A provider is activated only after its security was reviewed, and the gate closes when it is overdue or failed."
    acts = (
        Act(
            "document", "Take its evidence", "providers.view_securityreview", danger=False, applies=lambda review: review.document_id is not None,
            explain=lambda review: ["You get the PDF as it was handed in. People may stand in it; that you took it is recorded."],
            run=lambda request, review, _form: document_of(review.document, review.reference, request),
        ),
    )  # fmt: skip

    def add(self, request: HttpRequest, values: dict[str, Any]) -> SecurityReview:
        return reviewing.record(**values, by=request.user, at=clock.now())

    @admin.display(description="next due")
    def due(self, review: SecurityReview) -> SafeString | str:
        return standing.until(review.next_due_on, clock.now())

    @admin.display(description="SHA-256 of the evidence")
    def digest(self, review: SecurityReview) -> SafeString:
        return format_html("<code>{}</code>", bytes(review.evidence_digest).hex())

    @admin.display(description="kept here")
    def kept_here(self, review: SecurityReview) -> str:
        return f"yes, {review.document.size:,} bytes" if review.document_id else "no: only its hash"
