"""Puts our own admin site in the place of Django's, so that every ModelAdmin registers with it."""

from django.contrib.admin.apps import AdminConfig


class CovenantAdminConfig(AdminConfig):
    default_site = "config.admin_site_class.CovenantAdminSite"
