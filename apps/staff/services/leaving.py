"""A member of staff leaves: for good, at once, everywhere.

| what is left open otherwise | what closes it |
|---|---|
| a browser that is signed in | its session is removed; the password hash in it matches no more; who left is inactive |
| signing in again | no password, no second factor, no passkey, no sign-on account |
| "forgot your password" | addresses are removed, and reset mails go to active members only |
| what they asked for | every open request is void |

It must never be undone: who comes back is added anew. Nobody ends themself, so an administrator always remains, also
when two end each other in the same moment (both rows are locked, and the second finds that they have left).
"""

from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals, presence, sessions


class OwnLeaving(Refusal):
    """Nobody ends their own access."""

    code = "own_leaving"
    mend = "Ask another administrator."


@dataclass(frozen=True)
class Ended:
    """What leaving ends: counts only."""

    sessions: int
    authenticators: int
    sign_on_accounts: int
    approvals: int


def foresee(member: StaffMember) -> Ended:
    """What leaving would end now, for the page that asks to confirm it."""
    return Ended(
        sessions=sum(1 for _ in sessions.of(member)),
        authenticators=Authenticator.objects.filter(user=member).count(),
        sign_on_accounts=SocialAccount.objects.filter(user=member).count(),
        approvals=Approval.objects.waiting().asked_by(member).count(),
    )


@transaction.atomic
def leave(*, member: StaffMember, by: StaffMember | Actor, at: datetime) -> Ended:
    """End a member's access for good. Twice is once."""
    actor, (row,) = presence.lock_with(by, member)
    presence.require_right(actor, "staff.end_staffmember")
    if isinstance(actor, StaffMember) and actor.pk == row.pk:
        raise OwnLeaving()
    if row.left_at is not None:
        return Ended(0, 0, 0, 0)
    ended = Ended(
        sessions=sessions.end_all(row),
        authenticators=Authenticator.objects.filter(user=row).delete()[0],
        sign_on_accounts=SocialAccount.objects.filter(user=row).delete()[0],
        approvals=approvals.void_all_asked_by(row, at),
    )
    EmailAddress.objects.filter(user=row).delete()
    row.is_active, row.left_at = False, at
    row.set_unusable_password()
    presence.sign_history(row, by=actor, at=at, reason="left")
    row.save(update_fields=["is_active", "left_at", "password"])
    return ended
