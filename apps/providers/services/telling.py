"""Whom a mail about a provider goes to: its owner, or, where the owner has left, everybody who may decide on providers."""

from apps.providers.models import Provider
from apps.providers.querysets import ACTIVATE
from apps.staff.models import StaffMember


def owners(provider: Provider) -> list[StaffMember]:
    """Who answers for it now."""
    if provider.owner.is_active:
        return [provider.owner]
    return [member for member in StaffMember.objects.active().order_by("pk") if member.has_perm(ACTIVATE)]
