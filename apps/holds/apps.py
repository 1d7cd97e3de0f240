"""Registers the app holds with Django."""

from django.apps import AppConfig
from django.core.checks import register

from apps.holds.checks import the_grace_is_long_enough


class HoldsConfig(AppConfig):
    name = "apps.holds"
    label = "holds"
    verbose_name = "Holds"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(the_grace_is_long_enough)
