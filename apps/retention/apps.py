"""Registers the app retention with Django."""

from django.apps import AppConfig


class RetentionConfig(AppConfig):
    name = "apps.retention"
    label = "retention"
    verbose_name = "Message Data"
    default_auto_field = "django.db.models.BigAutoField"
