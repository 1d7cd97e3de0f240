"""Registers the app audit with Django, and its checks at start."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from apps.audit.checks import home_is_safe


class AuditConfig(AppConfig):
    name = "apps.audit"
    label = "audit"
    verbose_name = "Ledger and journal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(home_is_safe, Tags.security)
