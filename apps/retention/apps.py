"""Registers the app retention with Django, and its checks at start."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from apps.retention.archives.places.checks import archives_stay_outside


class RetentionConfig(AppConfig):
    name = "apps.retention"
    label = "retention"
    verbose_name = "Message Data"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(archives_stay_outside, Tags.security)
