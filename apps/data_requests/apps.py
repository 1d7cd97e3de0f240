"""Registers the app with Django."""

from django.apps import AppConfig


class DataRequestsConfig(AppConfig):
    name = "apps.data_requests"
    verbose_name = "Data requests"
