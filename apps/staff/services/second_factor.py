"""The second factor of a member who lost it: an administrator takes it off, and the next sign-in sets up a new one.

It must never be done for oneself: who has a session but not the factor must not get rid of it.
"""

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.db import transaction

from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import presence, sessions
from apps.staff.services.duties import HasLeft


class OwnSecondFactor(Refusal):
    """Nobody takes off their own second factor this way."""

    code = "own_second_factor"
    mend = "Replace it under “Second factor”, or ask another administrator."


def is_set_up(member: StaffMember) -> bool:
    """Whether the member has an authenticator app or a passkey. Recovery codes alone are no second factor."""
    return Authenticator.objects.filter(user=member).exclude(type=Authenticator.Type.RECOVERY_CODES).exists()


@transaction.atomic
def reset(*, member: StaffMember, by: StaffMember | Actor, at: datetime) -> int:
    """Remove authenticator app, passkeys and recovery codes, and end the sessions. Returns how many factors went."""
    actor, (row,) = presence.lock_with(by, member)
    presence.require_right(actor, "staff.change_staffmember")
    if isinstance(actor, StaffMember) and actor.pk == row.pk:
        raise OwnSecondFactor()
    if row.left_at is not None:
        raise HasLeft()
    gone, _ = Authenticator.objects.filter(user=row).delete()
    sessions.end_all(row)
    presence.sign_history(row, by=actor, at=at, reason="second factor removed")
    row.save(update_fields=["is_active"])
    return gone
