"""A second person reads the words and decides. The approval is bound to the digest of what they read.

It must never let who asked decide, nor approve words that changed since; nothing goes out on anything else than this.
"""

from datetime import datetime

from django.db import transaction

from apps.audit.services import ledger
from apps.communications.models import Announcement, Circular
from apps.communications.services.announcements.drafting import asked_for, digest_of, facts, locked
from apps.communications.states import CIRCULAR_MOVES, CircularState
from apps.foundation import doorbell
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import approvals, presence


class AnnouncementNotAsked(Refusal):
    """Nobody asks for this announcement, or no longer."""

    code = "announcement_not_asked"
    mend = "Reload the page. Its writer may ask anew."


@transaction.atomic
def approve(*, circular: Circular, by: StaffMember, at: datetime) -> Announcement:
    """Approve the words that somebody else asked for. It goes out at its moment, or at once where none was set."""
    row, approval, decider = _asked(circular, by)
    require_move(CIRCULAR_MOVES, row.state, CircularState.APPROVED)
    digest = digest_of(row)
    approvals.approve(approval=approval, digest=digest, by=decider, at=at)
    row.state, row.approved_by, row.approved_at, row.digest = CircularState.APPROVED, str(decider.actor), at, digest
    row.send_at = max(row.send_at or at, at)
    row.save(update_fields=["state", "approved_by", "approved_at", "digest", "send_at"])
    ledger.record("announcement.approved", by=decider, about=row.reference, at=at, facts=facts(row) | {"approval": approval.reference})
    doorbell.ring("circulars.due")
    return row


@transaction.atomic
def reject(*, circular: Circular, by: StaffMember, at: datetime) -> Announcement:
    """Reject it: it is a draft again."""
    row, approval, decider = _asked(circular, by)
    require_move(CIRCULAR_MOVES, row.state, CircularState.DRAFT)
    approvals.reject(approval=approval, digest=digest_of(row), by=decider, at=at)
    row.state, row.asked_by, row.asked_at = CircularState.DRAFT, "", None
    row.save(update_fields=["state", "asked_by", "asked_at"])
    ledger.record("announcement.rejected", by=decider, about=row.reference, at=at, facts={"approval": approval.reference})
    return row


def _asked(circular: Circular, by: StaffMember):
    approval = asked_for(circular)
    if approval is None:
        raise AnnouncementNotAsked(f"Nobody asks for {circular}.")
    decider = presence.lock(by, approval.asked_by)[by.pk]
    return locked(circular), approval, decider
