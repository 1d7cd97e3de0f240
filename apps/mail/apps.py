"""Registers the app mail with Django."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from apps.mail.checks import mail_leaves_safely


class MailConfig(AppConfig):
    name = "apps.mail"
    label = "mail"
    verbose_name = "Mail"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(mail_leaves_safely, Tags.security)
