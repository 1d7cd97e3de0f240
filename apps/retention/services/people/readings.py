"""Readings of archives that were asked for one person: they outlive the person, and then name nobody.

It must never let a reading for one person become one of everybody: what is not done yet is rejected.
"""

from datetime import datetime

from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.moves import require_move
from apps.foundation.personal_data import Subject
from apps.retention.models import ArchiveReading
from apps.retention.services.readings import ACT
from apps.retention.states import REQUEST_MOVES, RequestState
from apps.staff.models import Approval
from apps.staff.services import approvals
from apps.staff.states import Verdict

WAITING = (RequestState.PROPOSED, RequestState.APPROVED)
WHY = "For a person who was erased."


def let_go_of(subject: Subject, at: datetime) -> int:
    """Reject what waits, and take the person out of all. Call it inside a transaction; returns how many readings were theirs."""
    rows = list(ArchiveReading.objects.select_for_update().filter(person_id=subject.pk).order_by("id"))
    for row in rows:
        if row.state == RequestState.PROPOSED:
            require_move(REQUEST_MOVES, row.state, RequestState.REJECTED)
            for approval in Approval.objects.filter(act=ACT, subject=row.reference, verdict=Verdict.OPEN):
                approvals.void(approval=approval, at=at)
        was, row.state = row.state, RequestState.REJECTED if row.state in WAITING else row.state
        row.person, row.of_erased_person, row.reason = None, True, WHY
        row.save(update_fields=["person", "of_erased_person", "reason", "state"])
        ledger.record("reading.person_erased", by=SYSTEM, about=row.reference, at=at, facts={"was": was})
    return len(rows)
