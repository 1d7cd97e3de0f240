"""Registers the app foundation with Django."""

from django.apps import AppConfig


class FoundationConfig(AppConfig):
    name = "apps.foundation"
    label = "foundation"
    verbose_name = "Foundation"
    default_auto_field = "django.db.models.BigAutoField"
