"""The way out that one spent permit opens: no connection without it, and each connection is recorded before it is opened.

| who depends on it | on what |
|---|---|
| `dial`, the only opener of connections | that it is refused without an open passage |
| the ledger of what left | that a connection whose record could not be written is not opened |
| a large package on its way | that the permit is asked once, at the start: what has begun may end |

It refuses to stand inside somebody else's transaction: a rollback there would take back the record of a connection that was opened.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.foundation.refusals import Refusal
from apps.gate.models import Crossing, Permit
from apps.gate.package import Package, Recipient
from apps.gate.services import contacts, deciding, permits
from apps.gate.states import ContactReason

#: what the gate answers where something may not leave
NOT_LET_OUT = (deciding.Refused, permits.PermitRefused)


class NoPassage(Refusal):
    """No connection is opened without a permit that was spent for it."""

    code = "no_passage"
    mend = "Ask the gate for a permit, and connect inside its passage."


class Passage:
    """Of one spent permit; open only inside `through`."""

    def __init__(self, permit: Permit, at: datetime):
        self._permit, self._at, self._began, self._is_open = permit, at, time.monotonic(), True

    def __repr__(self) -> str:
        return f"<passage of {self._permit}>"

    @property
    def disclosure(self) -> str:
        """The reference of what is handed over; empty where nothing is."""
        return self._permit.disclosure.reference if self._permit.disclosure_id is not None else ""

    def require_open(self) -> None:
        if not self._is_open:
            raise NoPassage("The passage is closed.")

    def cross(self, host: str, address: str, port: int) -> None:
        """Record a connection that is about to be opened; when this returns, that is committed."""
        self.require_open()
        at = self._at + timedelta(seconds=time.monotonic() - self._began)
        with transaction.atomic(durable=True):
            Crossing.objects.create(permit_id=self._permit.pk, host=host, address=address, port=port, at=at)

    def close(self) -> None:
        self._is_open = False


@contextmanager
def through(
    permit: Permit | str, *, recipient: Recipient, fields: frozenset[str] = frozenset(), digest: bytes | None = None, at: datetime
) -> Iterator[Passage]:
    """Spend the permit and open its passage. Raises a PermitRefused of some kind, and then nothing is connected."""
    passage = Passage(permits.spend(permit=permit, recipient=recipient, fields=fields, digest=digest, at=at), at)
    try:
        yield passage
    finally:
        passage.close()


@contextmanager
def handing_over(*, package: Package, by: Any, at: datetime) -> Iterator[Passage]:
    """Ask the gate whether the package may leave, and open the passage for it. Raises deciding.Refused."""
    permit = deciding.decide(package=package, by=by, at=at)
    with through(permit, recipient=package.recipient, fields=package.fields, digest=package.digest, at=at) as passage:
        yield passage


@contextmanager
def contacting(*, recipient: Recipient, why: ContactReason, by: Any, at: datetime) -> Iterator[Passage]:
    """The passage for a job that hands nothing over. Raises deciding.Refused."""
    permit = contacts.open_contact(recipient=recipient, why=why, by=by, at=at)
    with through(permit, recipient=recipient, at=at) as passage:
        yield passage
