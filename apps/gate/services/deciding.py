"""The one verb of the gate: may this leave? Yes is a recorded disclosure with a permit, no is a recorded refusal with all its reasons.

| who depends on it | on what |
|---|---|
| the one client to the network | that a permit exists only where its disclosure was committed before |
| the accounts of what left | that everything that left stands there, and what was refused does not |
| who suspends a provider, withdraws a grant or takes a consent back | that a decision at the same moment comes wholly before or wholly after |

It refuses to run inside somebody else's transaction: a rollback there would take back a record after the permit is out of the house,
or lose a refusal. It must never let something out because a fact could not be found, and never write down what is no reference.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.foundation.refusals import Refusal
from apps.gate.models import GateRefusal, Permit
from apps.gate.package import About, Package, Recipient, unsound
from apps.gate.services import knowing, recording, rules
from apps.gate.states import Ground
from apps.providers.services.asking import Reason

__all__ = ["About", "Ground", "Package", "Recipient", "Refused", "decide"]


class Refused(Refusal):
    """The gate does not let this out."""

    code = "gate_refused"
    mend = "Mend each of its reasons, and ask again."

    def __init__(self, reasons: Sequence[Reason], refusal: GateRefusal):
        self.reasons, self.refusal = tuple(reasons), refusal
        super().__init__(f"{refusal}: " + " ".join(reason.text for reason in reasons))


class _NotSo(Exception):
    """Carries the reasons out of the transaction that looked."""

    def __init__(self, why: list[Reason]):
        super().__init__()
        self.why = why


def decide(*, package: Package, by: Any, at: datetime, along: Callable[[Permit], None] | None = None) -> Permit:
    """Let a package out, or raise Refused with every reason; either is committed when this returns. `by` is an Actor or has one.

    `along(permit)` writes what belongs to the permit into the same transaction.
    """
    try:
        with transaction.atomic(durable=True):
            known = _judged(package, at)
            permit = recording.let_out(package, known, by=by, at=at)
            if along is not None:
                along(permit)
            return permit
    except _NotSo as no:
        why = no.why
    raise Refused(why, recording.refuse(package, why, by=by, at=at))


def _judged(package: Package, at: datetime) -> rules.Known:
    if unreadable := unsound(package):
        raise _NotSo([_unreadable(part) for part in unreadable])
    knowing.lock(package.recipient)
    known = knowing.known(package, at)
    if why := rules.reasons(package, known):
        raise _NotSo(why)
    return known


def _unreadable(part: str) -> Reason:
    name = {"what": "object"}.get(part, part.replace("_", " "))
    return Reason("unreadable", f"What it gives as {name} can't be read as that.", f"Give the {name} as references and codes.")
