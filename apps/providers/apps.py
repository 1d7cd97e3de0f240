"""Registers the app providers with Django."""

from django.apps import AppConfig
from django.core.checks import register

from apps.providers.checks import clients_hear_of_changes_in_time


class ProvidersConfig(AppConfig):
    name = "apps.providers"
    label = "providers"
    verbose_name = "Service providers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(clients_hear_of_changes_in_time)
