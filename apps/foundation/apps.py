"""Registers the app foundation with Django, and its checks at start."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from apps.foundation.checks import keystore_is_safe


class FoundationConfig(AppConfig):
    name = "apps.foundation"
    label = "foundation"
    verbose_name = "Foundation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(keystore_is_safe, Tags.security)
