"""Registers the app with Django."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from apps.communications.checks import inquiries_are_private_and_end


class CommunicationsConfig(AppConfig):
    name = "apps.communications"
    verbose_name = "Communications"

    def ready(self) -> None:
        register(inquiries_are_private_and_end, Tags.security)
