"""Questions about staff."""

from django.contrib.auth.base_user import BaseUserManager
from django.db import models


class StaffQuerySet(models.QuerySet):
    def active(self):
        return self.filter(is_active=True)

    def with_role(self, role: str):
        return self.active().filter(roles__contains=[role])


class StaffManager(BaseUserManager.from_queryset(StaffQuerySet)):
    """Lets Django and allauth look members of staff up by user name or e-mail."""

    def get_by_natural_key(self, username):
        return self.get(username__iexact=username)
