"""A hold is released by a second person, for a reason, for good; what it kept falls due only after a grace.

| who depends on it | on what |
|---|---|
| destruction, erasure | that a released hold still counts as in force until `kept_until` |
| the journal | that a release stands there, so that a restored backup does not hold for ever |

It must never release what was not asked for in exactly this state, nor by who asked: approvals refuse it, and so does the
database. Staff rows are locked first, then the matter, then the hold.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.accounts import details
from apps.accounts.models import Person
from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.actors import Actor
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.holds import texts
from apps.holds.models import Hold, Matter
from apps.holds.querysets import RELEASE
from apps.holds.services import asking, matters, placing
from apps.holds.states import HOLD_MOVES, HoldState
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals, presence

ASK = "holds.ask_release"
LONGEST_REASON = 500


class ReleaseNotAsked(Refusal):
    """Nobody asks for the release of this hold, or no longer."""

    code = "release_not_asked"
    mend = "Reload the page. If it should be released, ask for it with a reason."


def digest_of(hold: Hold) -> bytes:
    """What an approval is bound to: the hold, what it keeps, and why it should no longer."""
    asked_at = hold.release_asked_at.isoformat() if hold.release_asked_at else ""
    return sha256(
        canonical([hold.reference, placing.scope_facts(hold), hold.release_asked_by, asked_at, hold.release_reason])
    )


def asked_for(hold: Hold) -> Approval | None:
    """The open request for the release of this hold, if there is one."""
    return Approval.objects.waiting().filter(act=RELEASE, subject=hold.reference).select_related("asked_by").first()


def grace_days() -> int:
    """How many days pass between a release and what it kept falling due."""
    return settings.HOLD_RELEASE_GRACE_DAYS


@transaction.atomic
def ask_release(*, hold: Hold, reason: str, by: StaffMember, at: datetime) -> Hold:
    """Ask for the release of a hold. It holds until a second person has approved, and for the grace after that."""
    asker = presence.lock(by)[by.pk]
    presence.require_right(asker, ASK)
    matter, hold = _locked(hold)
    require_move(HOLD_MOVES, hold.state, HoldState.RELEASED)
    wanted = details.line(reason, field="reason", longest=LONGEST_REASON)
    standing = asked_for(hold)
    if standing is not None:
        if standing.asked_by_id != asker.pk:
            raise approvals.AlreadyAsked
        if hold.release_reason == wanted:
            return hold
    hold.release_asked_by, hold.release_asked_at, hold.release_reason = str(asker.actor), at, wanted
    hold.save(update_fields=["release_asked_by", "release_asked_at", "release_reason"])
    approvals.ask(act=RELEASE, subject=hold.reference, digest=digest_of(hold), by=asker, at=at)
    ledger.record("hold.release_asked", by=asker, about=hold.reference, at=at, facts={"matter": matter.reference})
    return hold


@transaction.atomic
def approve_release(*, hold: Hold, by: StaffMember, at: datetime) -> Hold:
    """Release a hold that somebody else asked to release; the matter closes with its last hold."""
    approval = _require_asked(hold)
    approver = presence.lock(by, approval.asked_by)[by.pk]
    matter, hold = _locked(hold)
    require_move(HOLD_MOVES, hold.state, HoldState.RELEASED)
    approvals.approve(approval=approval, digest=digest_of(hold), by=approver, at=at)
    days = grace_days()
    hold.state, hold.released_by, hold.released_at = HoldState.RELEASED, str(approver.actor), at
    hold.kept_until = at + timedelta(days=days)
    hold.save(update_fields=["state", "released_by", "released_at", "kept_until"])
    facts = {
        "matter": matter.reference, "asked_by": hold.release_asked_by, "kept_until": hold.kept_until.isoformat(), "grace_days": days,
    }  # fmt: skip
    ledger.record("hold.released", by=approver, about=hold.reference, at=at, facts=facts)
    is_last = not matter.holds.active().exists()
    if is_last:
        matters.end(matter, by=approver, at=at)
    # one entry for both: of two that are owed at the same moment either may be written first
    words = texts.seal({"reason": hold.release_reason}, matter=matter.reference, about=hold.reference)
    journal.owe(
        "hold.released", about=hold.reference, at=at,
        body=facts | {
            "asked_at": hold.release_asked_at.isoformat(), "by": hold.released_by, "closes_matter": is_last, "words": words,
        },
    )  # fmt: skip
    doorbell.ring("journal.owed")
    doorbell.ring("holds.changed")
    return hold


@transaction.atomic
def reject_release(*, hold: Hold, by: StaffMember, at: datetime) -> Hold:
    """Reject a release that somebody else asked for; the hold goes on. What was asked stays readable until it is asked again."""
    approval = _require_asked(hold)
    approver = presence.lock(by, approval.asked_by)[by.pk]
    matter, hold = _locked(hold)
    approvals.reject(approval=approval, digest=digest_of(hold), by=approver, at=at)
    ledger.record("hold.release_rejected", by=approver, about=hold.reference, at=at, facts={"matter": matter.reference})
    return hold


@transaction.atomic
def let_go(*, person: Person, by: StaffMember | Actor, at: datetime) -> int:
    """Take a person's row out of the holds on them that are over, so that it can be erased; returns from how many.

    Their reference stays in the hold's record. Refused while anything still holds them.
    """
    asking.require_free(person=person, at=at)
    rows = list(Hold.objects.over(at).filter(person=person).select_for_update(of=("self",)).order_by("pk"))
    for hold in rows:
        hold.person = None
        hold.save(update_fields=["person"])
        ledger.record("hold.person_let_go", by=by, about=hold.reference, at=at, facts={"person": hold.person_reference})
    return len(rows)


def _locked(hold: Hold) -> tuple[Matter, Hold]:
    """Matter and hold as they are now, locked in that order until the transaction ends."""
    matter = Matter.objects.select_for_update().get(pk=hold.matter_id)
    row = Hold.objects.select_for_update(of=("self",)).select_related("organization").get(pk=hold.pk)
    row.matter = matter
    return matter, row


def _require_asked(hold: Hold) -> Approval:
    approval = asked_for(hold)
    if approval is None:
        raise ReleaseNotAsked(f"Nobody asks for the release of {hold.reference}.")
    return approval
