"""Writes what was read from a source: what is there already stays, what is new comes, what is not there any more goes.

One statement for each of the two, whatever the number of entries; nothing is written twice and nothing that stayed counts as a change.
The caller's transaction holds the consent (`asking.lock`) and the source's row. It must never see an address in clear: it takes hashes.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import connection

from apps.consents.purposes import CONTACTS
from apps.contacts.hashing import ITEM, inner, of_card
from apps.contacts.models import Source
from apps.contacts.reading.found import Busy, Card
from apps.contacts.services import keys
from apps.policies.services.force import version_in_force

#: within the given items of a source, or all of it, what is not given goes
KEYS_GO = """
DELETE FROM contacts_contactkey c WHERE c.source_id = %(source)s AND (%(items)s::bytea[] IS NULL OR c.item = ANY(%(items)s))
  AND NOT EXISTS (SELECT 1 FROM unnest(%(item)s::bytea[], %(value)s::bytea[]) AS n (item, value) WHERE n.item = c.item AND n.value = c.value)
"""
KEYS_COME = """
INSERT INTO contacts_contactkey (person_id, purpose_id, stands, source_id, item, key_id, value, collected_at, policy_version_id)
SELECT %(person)s, %(purpose)s, true, %(source)s, n.item, %(key)s, n.value, %(at)s, %(version)s
FROM unnest(%(item)s::bytea[], %(value)s::bytea[]) AS n (item, value) ON CONFLICT DO NOTHING
"""
TIMES_GO = """
DELETE FROM contacts_busytime b WHERE b.source_id = %(source)s AND (%(items)s::bytea[] IS NULL OR b.item = ANY(%(items)s))
  AND NOT EXISTS (SELECT 1 FROM unnest(%(item)s::bytea[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS n (item, starts_at, ends_at)
                  WHERE n.item = b.item AND n.starts_at = b.starts_at AND n.ends_at = b.ends_at)
"""
TIMES_COME = """
INSERT INTO contacts_busytime (person_id, purpose_id, stands, source_id, item, starts_at, ends_at, collected_at, policy_version_id)
SELECT %(person)s, %(purpose)s, true, %(source)s, n.item, n.starts_at, n.ends_at, %(at)s, %(version)s
FROM unnest(%(item)s::bytea[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS n (item, starts_at, ends_at) ON CONFLICT DO NOTHING
"""


def item_of(path: str) -> bytes:
    """How an entry of a source is known again: a keyed hash of its path, or of its own id in a file."""
    return inner(ITEM, path)


def by_item(found: Iterable[Card | Busy]) -> dict[bytes, list]:
    """The entries of a file by their own ids; those that have none by their place."""
    items: dict[bytes, list] = {}
    for number, entry in enumerate(found):
        items.setdefault(item_of(entry.uid or f"#{number}"), []).append(entry)
    return items


def store(source: Source, found: Mapping[bytes, Iterable[Card | Busy]], *, gone: Iterable[bytes] | None, at: datetime) -> int:
    """Store what was found, by item. `gone`: further items of which nothing is left; None: whatever was not found is gone.

    Returns how many rows came or went.
    """
    known = {
        "source": source.pk, "person": source.person_id, "purpose": source.purpose_id, "at": at, "version": version_in_force(at).pk,
        "items": None if gone is None else [*found, *gone],
    }  # fmt: skip
    if source.purpose_id == CONTACTS:
        return _run((KEYS_GO, KEYS_COME), known | _keys(found, at))
    return _run((TIMES_GO, TIMES_COME), known | _times(found))


def _keys(found: Mapping[bytes, Iterable[Card]], at: datetime) -> dict:
    key = keys.current(at=at)
    pairs = sorted({(item, key.close(hashed)) for item, cards in found.items() for card in cards for hashed in of_card(card.emails, card.phones)})
    return {"key": key.number, "item": [item for item, _value in pairs], "value": [value for _item, value in pairs]}


def _times(found: Mapping[bytes, Iterable[Busy]]) -> dict:
    times = sorted({(item, busy.starts_at, busy.ends_at) for item, each in found.items() for busy in each if busy.ends_at > busy.starts_at})
    return {name: [time[column] for time in times] for column, name in enumerate(("item", "starts", "ends"))}


def _run(statements: Iterable[str], values: Mapping) -> int:
    with connection.cursor() as cursor:
        changed = 0
        for statement in statements:
            cursor.execute(statement, values)
            changed += cursor.rowcount
        return changed
