"""Security reviews and attestations: recorded with their evidence, never changed. Of each kind the newest counts.

A review that failed or is overdue closes the gate for its provider by itself. It must never be recorded with a day in the future,
which would make it the newest before it was made.
"""

from datetime import date, datetime

from django.db import transaction

from apps.accounts import details
from apps.audit.services import ledger
from apps.foundation.clock import day_of
from apps.foundation.digests import sha256
from apps.foundation.refusals import Refusal
from apps.providers.models import Provider, SecurityReview
from apps.providers.services import locking
from apps.providers.services.agreeing import keep_document, require_not_ended
from apps.providers.states import ReviewKind, ReviewResult
from apps.staff.models import StaffMember

RECORD = "providers.add_securityreview"
LONGEST_CONDITIONS, LONGEST_EVIDENCE = 500, 200
LONGEST_YEARS = 3


class ReviewDaysWrong(Refusal):
    """A review was made today or before, and is due again within three years after it."""

    code = "review_days_wrong"
    mend = "Correct its days."


class EvidenceMissing(Refusal):
    """A review rests on evidence, and on exactly one file or one hash of it."""

    code = "evidence_missing"
    mend = "Hand the evidence in as PDF, or give its SHA-256 of 64 hexadecimal digits where it is kept elsewhere."


class ConditionsMissing(Refusal):
    """What passed with conditions, or failed, says which and why."""

    code = "conditions_missing"
    mend = "Write down the conditions, or why it failed."


@transaction.atomic
def record(
    *, provider: Provider, kind: str, result: str, evidence: str, reviewed_on: date, next_due_on: date, by: StaffMember, at: datetime,
    conditions: str = "", content: bytes | None = None, evidence_digest: bytes | None = None,
) -> SecurityReview:  # fmt: skip
    """Record how a provider's practices were found. Passed, it opens nothing by itself; failed, it closes at once."""
    reviewer = locking.acting(by, RECORD)
    provider = locking.provider(provider.pk)
    require_not_ended(provider)
    if reviewed_on > day_of(at) or not reviewed_on < next_due_on <= _years_later(reviewed_on):
        raise ReviewDaysWrong
    if (content is None) == (evidence_digest is None) or (evidence_digest is not None and len(evidence_digest) != 32):
        raise EvidenceMissing
    said = details.line(conditions, field="conditions", longest=LONGEST_CONDITIONS, optional=True)
    if result != ReviewResult.PASSED and not said:
        raise ConditionsMissing
    review = SecurityReview.objects.create(
        provider=provider, kind=ReviewKind(kind), result=ReviewResult(result), conditions=said,
        evidence=details.line(evidence, field="evidence", longest=LONGEST_EVIDENCE),
        evidence_digest=sha256(content) if content is not None else evidence_digest,
        document=keep_document(content, by=reviewer, at=at) if content is not None else None,
        reviewed_on=reviewed_on, next_due_on=next_due_on, recorded_by=str(reviewer.actor), recorded_at=at,
    )  # fmt: skip
    ledger.record(
        "review.recorded", by=reviewer, about=review.reference, at=at,
        facts={"provider": provider.reference, "kind": review.kind, "result": review.result, "next_due": next_due_on,
               "evidence": review.evidence_digest},
    )  # fmt: skip
    return review


def _years_later(day: date) -> date:
    try:
        return day.replace(year=day.year + LONGEST_YEARS)
    except ValueError:  # 29 February
        return day.replace(year=day.year + LONGEST_YEARS, day=28)
