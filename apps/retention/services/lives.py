"""Which day the messages of one chunk expire on. A memory over `life`, which decides; it must never decide anything itself."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from django.conf import settings

from apps.foundation.clock import day_of
from apps.retention.life import Rule, expiry_day, rule_for
from apps.retention.services.rules import NoRule


class Lives:
    """The expiry day of each message of a chunk; rules are asked once for each class, day of sending and stretch between two rules."""

    def __init__(self, rules: Sequence[Rule], *, at: datetime, counts_from: datetime | None):
        self.today = day_of(at)
        self.latest = at + timedelta(minutes=settings.RETENTION_FUTURE_TOLERANCE_MINUTES)
        self._rules = rules
        self._counts_from = counts_from  # of an import whose life counts from it
        self._changes = sorted({rule.effective_from for rule in rules})
        self._known: dict[tuple, date] = {}

    def expiry(self, conversation_class: str, sent_at: datetime) -> date:
        """The day a message expires, as stamped: from sending, or from the import where that was chosen."""
        if self._counts_from is not None or sent_at.tzinfo is not UTC:
            return self._looked_up(conversation_class, self._counts_from or sent_at, sent_at)
        # a life ends at the same midnight for all of a day's messages but those of its first moment
        is_midnight = not (sent_at.second or sent_at.minute or sent_at.hour or sent_at.microsecond)
        key = (conversation_class, bisect_right(self._changes, sent_at), sent_at.date(), is_midnight)
        day = self._known.get(key)
        if day is None:
            day = self._known[key] = self._looked_up(conversation_class, sent_at, sent_at)
        return day

    def _looked_up(self, conversation_class: str, counts_from: datetime, sent_at: datetime) -> date:
        rule = rule_for(self._rules, conversation_class, counts_from)
        if rule is None:
            raise NoRule("The organization has no rule for that class and none for all.")
        return expiry_day(max(counts_from, sent_at), rule.life_days)
