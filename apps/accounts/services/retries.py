"""A registration sent twice under one Idempotency-Key happens once and is answered the same.

The key and the body are kept as keyed hashes: neither a name in a key nor a guessed body can be read from them. It must
never answer with what another token registered.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.crypto import salted_hmac

from apps.accounts.models import Organization, Person, RememberedRequest, ServiceToken
from apps.foundation.refusals import Refusal

REMEMBERED = timedelta(days=3)
LONGEST_KEY = 200
FORGOTTEN_AT_ONCE = 500

Registered = Organization | Person


class KeyNotValid(Refusal):
    """The Idempotency-Key can't be used."""

    code = "idempotency_key_not_valid"
    mend = "Send 1 to 200 printable ASCII characters, e.g. a UUID."


class KeyReused(Refusal):
    """The Idempotency-Key was used before for something else."""

    code = "idempotency_key_reused"
    mend = "Use a new key for each registration, and the same key only to send the same again."


def _digest(what: str, value: bytes) -> bytes:
    return salted_hmac(f"covenant.idempotency.{what}", value, algorithm="sha256").digest()


@transaction.atomic
def once(
    *, token: ServiceToken, key: str | None, body: bytes, register: Callable[[], tuple[Registered, bool]], at: datetime
) -> tuple[Registered, bool]:
    """What `register` gives, or what it gave when `token` sent the same body under `key` before (then not new).

    The key's row is written first: a second request with the same key waits for the first one's end. A refused
    registration leaves no row, so that it can be mended and sent again under its key.
    """
    if key is None:
        return register()
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise KeyNotValid
    _forget(at)
    body_digest = _digest("body", body)
    remembered, is_new = RememberedRequest.objects.get_or_create(
        token=token, key_digest=_digest("key", key.encode()), defaults={"body_digest": body_digest, "made_at": at}
    )
    if not is_new:
        if bytes(remembered.body_digest) != body_digest:
            raise KeyReused
        return remembered.organization or remembered.person, False
    registered, was_new = register()
    column = "organization" if isinstance(registered, Organization) else "person"
    setattr(remembered, column, registered)
    remembered.save(update_fields=[column])
    return registered, was_new


def _forget(at: datetime) -> None:
    old = RememberedRequest.objects.filter(made_at__lt=at - REMEMBERED).order_by("made_at").values("pk")
    rows = list(old.select_for_update(skip_locked=True)[:FORGOTTEN_AT_ONCE])
    RememberedRequest.objects.filter(pk__in=[row["pk"] for row in rows]).delete()
