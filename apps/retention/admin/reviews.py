"""Reviews: organizations that ask for them, and the cohorts that wait for somebody's yes before they are destroyed."""

from django import forms
from django.contrib import admin
from django.db.models import Sum
from django.http import HttpRequest

from apps.accounts.models import Organization
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, number
from apps.foundation.clock import day_of
from apps.retention.models import AsideMessage, Cohort, Review, ReviewAsked
from apps.retention.services import reviews
from apps.retention.states import AsideGround, CohortState, ReviewState

REVIEW_TONES = {ReviewState.WAITING: "wait", ReviewState.APPROVED: "ok", ReviewState.REJECTED: "warn"}


class AskForm(forms.Form):
    organization = forms.ModelChoiceField(Organization.objects.filter(standing="active").order_by("name"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["organization"].label_from_instance = lambda row: f"{row.name} ({row.reference})"


class RejectForm(forms.Form):
    reason = forms.CharField(max_length=300, help_text="Why it may not be destroyed on its day. Name people by their references.")


def ask(request: HttpRequest, _none, form: forms.Form) -> str:
    asked = reviews.ask(organization=form.cleaned_data["organization"], by=request.user, at=clock.now())
    waiting = Review.objects.filter(cohort__organization=asked.organization, state=ReviewState.WAITING).count()
    return f"Cohorts of {asked.organization.reference} are reviewed from now on; {waiting:,} wait already."


def end(request: HttpRequest, asked: ReviewAsked, _form) -> str:
    reviews.end(asked=asked, by=request.user, at=clock.now())
    return f"Cohorts of {asked.organization.reference} are not reviewed any more."


def approve(request: HttpRequest, review: Review, _form) -> str:
    reviews.approve(review=review, by=request.user, at=clock.now())
    return f"{review.cohort.reference} may be destroyed."


def reject(request: HttpRequest, review: Review, form: forms.Form) -> str:
    reviews.reject(review=review, reason=form.cleaned_data["reason"], by=request.user, at=clock.now())
    return f"{review.cohort.reference} is kept, with this reason."


class StillAsked(admin.SimpleListFilter):
    """Organizations that ask now, or did."""

    title = "asked"
    parameter_name = "asked"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("now", "still"), ("ended", "no more")]

    def queryset(self, request: HttpRequest, queryset):
        return queryset if self.value() is None else queryset.filter(ended_at__isnull=self.value() == "now")


@admin.register(ReviewAsked)
class ReviewAskedAdmin(CovenantAdmin):
    list_display = ("organization", "since", "asked_by", "ended_at")
    list_filter = (StillAsked, "organization")
    list_select_related = ("organization",)
    search_fields = ("=id", "=organization__reference")
    unmasked_fields = ("asked_by", "ended_by")
    fields = ("organization", "since", "asked_by", "ended_at", "ended_by")
    empty_note = "No organization asks for reviews: what has expired is destroyed without anybody's yes."
    acts = (
        Act(
            "ask", "Ask for reviews", "retention.add_reviewasked", on_list=True, danger=False, form=AskForm,
            explain=lambda _none: [
                "Each cohort of the organization waits for a review from its seal on, two days before its end; those sealed already included.",
                "Its contact gets a mail for each, and a reminder a day before the end.",
                "What is not approved by its day steps aside, hidden, until it is: its destruction comes later than its life says.",
                f"Organizations that ask now: {ReviewAsked.objects.filter(ended_at=None).count():,}.",
            ],
            run=ask,
        ),
        Act(
            "end", "End the reviews", "retention.end_reviewasked", applies=lambda asked: asked.ended_at is None,
            explain=lambda asked: [
                f"Cohorts of {asked.organization.reference} that are sealed from now on are destroyed on their day without a review.",
                f"Those that wait for a review still do: {_waiting(asked):,}.",
            ],
            run=end,
        ),
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # by the act, which says what it means


def _waiting(asked: ReviewAsked) -> int:
    return Review.objects.filter(cohort__organization=asked.organization_id).exclude(state=ReviewState.APPROVED).count()


def _sealed(cohort: Cohort) -> int:
    return cohort.segments.aggregate(n=Sum("messages"))["n"] or 0


def _aside(cohort: Cohort) -> int:
    return AsideMessage.objects.filter(cohort=cohort, ground=AsideGround.REVIEW).count()


def approval_means(review: Review) -> list[str]:
    """What an approval does, with its counts."""
    cohort, aside = review.cohort, _aside(review.cohort)
    said = [f"{cohort.reference} of {cohort.organization.reference}: {_sealed(cohort):,} messages are sealed."]
    if aside:
        said.append(f"{aside:,} of them stand aside for this review; the next sweep destroys them beyond recovery, with a certificate of their own.")
    elif cohort.expiry_on > day_of(clock.now()):
        said.append(f"They are destroyed beyond recovery on {cohort.expiry_on.isoformat()}, with a certificate.")
    else:
        said.append("Their day has come: they are destroyed beyond recovery by the next sweep, with a certificate.")
    return [*said, "What a legal hold keeps or an archive is owed stays all the same.", "An approval can't be taken back."]


def rejection_means(review: Review) -> list[str]:
    """What a rejection does, with its counts."""
    cohort = review.cohort
    return [
        f"{_sealed(cohort):,} sealed messages of {cohort.reference} are not destroyed on {cohort.expiry_on.isoformat()}.",
        "From that day on they stand aside, hidden from everybody, until somebody approves.",
        "It is no legal hold: where the law asks to keep them, have counsel place one.",
    ]


@admin.register(Review)
class ReviewAdmin(CovenantAdmin):
    list_display = ("cohort", "organization", "expiry_on", "state", "opened_at", "reminded_at", "decided_at")
    list_display_links = ("expiry_on",)
    list_filter = ("state", "expiry_on")
    list_select_related = ("cohort__organization",)
    search_fields = ("=id", "=cohort__reference", "=cohort__organization__reference")
    chips = {"state": REVIEW_TONES}
    unmasked_fields = ("decided_by", "reason")
    fields = ("cohort", "organization", "expiry_on", "state", "sealed", "aside", "opened_at", "reminded_at", "decided_at", "decided_by", "reason")
    readonly_fields = ("organization", "sealed", "aside")
    empty_note = "No cohort waits for a review. Where an organization asks for reviews, each of its cohorts comes here at its seal."
    acts = (
        Act(
            "approve", "Approve the destruction", "retention.decide_review", applies=lambda review: may_be_approved(review),
            explain=approval_means, run=approve,
        ),
        Act(
            "reject", "Keep, with a reason", "retention.decide_review", danger=False, form=RejectForm,
            applies=lambda review: review.state == ReviewState.WAITING, explain=rejection_means, run=reject,
        ),
    )  # fmt: skip

    @admin.display(description="organization")
    def organization(self, review: Review) -> str:
        return review.cohort.organization.reference

    @admin.display(description="messages sealed")
    def sealed(self, review: Review) -> str:
        return number(_sealed(review.cohort))

    @admin.display(description="messages aside for it")
    def aside(self, review: Review) -> str:
        return number(_aside(review.cohort))


def may_be_approved(review: Review) -> bool:
    """Waiting or rejected, and not gone meanwhile."""
    return review.state != ReviewState.APPROVED and review.cohort.state != CohortState.DESTROYED
