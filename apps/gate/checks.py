"""Refuses to start where a permit could outlive what it was given for, the ledger could end too early, or a withdrawal reach others too late."""

from django.conf import settings
from django.core.checks import CheckMessage, Error

LONGEST_PERMIT_MINUTES = 60
SHORTEST_LEDGER_DAYS = 2192  # six years with two leap days (45 CFR 164.528(a)(1))
LONGEST_WITHDRAWAL_DAYS = 21  # 15 business days (11 CCR 7026(f))


def permits_are_short_and_the_ledger_is_kept(app_configs=None, **_later) -> list[CheckMessage]:
    """Registered in apps.py."""
    found = []
    minutes, days = settings.GATE_PERMIT_MINUTES, settings.GATE_LEDGER_KEEP_DAYS
    if not 1 <= minutes <= LONGEST_PERMIT_MINUTES:
        found.append(
            Error(
                f"GATE_PERMIT_MINUTES is {minutes}: a permit is for what leaves now, not for later.",
                hint=f"Set it to between 1 and {LONGEST_PERMIT_MINUTES}, or unset it for 15.",
                id="covenant.E701",
            )
        )
    if days < SHORTEST_LEDGER_DAYS:
        found.append(
            Error(
                f"GATE_LEDGER_KEEP_DAYS is {days}: people may ask for six years of disclosures (45 CFR 164.528).",
                hint=f"Set it to {SHORTEST_LEDGER_DAYS} or more, or unset it.",
                id="covenant.E702",
            )
        )
    within = settings.GATE_WITHDRAWAL_DAYS
    if not 1 <= within <= LONGEST_WITHDRAWAL_DAYS:
        found.append(
            Error(
                f"GATE_WITHDRAWAL_DAYS is {within}: what left on a consent that ended has to be erased within 15 business days (11 CCR 7026).",
                hint=f"Set it to between 1 and {LONGEST_WITHDRAWAL_DAYS}, or unset it.",
                id="covenant.E703",
            )
        )
    return found
