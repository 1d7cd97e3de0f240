"""The order of locks in this app: staff first, then the provider's row, then what belongs to it.

Whatever opens or closes the gate for a provider takes the provider's row alone before it looks at anything else; the use of a permit
takes it shared (asking.lock). It must never be taken after a row of an agreement, a grant or a chain.
"""

from datetime import datetime
from typing import Any

from apps.foundation.actors import Actor
from apps.providers.models import Provider
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals, presence


def acting(by: StaffMember, permission: str) -> StaffMember:
    """Who acts, locked, and allowed to at this moment."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, permission)
    return member


def deciding(by: StaffMember, approval: Approval) -> StaffMember:
    """Who decides, locked together with who asked; `approvals` refuses who may not."""
    return presence.lock(by, approval.asked_by)[by.pk]


def provider(pk: int) -> Provider:
    """The provider as it is now, kept from changing and from being read by the gate for a last look."""
    return Provider.objects.select_for_update(no_key=True, of=("self",)).get(pk=pk)


def belonging(row: Any) -> Any:
    """A thing that belongs to a provider, as it is now, locked after its provider, which stands in it."""
    owner = provider(row.provider_id)
    fresh = type(row).objects.select_for_update(of=("self",)).get(pk=row.pk)
    fresh.provider = owner
    return fresh


def waiting(act: str, subject: str) -> Approval | None:
    """The open request for that act, if there is one."""
    return Approval.objects.waiting().filter(act=act, subject=subject).select_related("asked_by").first()


def require_waiting(act: str, subject: str) -> Approval:
    """The open request for that act; refuses where nobody asks."""
    approval = waiting(act, subject)
    if approval is None:
        raise approvals.AlreadyDecided(f"Nobody asks for {subject} any more.")
    return approval


def void(act: str, subject: str, *, at: datetime) -> None:
    """Close an open request for that act, because what it asked for has changed."""
    approval = waiting(act, subject)
    if approval is not None:
        approvals.void(approval=approval, at=at)


def save(row: Any, fields: list[str], *, by: StaffMember | Actor, at: datetime, reason: str) -> None:
    """Save a row with a history, and say in it who did it, when and why."""
    presence.sign_history(row, by=by, at=at, reason=reason)
    row.save(update_fields=fields)


def add(row: Any, *, by: StaffMember | Actor, at: datetime, reason: str) -> None:
    """As `save`, for a new row."""
    presence.sign_history(row, by=by, at=at, reason=reason)
    row.save(force_insert=True)
