"""The rules by which requests have days: how long, counted how, started and stopped by what, extended and paused where that is allowed.

| rule | starts | stops | who says so |
|---|---|---|---|
| our policy: deletion | the request, or the cancellation | what was held is gone from the active service | Privacy Policy, section 4 |
| our policy: minors | the age is known | the same | Privacy Policy, section 4: “promptly”; the number is ours |
| CCPA: acknowledgement | receipt | it was told | 11 CCR 7021(a) |
| CCPA: answer | receipt, also while who asks is being verified | the answer has left | 11 CCR 7021(b), Civ. 1798.130(a)(2) |
| CCPA: opt-out | receipt | it was done and told | 11 CCR 7026(f) |
| Shine the Light | receipt at the address that the policy names | the answer has left | Civ. 1798.83(b)(1) |
| HIPAA: accounting | receipt | the answer has left | 45 CFR 164.528(c)(1) |
| the client's answer | the client was asked | it answered | ours |

Numbers are settings. Working days are counted without Saturdays, Sundays and federal holidays; California has more holidays, so that a
clock of ours runs out before the law's, never after it. It must never give one number to two rules, nor a day that follows from anything
but the rule and the moment.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import holidays
from django.conf import settings

from apps.accounts.models import Organization, Person
from apps.data_requests.states import Kind, Regime
from apps.foundation.clock import day_of

SATURDAY = 5
CALIFORNIA, UNITED_STATES = "CA", "US"

ACKNOWLEDGED, ANSWERED, ERASED, DONE = "acknowledged", "answered", "erased", "done"


@dataclass(frozen=True)
class Rule:
    """One rule. `setting` names its number of days, `extension` that of its one extension; `stops` are the events that end it."""

    setting: str
    starts: str
    stops: frozenset[str]
    citation: str
    working: bool = False
    extension: str = ""
    may_pause: bool = False

    @property
    def days(self) -> int:
        return getattr(settings, self.setting)

    @property
    def extension_days(self) -> int:
        return getattr(settings, self.extension) if self.extension else 0

    @property
    def extendable_once(self) -> bool:
        return bool(self.extension)

    def due(self, start: datetime) -> datetime:
        """When it runs out that started then."""
        return working_days_later(start, self.days) if self.working else start + timedelta(days=self.days)

    def extended(self, due: datetime) -> datetime:
        """When it runs out that was due then, and was extended."""
        return due + timedelta(days=self.extension_days)


RULES: dict[Regime, Rule] = {
    Regime.POLICY_DELETION: Rule(
        "REQUEST_DELETION_DAYS", "the request, or the cancellation of the registration", frozenset({ERASED}), "Privacy Policy, section 4"
    ),
    Regime.POLICY_MINOR: Rule("REQUEST_MINOR_DAYS", "the age becomes known", frozenset({ERASED}), "Privacy Policy, section 4 (“promptly”)"),
    Regime.CCPA_ACKNOWLEDGE: Rule("REQUEST_ACKNOWLEDGE_WORKING_DAYS", "receipt", frozenset({ACKNOWLEDGED}), "11 CCR 7021(a)", working=True),
    Regime.CCPA_ANSWER: Rule(
        "REQUEST_ANSWER_DAYS", "receipt, also while who asks is being verified", frozenset({ANSWERED}), "11 CCR 7021(b), Civ. 1798.130(a)(2)",
        extension="REQUEST_ANSWER_EXTENSION_DAYS",
    ),
    Regime.CCPA_OPT_OUT: Rule("REQUEST_OPT_OUT_WORKING_DAYS", "receipt", frozenset({DONE, ANSWERED}), "11 CCR 7026(f)", working=True),
    # requests come in at the addresses that the policy names, so that the longer 150 days never apply
    Regime.SHINE_THE_LIGHT: Rule("REQUEST_SHINE_DAYS", "receipt", frozenset({ANSWERED}), "Civ. 1798.83(b)(1)"),
    # an agency that oversees health care or enforces law may suspend the right for a time (45 CFR 164.528(a)(2))
    Regime.HIPAA_ACCOUNTING: Rule(
        "REQUEST_ACCOUNTING_DAYS", "receipt", frozenset({ANSWERED}), "45 CFR 164.528(c)(1)", extension="REQUEST_ACCOUNTING_EXTENSION_DAYS",
        may_pause=True,
    ),
    Regime.CLIENT_ANSWER: Rule("REQUEST_CLIENT_DAYS", "the client was asked", frozenset({ANSWERED}), "our own: in time for the person's answer"),
}  # fmt: skip

#: the policy's own clocks, and the law's
OF_POLICY: dict[str, tuple[Regime, ...]] = {
    Kind.DELETION: (Regime.POLICY_DELETION,),
    Kind.CLOSING: (Regime.POLICY_DELETION,),
    Kind.MINOR: (Regime.POLICY_MINOR,),
}
OF_CCPA: dict[str, tuple[Regime, ...]] = {
    Kind.DELETION: (Regime.CCPA_ACKNOWLEDGE, Regime.CCPA_ANSWER),
    Kind.CLOSING: (Regime.CCPA_ACKNOWLEDGE, Regime.CCPA_ANSWER),
    Kind.ACCESS: (Regime.CCPA_ACKNOWLEDGE, Regime.CCPA_ANSWER),
    Kind.CATEGORIES: (Regime.CCPA_ACKNOWLEDGE, Regime.CCPA_ANSWER),
    Kind.CORRECTION: (Regime.CCPA_ACKNOWLEDGE, Regime.CCPA_ANSWER),
    Kind.WITHDRAWAL: (Regime.CCPA_OPT_OUT,),
}
OF_OTHER_LAW: dict[str, tuple[Regime, ...]] = {
    Kind.MARKETING_DISCLOSURES: (Regime.SHINE_THE_LIGHT,),
    Kind.ACCOUNTING: (Regime.HIPAA_ACCOUNTING,),
}
#: where no law counts and the policy names no day: nobody waits longer than Californians do
OURS = (Regime.CCPA_ANSWER,)


def regimes_of(kind: str, person: Person | None, organization: Organization | None) -> tuple[Regime, ...]:
    """Whose clocks run on a request of that kind. Who is not known to live elsewhere is treated like a Californian.

    An accounting is a right towards HIPAA-covered clients; where the client is known not to be one, our own day counts.
    """
    found = [*OF_POLICY.get(kind, ())]
    if not _lives_elsewhere(person):
        found += OF_CCPA.get(kind, ())
    if kind != Kind.ACCOUNTING or organization is None or organization.hipaa_covered:
        found += OF_OTHER_LAW.get(kind, ())
    return tuple(found) or OURS


def _lives_elsewhere(person: Person | None) -> bool:
    return person is not None and (person.state not in ("", CALIFORNIA) or person.country not in ("", UNITED_STATES))


def working_days_later(start: datetime, days: int) -> datetime:
    """The same time of day on the working day that is so many after the day of `start`."""
    day = day_of(start)
    while days:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return start + (day - day_of(start))


def is_working_day(day: date) -> bool:
    return day.weekday() < SATURDAY and day not in _federal_holidays(day.year)


@lru_cache(maxsize=64)
def _federal_holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(UNITED_STATES, years=year))


def stopped_by(event: str, regimes: Iterable[str]) -> list[str]:
    """Which of these rules that event ends."""
    return [regime for regime in regimes if event in RULES[Regime(regime)].stops]
