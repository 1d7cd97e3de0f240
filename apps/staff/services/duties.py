"""What a member of staff may do, and how they are called and reached, as an administrator sets it.

It must never let anybody change their own roles: rights are given by somebody else.
"""

from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import presence
from apps.staff.services.joining import NotAcceptable, Taken, known_roles


class OwnRoles(Refusal):
    """Nobody changes their own roles."""

    code = "own_roles"
    mend = "Ask another administrator."


class HasLeft(Refusal):
    """This member has left; their record no longer changes."""

    code = "has_left"
    mend = "Add them anew, under another user name, if they have come back."


def _require_other_present(member: StaffMember, by: StaffMember | Actor) -> None:
    if isinstance(by, StaffMember) and by.pk == member.pk:
        raise OwnRoles()
    if member.left_at is not None:
        raise HasLeft()


@transaction.atomic
def assign(*, member: StaffMember, roles: Iterable[str], by: StaffMember | Actor, at: datetime) -> StaffMember:
    """Give a member these roles and no others. It counts from their next click."""
    actor, (row,) = presence.lock_with(by, member)
    presence.require_right(actor, "staff.change_staffmember")
    _require_other_present(row, actor)
    wanted = known_roles(roles)
    if wanted == row.roles:
        return row
    row.roles = wanted
    presence.sign_history(row, by=actor, at=at, reason="roles changed")
    row.save(update_fields=["roles"])
    return row


@transaction.atomic
def correct(*, member: StaffMember, full_name: str, email: str, by: StaffMember | Actor, at: datetime) -> StaffMember:
    """Correct the name or e-mail address of a member."""
    actor, (row,) = presence.lock_with(by, member)
    presence.require_right(actor, "staff.change_staffmember")
    if row.left_at is not None:
        raise HasLeft()
    name, address = full_name.strip(), email.strip().lower()
    if (name, address) == (row.full_name, row.email):
        return row
    if StaffMember.objects.filter(email__iexact=address).exclude(pk=row.pk).exists():
        raise Taken()
    row.full_name, row.email = name, address
    presence.sign_history(row, by=actor, at=at, reason="details corrected")
    try:
        row.clean_fields(exclude=["password"])
        with transaction.atomic():
            row.save(update_fields=["full_name", "email"])
    except ValidationError as error:
        raise NotAcceptable(" ".join(error.messages)) from error
    except IntegrityError as error:
        raise Taken() from error
    return row
