"""Refuses to start where what people ask could be read on its way."""

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error

from apps.communications.receiving import mailbox


def requests_come_in_privately(app_configs=None, **_later) -> list[CheckMessage]:
    """All checks of the mailbox of requests; registered in apps.py."""
    return list(_mailbox())


def _mailbox() -> Iterator[CheckMessage]:
    if not settings.REQUEST_MAILBOX_URL:
        return
    try:
        where = mailbox.address(settings.REQUEST_MAILBOX_URL)
    except mailbox.AddressNotUsable as refusal:
        yield Error(f"REQUEST_MAILBOX_URL: {refusal.what}", hint=refusal.mend, id="covenant.E841")
        return
    if not where.is_private:
        yield Error(
            "The mailbox of data requests is read over a network without encryption, with its password and all that people ask.",
            hint="Begin REQUEST_MAILBOX_URL with imap+ssl:// or imap+tls://.",
            id="covenant.E842",
        )
    if settings.REQUEST_MAILBOX_URL == settings.INQUIRY_MAILBOX_URL:
        yield Error(
            "Inquiries and data requests are read from one mailbox: whichever comes first takes a mail, and requests would get no clock.",
            hint="Give REQUEST_MAILBOX_URL a mailbox or a folder of its own.",
            id="covenant.E843",
        )
