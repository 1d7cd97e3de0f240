"""Refuses to start where a minor without a representative could stay for long, or what proves an authority outlive its use."""

from django.conf import settings
from django.core.checks import CheckMessage, Error

LONGEST_CASE_DAYS = 30
LONGEST_DOCUMENT_DAYS = 90


def minors_are_looked_after_promptly(app_configs=None, **_later) -> list[CheckMessage]:
    """Registered in apps.py."""
    found = []
    days, document = settings.MINOR_REMOVAL_DAYS, settings.MINOR_DOCUMENT_DAYS
    if not 1 <= days <= LONGEST_CASE_DAYS:
        found.append(
            Error(
                f"MINOR_REMOVAL_DAYS is {days}: the policy promises that minors without a representative are removed promptly.",
                hint=f"Set it to between 1 and {LONGEST_CASE_DAYS}, or unset it for 10.",
                id="covenant.E311",
            )
        )
    if not 1 <= document <= LONGEST_DOCUMENT_DAYS:
        found.append(
            Error(
                f"MINOR_DOCUMENT_DAYS is {document}: a document is kept as long as a decision may be questioned, and no longer.",
                hint=f"Set it to between 1 and {LONGEST_DOCUMENT_DAYS}, or unset it for 30.",
                id="covenant.E312",
            )
        )
    return found
