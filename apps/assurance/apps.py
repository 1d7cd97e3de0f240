"""Registers the app assurance with Django, and its checks at start."""

from django.apps import AppConfig
from django.core.checks import register

from apps.assurance.checks import declared_columns


class AssuranceConfig(AppConfig):
    name = "apps.assurance"
    label = "assurance"
    verbose_name = "Assurance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(declared_columns)
