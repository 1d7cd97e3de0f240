"""Reviews: an organization may ask that somebody looks at each cohort before it is destroyed.

One stage, between the seal and the day. What is not approved by then steps aside, hidden, until it is. A rejection has its
reason and keeps the cohort aside; it is no hold: approve it later, or have counsel place one.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.accounts.models import Organization
from apps.audit.services import ledger
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.mail.services import outbox
from apps.retention.models import Cohort, Review, ReviewAsked
from apps.retention.states import REVIEW_MOVES, ReviewState
from apps.staff.models import StaffMember


class ReasonMissing(Refusal):
    """A rejection says why."""

    code = "reason_missing"
    mend = "Write in a sentence why the cohort may not be destroyed on its day."


class AskedAlready(Refusal):
    """Reviews are asked for this organization already."""

    code = "asked_already"
    mend = "Nothing to do: its cohorts are reviewed from their seal on."


class NotAsked(Refusal):
    """This organization's cohorts are not reviewed."""

    code = "not_asked"
    mend = "Reload the page: somebody may have ended it already."


@transaction.atomic
def ask(*, organization: Organization, by: StaffMember, at: datetime) -> ReviewAsked:
    """From now on each cohort of the organization is reviewed before it is destroyed, those sealed already included."""
    Organization.objects.select_for_update().get(pk=organization.pk)
    if ReviewAsked.objects.filter(organization=organization, ended_at=None).exists():
        raise AskedAlready
    asked = ReviewAsked.objects.create(organization=organization, since=at, asked_by=str(by.actor))
    ledger.record("reviews.asked", by=by.actor, about=organization.reference, at=at)
    for cohort in Cohort.objects.readable().filter(organization=organization, sealed_at__isnull=False):
        open_for(cohort=cohort, at=at)
    return asked


@transaction.atomic
def end(*, asked: ReviewAsked, by: StaffMember, at: datetime) -> ReviewAsked:
    """No more reviews; what waits for one still does, since somebody was told that it would be looked at."""
    asked = ReviewAsked.objects.select_for_update().get(pk=asked.pk)
    if asked.ended_at is not None:
        raise NotAsked
    asked.ended_at, asked.ended_by = at, str(by.actor)
    asked.save(update_fields=["ended_at", "ended_by"])
    ledger.record("reviews.ended", by=by.actor, about=asked.organization.reference, at=at)
    return asked


@transaction.atomic
def open_for(*, cohort: Cohort, at: datetime) -> Review | None:
    """Open the review of a sealed cohort where its organization asks for one, and tell its contact. Twice is once."""
    if not ReviewAsked.objects.filter(organization_id=cohort.organization_id, ended_at=None).exists():
        return None
    review, is_new = Review.objects.get_or_create(cohort=cohort, defaults={"expiry_on": cohort.expiry_on, "opened_at": at})
    if is_new:
        ledger.record("review.opened", by=SYSTEM, about=cohort.reference, at=at)
        _write_to_contact(review, "retention/review_opened", "opened", at)
    return review


def remind_due(*, at: datetime) -> int:
    """Remind of reviews whose cohort ends within a day; returns how many. Once each."""
    soon = day_of(at + timedelta(hours=settings.RETENTION_REVIEW_REMINDER_HOURS))
    due = Review.objects.filter(state=ReviewState.WAITING, reminded_at=None, expiry_on__lte=soon)
    return sum(_remind(pk, at) for pk in due.values_list("pk", flat=True)[:500])


@transaction.atomic
def _remind(review_id: int, at: datetime) -> bool:
    waiting = Review.objects.filter(pk=review_id, state=ReviewState.WAITING, reminded_at=None)
    review = waiting.select_for_update(skip_locked=True).first()
    if review is None:
        return False
    review.reminded_at = at
    review.save(update_fields=["reminded_at"])
    ledger.record("review.reminded", by=SYSTEM, about=review.cohort.reference, at=at)
    return _write_to_contact(review, "retention/review_reminder", "reminder", at)


def _write_to_contact(review: Review, template: str, kind: str, at: datetime) -> bool:
    cohort = review.cohort
    outbox.queue(
        template=template, to=cohort.organization.contact_email, about=cohort.reference,
        context={"organization": cohort.organization.reference, "cohort": cohort.reference, "day": cohort.expiry_on},
        once_key=f"review-{kind}-{cohort.reference}", at=at,
    )  # fmt: skip
    return True


def approve(*, review: Review, by: StaffMember, at: datetime) -> Review:
    """The cohort may be destroyed on its day; what had stepped aside for the review falls due with the next sweep."""
    return _decide(review, ReviewState.APPROVED, reason="", by=by, at=at)


def reject(*, review: Review, reason: str, by: StaffMember, at: datetime) -> Review:
    """The cohort is not destroyed: from its day on it stands aside, hidden, with this reason."""
    if not reason.strip():
        raise ReasonMissing
    return _decide(review, ReviewState.REJECTED, reason=reason.strip(), by=by, at=at)


@transaction.atomic
def _decide(review: Review, state: ReviewState, *, reason: str, by: StaffMember, at: datetime) -> Review:
    cohort = Cohort.objects.select_for_update().get(pk=review.cohort_id)  # the lock a destruction holds
    review = Review.objects.select_for_update().get(pk=review.pk)
    require_move(REVIEW_MOVES, review.state, state)
    review.state, review.decided_at, review.decided_by, review.reason = state, at, str(by.actor), reason
    review.save(update_fields=["state", "decided_at", "decided_by", "reason"])
    ledger.record(
        f"review.{state}", by=by.actor, about=cohort.reference, at=at, detail={"reason": reason} if reason else None
    )
    doorbell.ring("retention.due")
    return review
