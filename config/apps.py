"""Makes the commands that need every floor at once (prepare, demo) known to Django, and the checks of the database server."""

from django.apps import AppConfig
from django.core.checks import register

from config.checks import holdings_end_in_order, the_database_keeps_what_it_says


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Covenant"

    def ready(self) -> None:
        register(the_database_keeps_what_it_says)
        register(holdings_end_in_order)
