"""Registers the app with Django."""

from django.apps import AppConfig


class CommunicationsConfig(AppConfig):
    name = "apps.communications"
    verbose_name = "Communications"
