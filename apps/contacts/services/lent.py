"""What a source is opened with: address, login and password, and how far it was read, sealed under a secret of the source's own.

The secret of a source that is gone is destroyed by a sweep after the commit, so that a rollback loses nothing; whoever seals for a
source whose row is not committed yet keeps the sweep out. It must never put any of it into a log, an exception or an address.
"""

import json
from dataclasses import dataclass, field

from django.db import connection, transaction

from apps.contacts.models import KeptBook, Source
from apps.foundation.digests import canonical
from apps.foundation.keys import forget, keystore, seal, unseal

#: advisory lock: who makes a secret takes it shared until their row is committed, who destroys what is left takes it alone
NEW_SECRETS = 0x434F_0502


@dataclass(frozen=True)
class Lent:
    """An address and how its owner lets us in. Its words stay out of whatever shows it."""

    address: str
    user: str
    password: str = field(repr=False)

    def __repr__(self) -> str:
        return "<an address that somebody lent us>"


def secret_of(reference: str) -> str:
    """The name of the secret of a source, or of what a hold keeps of one, in the keystore."""
    return f"source/{reference}"


def close(what: object, *, reference: str, about: str) -> bytes:
    """Seal plain values for a row of that reference, in the caller's transaction, which writes the row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [NEW_SECRETS])
    return seal(canonical(what), store=keystore(), secret=secret_of(reference), about=f"{reference}/{about}")


def open_(sealed: bytes, *, reference: str, about: str) -> object:
    """What was sealed. Raises SealBroken, KeyMissing, KeyDestroyed or KeyDamaged."""
    return json.loads(unseal(sealed, store=keystore(), secret=secret_of(reference), about=f"{reference}/{about}"))


def close_lent(lent: Lent, *, reference: str) -> bytes:
    return close([lent.address, lent.user, lent.password], reference=reference, about="lent")


def open_lent(source: Source) -> Lent:
    return Lent(*open_(source.sealed, reference=source.reference, about="lent"))


@transaction.atomic
def destroy_left_secrets() -> int:
    """Destroy the secrets of sources, and of what a hold kept, that are gone; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [NEW_SECRETS])
    needed = {*Source.objects.values_list("reference", flat=True), *KeptBook.objects.values_list("reference", flat=True)}
    store = keystore()
    left = [name for name in store.names("source") if name.partition("/")[2] not in needed]
    for name in left:
        store.destroy(name)
        forget(store.identity, name)
    return len(left)
