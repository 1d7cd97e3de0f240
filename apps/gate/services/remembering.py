"""A permit that is asked for twice under one Idempotency-Key is given once: one disclosure, and the same answer.

The token of the permit is sealed with a key made of the Idempotency-Key, of which only a keyed hash is kept: what stands in the database
opens for nobody but who sends the key again. It must never answer with what another service was given.
"""

import os
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import IntegrityError
from django.utils.crypto import salted_hmac

from apps.accounts.models import ServiceToken
from apps.accounts.services.retries import LONGEST_KEY, KeyNotValid, KeyReused
from apps.gate.models import Permit, RememberedDecision
from apps.gate.package import Package
from apps.gate.services import deciding

NONCE_BYTES = 12
REMEMBERED = timedelta(days=3)


class Given(NamedTuple):
    """A permit with its token, and whether it is new."""

    permit: Permit
    token: str
    is_new: bool


def decide_once(*, package: Package, service: ServiceToken, key: str | None, body: bytes, at: datetime) -> Given:
    """Decide, or give again what was given to the same service for the same body under the same key. Raises deciding.Refused."""
    if key is None:
        permit = deciding.decide(package=package, by=service, at=at)
        return Given(permit, permit.token, True)
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise KeyNotValid
    key_digest, body_digest = _digest("key", key.encode()), _digest("body", body)
    given = _given(service, key, key_digest, body_digest, at)
    if given is not None:
        return given

    def remember(permit: Permit) -> None:
        RememberedDecision.objects.filter(token=service, key_digest=key_digest, made_at__lt=at - REMEMBERED).delete()
        RememberedDecision.objects.create(
            token=service, key_digest=key_digest, body_digest=body_digest, permit=permit, sealed=_seal(permit, key), made_at=at
        )

    try:
        permit = deciding.decide(package=package, by=service, at=at, along=remember)
    except IntegrityError:  # the same key at the same moment: the other one was first, and this one is rolled back
        given = _given(service, key, key_digest, body_digest, at)
        if given is None:
            raise
        return given
    return Given(permit, permit.token, True)


def _given(service: ServiceToken, key: str, key_digest: bytes, body_digest: bytes, at: datetime) -> Given | None:
    known = RememberedDecision.objects.select_related("permit__disclosure").filter(
        token=service, key_digest=key_digest, made_at__gte=at - REMEMBERED
    ).first()  # fmt: skip
    if known is None:
        return None
    if bytes(known.body_digest) != body_digest:
        raise KeyReused
    return Given(known.permit, _unseal(known, key), False)


def _digest(what: str, value: bytes) -> bytes:
    return salted_hmac(f"covenant.gate.{what}", value, algorithm="sha256").digest()


def _cipher(key: str, permit: str) -> AESGCM:
    return AESGCM(salted_hmac(f"covenant.gate.token.{permit}", key, algorithm="sha256").digest())


def _seal(permit: Permit, key: str) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(key, permit.reference).encrypt(nonce, permit.token.encode(), permit.reference.encode())


def _unseal(known: RememberedDecision, key: str) -> str:
    sealed, reference = bytes(known.sealed), known.permit.reference
    return _cipher(key, reference).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], reference.encode()).decode()
