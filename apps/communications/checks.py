"""Refuses to start where what people write could be read on its way, be kept longer than the policy allows, or vanish unread."""

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error

from apps.communications.receiving import mailbox

LONGEST_KEEP_MONTHS = 24  # a request and its answer are kept 24 months (11 CCR 7101); longer would need a reason that the policy does not give
SHORTEST_REFUSED_DAYS = 7


def inquiries_are_private_and_end(app_configs=None, **_later) -> list[CheckMessage]:
    """All checks of the settings of inquiries; registered in apps.py."""
    return [*_mailbox(), *_lives()]


def _mailbox() -> Iterator[CheckMessage]:
    if not settings.INQUIRY_MAILBOX_URL:
        return
    try:
        where = mailbox.address(settings.INQUIRY_MAILBOX_URL)
    except mailbox.AddressNotUsable as refusal:
        yield Error(refusal.what, hint=refusal.mend, id="covenant.E811")
        return
    if not where.is_private:
        yield Error(
            "The mailbox of inquiries is read over a network without encryption, with its password and all that people write.",
            hint="Begin INQUIRY_MAILBOX_URL with imap+ssl:// or imap+tls://.",
            id="covenant.E812",
        )


def _lives() -> Iterator[CheckMessage]:
    if not 1 <= settings.INQUIRY_KEEP_MONTHS <= LONGEST_KEEP_MONTHS:
        yield Error(
            f"INQUIRY_KEEP_MONTHS is {settings.INQUIRY_KEEP_MONTHS}: inquiries are kept to answer them, and no longer (P09).",
            hint=f"Set it to between 1 and {LONGEST_KEEP_MONTHS}, or unset it.",
            id="covenant.E813",
        )
    if settings.INQUIRY_CLOSED_AFTER_DAYS < 1 or settings.INQUIRY_REFUSED_DAYS < SHORTEST_REFUSED_DAYS:
        yield Error(
            "What was answered would be closed at once, or what could not be read would go before anybody can look.",
            hint=f"Set INQUIRY_CLOSED_AFTER_DAYS to 1 or more and INQUIRY_REFUSED_DAYS to {SHORTEST_REFUSED_DAYS} or more, or unset them.",
            id="covenant.E814",
        )
