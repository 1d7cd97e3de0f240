"""Registers the app assurance with Django, and its checks at start."""

from django.apps import AppConfig
from django.core.checks import register
from django.utils.module_loading import import_string


class AssuranceConfig(AppConfig):
    name = "apps.assurance"
    label = "assurance"
    verbose_name = "Assurance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # by name: the checks read the holdings, and these the models, which are there from now on
        for check in ("declared_columns", "holdings_of_people"):
            register(import_string(f"apps.assurance.checks.{check}"))
