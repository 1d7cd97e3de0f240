"""What comes in by a form, a mail or the product is kept at once, sealed, and nothing is looked up: so everybody is answered alike and nothing is lost.

| step | what it does |
|---|---|
| `arrive` | one row, sealed under the secret of its day; the same again (`external_key`) is the row that is there |
| `open_asked` | what somebody asked, for who works on it |
| `settle` | the row is emptied; it says what became of it |
| `forget_old` | by whom it was given is forgotten when caps don't count it any more; that something asked for nothing, after some months |
| `destroy_days` | the secret of a day goes when everything of that day is settled, but never while its day can still come in |

It must never ask who is known, never refuse because there is much, and never leave a word of it in a log or an exception.
"""

import base64
import json
import time
from dataclasses import asdict, fields
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from apps.data_requests import hashing
from apps.data_requests.models import Arrival, arrival_reference
from apps.data_requests.states import ARRIVAL_MOVES, ArrivalState, Channel
from apps.data_requests.words import Asked
from apps.foundation import doorbell
from apps.foundation.clock import day_of
from apps.foundation.digests import canonical
from apps.foundation.keys import KeyDestroyed, forget, keystore, seal, unseal
from apps.foundation.moves import require_move

KIND = "arrival"
#: a post that began before midnight may commit long after it
DAYS_AFTER = timedelta(days=2)
#: the longest cap counts a day
COUNTED = timedelta(days=2)
#: so that a mail that still lies somewhere is known again
DROPPED_KEPT = timedelta(days=90)
#: seconds in which a process rings once: a flood must not queue a ring for each of its rows, and a sweep rings anyhow
RINGS_EVERY = 1.0
#: of the advisory lock that keeps a day's secret while rows are written under it
SECRETS = 0x434F_0801


class Ringing:
    """When this process rang last."""

    last = 0.0


def arrive(
    *, channel: str, asked: Asked, from_address: str = "", prefix: str = "", external_key: str = "", at: datetime
) -> Arrival:  # fmt: skip
    """Keep what came in. `from_address` is what it says to come from, `prefix` the network that it did come from; neither proves anything."""
    reference = arrival_reference()
    with transaction.atomic():
        _lock_secrets(shared=True)
        row = {
            "reference": reference, "channel": Channel(channel), "external_key": external_key, "received_at": at, "words": _sealed(asked, reference, at),
            "from_digest": hashing.of_email(from_address) if from_address else None,
            "prefix_digest": hashing.of_prefix(prefix) if prefix else None,
        }  # fmt: skip
        _ring()
        if not external_key:
            return Arrival.objects.create(**row)
        arrival, _is_new = Arrival.objects.get_or_create(channel=row["channel"], external_key=external_key, defaults=row)
        return arrival


def _ring() -> None:
    now = time.monotonic()
    if now - Ringing.last >= RINGS_EVERY:
        Ringing.last = now
        doorbell.ring("arrivals.due")


def open_asked(arrival: Arrival) -> Asked:
    """What was asked. Raises SealBroken, KeyMissing, KeyDestroyed or KeyDamaged."""
    said, known = json.loads(_unsealed(arrival)), {field.name for field in fields(Asked)}
    said = {name: value for name, value in said.items() if name in known}
    return Asked(**said | {"document": base64.b64decode(said.get("document", ""))})


def settle(arrival: Arrival, to: str, *, at: datetime, request=None, by: str = "", code: str = "") -> None:
    """It became a request, or asks for nothing: its words go. The caller holds the row."""
    require_move(ARRIVAL_MOVES, arrival.state, to)
    arrival.state, arrival.words, arrival.settled_at, arrival.settled_by, arrival.code = to, None, at, by, code
    arrival.request, arrival.leased_until, arrival.next_try_at = request, None, None
    arrival.save(update_fields=["state", "words", "settled_at", "settled_by", "code", "request", "leased_until", "next_try_at"])


def forget_old(*, at: datetime) -> int:
    """Keyed hashes of who wrote go from what was settled days ago; rows of what asked for nothing go too. Returns how many rows it touched."""
    settled = Arrival.objects.filter(settled_at__lt=at - COUNTED).exclude(from_digest=None, prefix_digest=None)
    touched = settled.update(from_digest=None, prefix_digest=None)
    return touched + Arrival.objects.filter(state=ArrivalState.DROPPED, settled_at__lt=at - DROPPED_KEPT).delete()[0]


def destroy_days(*, at: datetime) -> int:
    """Destroy the secrets of past days of which nothing waits any more; returns how many."""
    store, last = keystore(), day_of(at - DAYS_AFTER)
    gone = 0
    for name in store.names(KIND):
        with transaction.atomic():
            _lock_secrets(shared=False)
            if not _is_over(name.partition("/")[2], last):
                continue
            store.destroy(name)
            forget(store.identity, name)
            gone += 1
    return gone


def _is_over(label: str, last: date) -> bool:
    waiting = Arrival.objects.filter(words__isnull=False)
    try:
        day = date.fromisoformat(label)
    except ValueError:  # a secret of one row alone
        return not waiting.filter(reference=label).exists()
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    return day <= last and not waiting.filter(received_at__gte=start, received_at__lt=start + timedelta(days=1)).exists()


def _sealed(asked: Asked, reference: str, at: datetime) -> bytes:
    said = asdict(asked)
    said["document"] = base64.b64encode(asked.document).decode()
    try:
        return seal(canonical(said), store=keystore(), secret=f"{KIND}/{day_of(at)}", about=reference)
    except KeyDestroyed:  # a clock that stood wrong is no reason to lose a request
        return seal(canonical(said), store=keystore(), secret=f"{KIND}/{reference}", about=reference)


def _unsealed(arrival: Arrival) -> bytes:
    store = keystore()
    own = f"{KIND}/{arrival.reference}"
    name = own if store.exists(own) else f"{KIND}/{day_of(arrival.received_at)}"
    return unseal(arrival.words, store=store, secret=name, about=arrival.reference)


def _lock_secrets(*, shared: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}(%s)", [SECRETS])
