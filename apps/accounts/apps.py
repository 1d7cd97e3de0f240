"""Registers the app accounts with Django."""

from django.apps import AppConfig
from django.core.checks import register

from apps.accounts.checks import minors_are_looked_after_promptly


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"
    verbose_name = "People & organizations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(minors_are_looked_after_promptly)
