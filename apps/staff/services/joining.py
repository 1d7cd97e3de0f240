"""A member of staff joins. Nobody signs up by themselves: an administrator, the command line or the sign-on provider
adds them.

It must never give a right to who adds, and never print or keep a password in clear.
"""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from apps.staff.services import presence


class Taken(Refusal):
    """Somebody has this user name or e-mail address already, perhaps somebody who left."""

    code = "taken"
    mend = "Choose another user name or e-mail address. Names of people who left are not given to others."


class NotAcceptable(Refusal):
    """Something about the new member is not acceptable."""

    code = "not_acceptable"
    mend = "Change it and try again."


class UnknownRole(Refusal):
    """A role that doesn't exist, or none at all."""

    code = "unknown_role"
    mend = f"Choose one or more of: {', '.join(sorted(Role.values))}."


def known_roles(roles: Iterable[str]) -> list[str]:
    """The roles in the order of the table, each once. Refuses unknown ones, and none at all."""
    wanted = set(roles)
    if not wanted or not wanted <= set(Role.values):
        raise UnknownRole()
    return [role for role in Role.values if role in wanted]


@transaction.atomic
def create(
    *,
    username: str,
    email: str,
    full_name: str,
    roles: Iterable[str],
    password: str | None,
    by: StaffMember | Actor,
    at: datetime,
) -> StaffMember:
    """Add a member of staff. Without a password they set one by e-mail ("Forgot your password?") or come by sign-on."""
    actor, _ = presence.lock_with(by)
    presence.require_right(actor, "staff.add_staffmember")
    member = StaffMember(
        username=username.strip(),
        email=email.strip().lower(),
        full_name=full_name.strip(),
        roles=known_roles(roles),
        created_at=at,
    )
    if StaffMember.objects.filter(Q(username__iexact=member.username) | Q(email__iexact=member.email)).exists():
        raise Taken()
    _set_password(member, password)
    presence.sign_history(member, by=actor, at=at, reason="joined")
    try:
        with transaction.atomic():
            member.save(force_insert=True)
    except IntegrityError as error:  # another added the same in the same moment
        raise Taken() from error
    return member


def _set_password(member: StaffMember, password: str | None) -> None:
    try:
        if password is None:
            member.set_unusable_password()
        else:
            validate_password(password, member)
            member.set_password(password)
        member.clean_fields()
    except ValidationError as error:
        raise NotAcceptable(" ".join(error.messages)) from error
