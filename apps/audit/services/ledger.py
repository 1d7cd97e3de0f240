"""The ledger of acts: who did what to what, when. Written in the transaction of the act, so that neither is without the other.

| who depends on it | on what |
|---|---|
| every service that changes something | that a failing record undoes the act |
| sealing | that an event, once written, never changes (migration 0003) |
| erasure | that a detail can go without breaking a seal |

The public part must never hold free text or personal data; what is personal goes to `detail`, which can be erased.
"""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.audit import plain
from apps.audit.models import Event, EventDetail
from apps.foundation.actors import Actor
from apps.foundation.digests import commitment


class NotInTransaction(RuntimeError):
    """A defect of the caller: an event must commit together with the act it records."""


def record(
    verb: str, *, by: Any, about: str, at: datetime, facts: dict | None = None, detail: dict | None = None
) -> Event:
    """Write an event into the running transaction. `by` is an Actor, or has one as `.actor`."""
    if not transaction.get_connection().in_atomic_block:
        raise NotInTransaction("ledger.record needs the transaction of the act it records")
    if at.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    salt = secrets.token_bytes(32)
    event = Event.objects.create(
        at=at,
        actor=plain.code(_actor(by), name="actor", longest=60),
        verb=plain.code(verb, name="verb", longest=60),
        object=plain.code(about, name="about"),
        facts=plain.facts(facts),
        commitment=None if detail is None else commitment(salt, detail),
    )
    if detail is not None:
        EventDetail.objects.create(event=event, salt=salt, detail=detail)
    return event


def record_each(verb: str, *, by: Any, abouts: Iterable[str], at: datetime, facts: dict | None = None) -> list[Event]:
    """`record` for many acts of one kind with the same facts and no detail, by one statement."""
    if not transaction.get_connection().in_atomic_block:
        raise NotInTransaction("ledger.record_each needs the transaction of the acts it records")
    if at.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    same = {
        "at": at, "actor": plain.code(_actor(by), name="actor", longest=60), "verb": plain.code(verb, name="verb", longest=60),
        "facts": plain.facts(facts),
    }  # fmt: skip
    return Event.objects.bulk_create(Event(object=plain.code(about, name="about"), **same) for about in abouts)


@transaction.atomic
def erase_detail(event: Event, *, by: Any, at: datetime, ground: str) -> bool:
    """Erase the personal detail of an event; the event and its seal stay valid. Returns False where none was left."""
    detail = EventDetail.objects.select_for_update().filter(event_id=event.pk).first()
    if detail is None:
        return False
    detail.delete()
    record("audit.detail_erased", by=by, about=str(event), at=at, facts={"ground": ground})
    return True


def _actor(by: Any) -> Actor:
    actor = by if isinstance(by, Actor) else getattr(by, "actor", None)
    if not isinstance(actor, Actor):
        raise TypeError("an event needs somebody who acts")
    return actor
