"""A matter is opened before anything is held for it, and closes with its last hold. Closed is final.

It must never be closed over a hold that is in force: the database refuses that as well.
"""

from datetime import datetime

from django.db import transaction

from apps.accounts import details
from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.holds import texts
from apps.holds.models import Matter
from apps.holds.states import MATTER_MOVES, MatterState
from apps.staff.models import StaffMember
from apps.staff.services import presence

OPEN, CLOSE = "holds.add_matter", "holds.close_matter"
LONGEST_TITLE, LONGEST_REASON = 120, 500


class HoldsStand(Refusal):
    """The matter still has holds in force."""

    code = "holds_stand"
    mend = "Have its holds released first; the matter closes with the last of them."


@transaction.atomic
def open_matter(*, title: str, reason: str, by: StaffMember, at: datetime) -> Matter:
    """Open a matter. It keeps nothing until a hold is placed for it."""
    opener = presence.lock(by)[by.pk]
    presence.require_right(opener, OPEN)
    matter = Matter(
        title=details.line(title, field="title", longest=LONGEST_TITLE),
        reason=details.line(reason, field="reason", longest=LONGEST_REASON),
        opened_by=str(opener.actor), opened_at=at,
    )  # fmt: skip
    texts.make_secret(matter.reference)
    matter.save(force_insert=True)
    ledger.record("matter.opened", by=opener, about=matter.reference, at=at)
    words = {"title": matter.title, "reason": matter.reason}
    journal.owe(
        "matter.opened", about=matter.reference, at=at,
        body={"by": matter.opened_by, "words": texts.seal(words, matter=matter.reference, about=matter.reference)},
    )  # fmt: skip
    doorbell.ring("journal.owed")
    return matter


@transaction.atomic
def close(*, matter: Matter, by: StaffMember, at: datetime) -> Matter:
    """Close a matter that nothing is held for, e.g. one that was opened by mistake."""
    closer = presence.lock(by)[by.pk]
    presence.require_right(closer, CLOSE)
    matter = Matter.objects.select_for_update().get(pk=matter.pk)
    require_move(MATTER_MOVES, matter.state, MatterState.CLOSED)
    if matter.holds.active().exists():
        raise HoldsStand(f"{matter.reference} still has holds in force.")
    end(matter, by=closer, at=at)
    journal.owe("matter.closed", about=matter.reference, body={"by": matter.closed_by}, at=at)
    doorbell.ring("journal.owed")
    return matter


def end(matter: Matter, *, by: StaffMember, at: datetime) -> None:
    """Close a matter that the caller has locked and found without holds in force, and of which it tells the journal."""
    matter.state, matter.closed_by, matter.closed_at = MatterState.CLOSED, str(by.actor), at
    matter.save(update_fields=["state", "closed_by", "closed_at"])
    ledger.record("matter.closed", by=by, about=matter.reference, at=at)
