"""Registers the app policies with Django."""

from django.apps import AppConfig


class PoliciesConfig(AppConfig):
    name = "apps.policies"
    label = "policies"
    verbose_name = "Policy"
    default_auto_field = "django.db.models.BigAutoField"
