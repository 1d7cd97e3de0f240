"""When a message expires: a pure function of (organization, class, sent_at, rules by effective date). No table, no clock.

Deterministic on purpose: a resend, also years later, also after a change of rules, must fall on the same day, where the
cohort's state refuses it. It must never be changed for lives already stamped; a new rounding needs a new name.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

#: lives longer than this end with a month, so that seven years of leaves stay few (DESIGN, "Expiry")
MONTHLY_OVER_DAYS = 400


@dataclass(frozen=True)
class Rule:
    """An approved rule as life needs it. `conversation_class` is the class's code, or "" for the organization's default."""

    conversation_class: str
    life_days: int
    effective_from: datetime


def rule_for(rules: Sequence[Rule], conversation_class: str, sent_at: datetime) -> Rule | None:
    """The rule a message falls under: its class's in force when sent, else the default in force, else the earliest.

    Later rules never change the answer for what was sent before they took effect. None where there is no rule at all.
    """
    ours = [rule for rule in rules if rule.conversation_class in (conversation_class, "")]
    in_force = [rule for rule in ours if rule.effective_from <= sent_at]
    of_class = [rule for rule in in_force if rule.conversation_class == conversation_class]
    if of_class or in_force:
        return max(of_class or in_force, key=lambda rule: rule.effective_from)
    return min(ours, key=lambda rule: (rule.effective_from, rule.conversation_class == ""), default=None)


def expiry_day(counts_from: datetime, life_days: int) -> date:
    """The UTC day from whose first moment the message can't be read.

    Rounded up, so that nobody's message is gone before its life is over: to the next midnight, for lives over 400 days to
    the last day of that month.
    """
    end = counts_from.astimezone(UTC) + timedelta(days=life_days)
    day = end.date()
    if end.time() != datetime.min.time():
        day += timedelta(days=1)
    if life_days > MONTHLY_OVER_DAYS:
        day = day.replace(day=calendar.monthrange(day.year, day.month)[1])
    return day


def in_words(life_days: int) -> str:
    """The life as an organization is told it, rounding included."""
    if life_days > MONTHLY_OVER_DAYS:
        return f"{life_days:,} days from sending, then to the end of that month (UTC)"
    return f"{life_days:,} day{'s' if life_days != 1 else ''} from sending, then to the next midnight (UTC)"
