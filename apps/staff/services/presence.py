"""Who acts, looked up under a lock: a right counts at the moment of the act, not when the page was opened.

Every verb of this app that reads or changes members locks them here, all at once and in the order of their ids,
before it locks anything else. Any other order can end in a deadlock, and no lock at all lets two administrators end
each other.
"""

from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember


class NotPermitted(Refusal):
    """Your roles don't allow this."""

    code = "not_permitted"
    mend = "Ask somebody whose role includes it, or have an administrator change your roles."


def lock(*members: StaffMember) -> dict[int, StaffMember]:
    """The members as they are in the database now, locked until the transaction ends; by primary key."""
    keys = {member.pk for member in members}
    return {
        row.pk: row for row in StaffMember.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk")
    }


def lock_with(by: StaffMember | Actor, *members: StaffMember) -> tuple[StaffMember | Actor, list[StaffMember]]:
    """Lock who acts together with those acted on. Returns the actor and the members, fresh, in the order given."""
    staff = [by] if isinstance(by, StaffMember) else []
    rows = lock(*staff, *members)
    return (rows[by.pk] if staff else by), [rows[member.pk] for member in members]


def require_right(by: StaffMember | Actor, permission: str) -> None:
    """Refuse unless `by`, as just locked, holds the permission. The system itself (commands, sign-on) may."""
    allowed = by.has_perm(permission) if isinstance(by, StaffMember) else by.kind == "system"
    if not allowed:
        raise NotPermitted(f"This needs the permission {permission}.")


def sign_history(member: StaffMember, *, by: StaffMember | Actor, at, reason: str) -> None:
    """Name who changes the row, when and why, for the history row of its next save. A fixed phrase, no data."""
    member._history_user = by if isinstance(by, StaffMember) else None
    member._history_date = at
    member._change_reason = reason
