"""Registers the app with Django."""

from django.apps import AppConfig
from django.core.checks import register

from apps.consents.checks import nobody_asks_again_too_soon, what_is_collected_has_its_eraser


class ConsentsConfig(AppConfig):
    name = "apps.consents"
    verbose_name = "Consents"

    def ready(self) -> None:
        register(nobody_asks_again_too_soon)
        register(what_is_collected_has_its_eraser)
