"""Refuses to start where who asks would not be proven, an erasure could not be called back, or a flood would fill people's mailboxes."""

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error

MOST_LINK_HOURS = 24  # what was promised: a link that proves lives a day at most
LARGEST_DOCUMENT = 10 * 1024 * 1024  # what the house takes as a document at all
CAPS = (
    "REQUEST_OPENED_PER_ADDRESS_A_DAY", "REQUEST_OPENED_PER_PREFIX_AN_HOUR", "REQUEST_OPENED_AN_HOUR", "REQUEST_LINKS_PER_CONTACT_A_DAY",
    "REQUEST_LINKS_AN_HOUR",
)  # fmt: skip


def who_asks_is_proven(app_configs=None, **_later) -> list[CheckMessage]:
    """All checks of the settings of the intake; registered in apps.py."""
    return [*_links(), *_waits(), *_caps()]


def _links() -> Iterator[CheckMessage]:
    if not 1 <= settings.REQUEST_LINK_HOURS <= MOST_LINK_HOURS:
        yield Error(
            f"REQUEST_LINK_HOURS is {settings.REQUEST_LINK_HOURS}: a link that proves who asks would open nothing, or lie in a mailbox for long.",
            hint=f"Set it to between 1 and {MOST_LINK_HOURS}, or unset it.",
            id="covenant.E851",
        )


def _waits() -> Iterator[CheckMessage]:
    if min(settings.REQUEST_CONTACT_FRESH_DAYS, settings.REQUEST_COOLING_DAYS, settings.REQUEST_CALL_BACK_DAYS) < 1:
        yield Error(
            "Who got into an account could ask by a contact of their own at once, or nobody could call back an erasure.",
            hint="Set REQUEST_CONTACT_FRESH_DAYS, REQUEST_COOLING_DAYS and REQUEST_CALL_BACK_DAYS to 1 or more, or unset them.",
            id="covenant.E852",
        )
    longest = settings.REQUEST_COOLING_DAYS + settings.REQUEST_CALL_BACK_DAYS
    if longest >= min(settings.REQUEST_DELETION_DAYS, settings.REQUEST_ANSWER_DAYS):
        yield Error(
            f"Cooling off and calling back take {longest} days together: the days that the policy and the law give would be over before work begins.",
            hint="Shorten REQUEST_COOLING_DAYS or REQUEST_CALL_BACK_DAYS.",
            id="covenant.E853",
        )


def _caps() -> Iterator[CheckMessage]:
    without = [name for name in CAPS if getattr(settings, name) < 1]
    if without:
        yield Error(
            f"{', '.join(without)} would hold up every request for good.",
            hint="Set it to 1 or more, or unset it.",
            id="covenant.E854",
        )
    if not 1 <= settings.REQUEST_DOCUMENT_BYTES <= LARGEST_DOCUMENT:
        yield Error(
            f"REQUEST_DOCUMENT_BYTES is {settings.REQUEST_DOCUMENT_BYTES}: no document could be handed in, or one that nobody could take.",
            hint=f"Set it to between 1 and {LARGEST_DOCUMENT}, or unset it.",
            id="covenant.E855",
        )
