"""Allauth adapters (replaced)."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter


class StaffAccountAdapter(DefaultAccountAdapter):
    pass


class StaffSignOnAdapter(DefaultSocialAccountAdapter):
    pass
