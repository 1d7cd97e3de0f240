"""Registers the app accounts with Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"
    verbose_name = "People & organizations"
    default_auto_field = "django.db.models.BigAutoField"
