"""Makes the commands that need every floor at once (prepare, demo) known to Django."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Covenant"
