"""Registers the app with Django."""

from django.apps import AppConfig


class ConsentsConfig(AppConfig):
    name = "apps.consents"
    verbose_name = "Consents"
