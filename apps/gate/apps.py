"""Registers the app with Django."""

from django.apps import AppConfig
from django.core.checks import register

from apps.gate.checks import permits_are_short_and_the_ledger_is_kept


class GateConfig(AppConfig):
    name = "apps.gate"
    label = "gate"
    verbose_name = "What leaves"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(permits_are_short_and_the_ledger_is_kept)
