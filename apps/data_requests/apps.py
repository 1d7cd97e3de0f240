"""Registers the app with Django."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from apps.data_requests.checks import requests_come_in_privately


class DataRequestsConfig(AppConfig):
    name = "apps.data_requests"
    verbose_name = "Data requests"

    def ready(self) -> None:
        register(requests_come_in_privately, Tags.security)
