"""Registers the app staff with Django."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from apps.staff.checks import settings_are_safe


class StaffConfig(AppConfig):
    name = "apps.staff"
    label = "staff"
    verbose_name = "Staff"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(settings_are_safe, Tags.security)
