"""Registers the app with Django."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from apps.data_requests.checks import requests_come_in_privately
from apps.data_requests.intake_checks import who_asks_is_proven


class DataRequestsConfig(AppConfig):
    name = "apps.data_requests"
    verbose_name = "Data requests"

    def ready(self) -> None:
        register(requests_come_in_privately, Tags.security)
        register(who_asks_is_proven, Tags.security)
