"""Refuses to start where mail would reach nobody, or could be read on its way (P17).

Only the demo may write its mail to a folder: there the addresses are made up. Elsewhere such files would hold addresses
and words that nothing ever empties, while the outbox says that they were sent.
"""

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error

SMTP = "django.core.mail.backends.smtp.EmailBackend"
SAME_HOST = frozenset({"localhost", "127.0.0.1", "::1"})


def mail_leaves_safely(app_configs=None, **_later) -> list[CheckMessage]:
    """All checks of the mail server's settings; registered in apps.py."""
    return [] if settings.DEMO else list(_real_installation())


def _real_installation() -> Iterator[CheckMessage]:
    if settings.EMAIL_BACKEND != SMTP:
        yield Error(
            "There is no mail server, so mail would be counted as sent and reach nobody.",
            hint="Set EMAIL_URL, like smtp+tls://name:password@mail.example.com:587.",
            id="covenant.E401",
        )
    elif not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL or settings.EMAIL_HOST in SAME_HOST):
        yield Error(
            "Mail goes to the mail server without encryption, with the addresses of those it is for.",
            hint="Begin EMAIL_URL with smtp+tls:// or smtp+ssl://, or hand mail to a server on the same host.",
            id="covenant.E402",
        )
