"""Questions about staff and about what waits for whose decision."""

from django.contrib.auth.base_user import BaseUserManager
from django.db import models

from apps.staff.states import Verdict


class StaffQuerySet(models.QuerySet):
    def active(self):
        return self.filter(is_active=True)

    def with_role(self, role: str):
        return self.active().filter(roles__contains=[role])


class StaffManager(BaseUserManager.from_queryset(StaffQuerySet)):
    """Lets Django and allauth look members of staff up by user name or e-mail."""

    def get_by_natural_key(self, username):
        return self.get(username__iexact=username)


class ApprovalQuerySet(models.QuerySet):
    def waiting(self):
        return self.filter(verdict=Verdict.OPEN)

    def asked_by(self, member):
        return self.filter(asked_by=member)

    def waiting_for(self, member):
        """What this member could decide now: open, within their roles, and asked by somebody else."""
        return self.waiting().filter(act__in=sorted(member.permissions)).exclude(asked_by=member)
