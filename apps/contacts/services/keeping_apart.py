"""The end of a source: its rows go, or, where a hold keeps the person, are set apart in one sealed bundle that nothing uses.

A bundle holds the inner hashes, so that it outlives the rotating key; it opens only with a secret of its own, which is destroyed when the
hold is over. It must never be read for matching, scheduling or refreshing: it has no row that a query could find.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.accounts import keeping
from apps.accounts.models import Person
from apps.audit.services import ledger
from apps.contacts.hashing import RotatingKey, ValueNotOfThisKey
from apps.contacts.models import BusyTime, ContactKey, KeptBook, Match, Source
from apps.contacts.services import lent
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import SealBroken
from apps.foundation.keys.refusals import KeyDestroyed, KeyMissing

#: what may be wrong with what a restored backup brings back: its secret was destroyed meanwhile
WORTHLESS = (SealBroken, KeyDestroyed, KeyMissing)


def end(source: Source, *, event: str, is_kept: bool, at: datetime) -> int:
    """End a locked source, in the caller's transaction; returns how many contacts or busy times it had."""
    rows = ContactKey.objects.filter(source=source), BusyTime.objects.filter(source=source)
    if is_kept:
        content = {"lent": _opened(source), "contacts": _hashes(rows[0]), "busy": _times(rows[1])}
        keep(source.person, source.purpose_id, content, source_reference=source.reference, event=event, entries=source.entries, at=at)
    count = sum(each._raw_delete(each.db) for each in rows)
    Source.objects.filter(pk=source.pk).delete()
    return count


def _opened(source: Source) -> Any:
    if source.sealed is None:
        return None
    try:
        return lent.open_(source.sealed, reference=source.reference, about="lent")
    except WORTHLESS:
        return None


def _hashes(rows: Any) -> list:
    """Item and inner hash of each, in hexadecimal. A value whose key is gone is noise, and left out."""
    opened, rotating = [], {}
    for item, number, value in rows.order_by("id").values_list("item", "key_id", "value"):
        try:
            key = rotating.get(number) or rotating.setdefault(number, RotatingKey(number))
            opened.append([bytes(item).hex(), key.open(value).hex()])
        except (*WORTHLESS, ValueNotOfThisKey):
            continue
    return opened


def _times(rows: Any) -> list:
    found = rows.order_by("starts_at", "id").values_list("item", "starts_at", "ends_at")
    return [[bytes(item).hex(), starts.isoformat(), ends.isoformat()] for item, starts, ends in found]


def keep(person: Person, purpose: str, content: Any, *, source_reference: str, event: str, entries: int, at: datetime) -> KeptBook:
    """Set something apart for a hold, sealed."""
    book = KeptBook(person=person, purpose=purpose, source_reference=source_reference, event=event, entries=entries, kept_at=at)
    book.sealed = lent.close(content, reference=book.reference, about="kept")
    book.save(force_insert=True)
    facts = {"person": person.reference, "kind": purpose, "source": source_reference, "event": event}
    ledger.record("contact_source.kept", by=SYSTEM, about=book.reference, at=at, facts=facts)
    return book


def matches_of(person: Person) -> list:
    """Who the person was matched with, for a bundle: references and since when."""
    rows = Match.objects.filter(one=person) | Match.objects.filter(other=person)
    return [
        [row.other.reference if row.one_id == person.pk else row.one.reference, row.since.isoformat()]
        for row in rows.select_related("one", "other").order_by("id")
    ]


def erase_kept(*, at: datetime) -> int:
    """Erase what was set apart for holds that are over; returns how many bundles. Their secrets go with the same sweep."""
    return sum(_erase_if_free(pk, at) for pk in list(KeptBook.objects.order_by("pk").values_list("pk", flat=True)))


@transaction.atomic
def _erase_if_free(pk: int, at: datetime) -> bool:
    book = KeptBook.objects.select_for_update(of=("self",)).select_related("person").filter(pk=pk).first()
    if book is None or keeping.is_kept(person=book.person, at=at):
        return False
    book.delete()
    facts = {"person": book.person.reference, "kind": book.purpose, "event": book.event}
    ledger.record("contact_source.kept_erased", by=SYSTEM, about=book.reference, at=at, facts=facts)
    doorbell.ring("contacts.left")
    return True
