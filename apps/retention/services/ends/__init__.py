"""What may end, one module each with the same verbs: a day of messages, rows that had stepped aside, a hosted archive."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from apps.foundation.refusals import Refusal
from apps.retention.models import Cohort, Destruction


class KeptMeanwhile(Refusal):
    """A hold was placed, or something else came to keep rows, after the last look; they step aside first."""

    code = "kept_meanwhile"
    mend = "Nothing to do: the next sweep looks again and goes on."


class End(Protocol):
    """The verbs that a destruction needs of what it ends. Each is called again after a kill, so twice is once."""

    def open_due(self, *, at: datetime) -> list[Destruction]:
        """Make the work rows of what is due and has none."""

    def keep(self, work: Destruction, *, at: datetime) -> None:
        """Take what something keeps out of the secret's reach. In transactions of its own."""

    def locked(self, work: Destruction) -> list[Cohort]:
        """The cohorts concerned, locked in the order of their ids, as everybody locks them."""

    def require_free(self, work: Destruction, cohorts: list[Cohort], *, at: datetime) -> None:
        """Refuse where something came to be kept since `keep` looked."""

    def intended(self, work: Destruction, cohorts: list[Cohort]) -> Iterable[tuple[Cohort, int, bool]]:
        """Cohort, messages that will go, and whether the cohort itself ends with them. Checks the account."""

    def remove_copies(self, work: Destruction, *, at: datetime) -> None:
        """Remove what lies outside the database, and prove that it is gone."""

    def remove(self, work: Destruction, cohorts: list[Cohort], *, at: datetime) -> Iterable[tuple[Cohort, int]]:
        """Remove the rows; cohorts that get a certificate, with the number of messages."""
