"""One member asks, another decides (invariant 10). The act itself belongs to a higher floor, which calls `approve` in
its own transaction and then acts: no approval without its effect.

| who depends on it | on what |
|---|---|
| policies, retention | that `approve` returns only when another person, with the right now, saw this digest |
| leaving | that nothing asked by somebody who left can still be approved |

It must never decide a request for who asked, never on a right somebody had yesterday, and never change a decided one;
the database refuses the first and the last as well (constraints, and the trigger of migration 0003).
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from apps.foundation.refusals import Refusal
from apps.staff.models import Approval, StaffMember
from apps.staff.roles import PERMISSIONS
from apps.staff.services import presence
from apps.staff.services.presence import NotPermitted
from apps.staff.states import Verdict

__all__ = (
    "AlreadyAsked", "AlreadyDecided", "ChangedSince", "NotPermitted", "NotYours", "OwnRequest",
    "approve", "ask", "reject", "void", "void_all_asked_by", "withdraw",
)  # fmt: skip


class AlreadyAsked(Refusal):
    """Somebody else has asked for the same already, and it is not decided yet."""

    code = "already_asked"
    mend = "Wait for the decision, or ask them to withdraw it."


class OwnRequest(Refusal):
    """You asked for this yourself; somebody else must decide it."""

    code = "own_request"
    mend = "Ask a colleague whose role allows it to decide. You may withdraw your request."


class ChangedSince(Refusal):
    """What was asked for has changed since it was asked."""

    code = "changed_since"
    mend = "Reload the page, read it again, and have it asked anew."


class AlreadyDecided(Refusal):
    """This request is no longer waiting."""

    code = "already_decided"
    mend = "Reload the page to see what was decided. If it is still wanted, ask again."


class NotYours(Refusal):
    """Only who asked may withdraw a request."""

    code = "not_yours"
    mend = "Reject it instead, if your role allows that."


def _require_sound(act: str, digest: bytes) -> None:
    if len(digest) != 32:
        raise ValueError("the digest of what is asked for has 32 bytes")
    if not any(act in permissions for permissions in PERMISSIONS.values()):
        raise ValueError(f"{act} is no permission of any role, so nobody could ever decide it")


@transaction.atomic
def ask(*, act: str, subject: str, digest: bytes, by: StaffMember, at: datetime) -> Approval:
    """Ask for an approval of `subject` in exactly the state `digest`. Asking twice for the same is asking once.

    An open request for another state of the same thing is void: what it asked for is no longer there to be approved.
    """
    _require_sound(act, digest)
    asker = presence.lock(by)[by.pk]
    if not asker.is_active:
        raise NotPermitted("Who has left can't ask for anything.")
    standing = Approval.objects.select_for_update().waiting().filter(act=act, subject=subject).first()
    if standing is not None and bytes(standing.digest) == digest:
        if standing.asked_by_id != asker.pk:
            raise AlreadyAsked()
        return standing
    if standing is not None:
        _close(standing, Verdict.VOID, by=None, at=at)
    try:
        with transaction.atomic():
            return Approval.objects.create(act=act, subject=subject, digest=digest, asked_by=asker, asked_at=at)
    except IntegrityError as error:  # another asked in the same moment; the constraint let one through
        raise AlreadyAsked() from error


def approve(*, approval: Approval, digest: bytes, by: StaffMember, at: datetime) -> Approval:
    """Approve what has this digest now. Call it inside the transaction that does the act."""
    return _decide(approval, Verdict.APPROVED, digest=digest, by=by, at=at)


def reject(*, approval: Approval, digest: bytes, by: StaffMember, at: datetime) -> Approval:
    """Reject what was asked."""
    return _decide(approval, Verdict.REJECTED, digest=digest, by=by, at=at)


@transaction.atomic
def _decide(approval: Approval, verdict: Verdict, *, digest: bytes, by: StaffMember, at: datetime) -> Approval:
    members = presence.lock(by, approval.asked_by)
    row = _lock_waiting(approval)
    decider = members[by.pk]
    if row.asked_by_id == decider.pk:
        raise OwnRequest()
    if not members[row.asked_by_id].is_active:
        raise AlreadyDecided("Who asked for this has left.")
    presence.require_right(decider, row.act)
    if bytes(row.digest) != digest:
        raise ChangedSince()
    return _close(row, verdict, by=decider, at=at)


@transaction.atomic
def withdraw(*, approval: Approval, by: StaffMember, at: datetime) -> Approval:
    """Take back what one asked for oneself."""
    asker = presence.lock(by)[by.pk]
    row = _lock_waiting(approval)
    if row.asked_by_id != asker.pk or not asker.is_active:
        raise NotYours()
    return _close(row, Verdict.WITHDRAWN, by=asker, at=at)


@transaction.atomic
def void(*, approval: Approval, at: datetime) -> Approval:
    """Close an open request because what it asked for is gone or changed. Nobody decided it."""
    return _close(_lock_waiting(approval), Verdict.VOID, by=None, at=at)


@transaction.atomic
def void_all_asked_by(member: StaffMember, at: datetime) -> int:
    """Close everything open that this member asked for; returns how many."""
    rows = Approval.objects.select_for_update().waiting().asked_by(member).order_by("pk")
    return len([_close(row, Verdict.VOID, by=None, at=at) for row in rows])


def _lock_waiting(approval: Approval) -> Approval:
    row = Approval.objects.select_for_update().get(pk=approval.pk)
    if row.verdict != Verdict.OPEN:
        raise AlreadyDecided(f"{row.reference} is {row.get_verdict_display()}.")
    return row


def _close(row: Approval, verdict: Verdict, *, by: StaffMember | None, at: datetime) -> Approval:
    row.verdict, row.decided_by, row.decided_at = verdict, by, at
    row.save(update_fields=["verdict", "decided_by", "decided_at"])
    return row
