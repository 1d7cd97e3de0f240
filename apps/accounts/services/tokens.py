"""Tokens of sending services: issued once, shown once, stored as SHA-256 only, revoked for good.

It must never log, return or compare a token in any other way than by its digest; 32 random bytes can't be guessed from it.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from apps.accounts.details import line
from apps.accounts.models import Organization, ServiceToken
from apps.audit.services import ledger
from apps.foundation.actors import Actor
from apps.foundation.clock import day_of
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember

PREFIX = "cov_"
LONGEST_HEADER = 200


class TokenMissing(Refusal):
    """The request shows no token."""

    code = "token_missing"
    mend = "Send the header “Authorization: Bearer …” with the token of your service."


class TokenUnknown(Refusal):
    """The token is not known, or was revoked."""

    code = "token_unknown"
    mend = "Ask an administrator for a new token."


class TokenNotForThis(Refusal):
    """The token is valid, but not for this."""

    code = "token_not_for_this"
    mend = "Ask an administrator for a token that covers it."


class ScopeUnknown(Refusal):
    """A token needs at least one of the scopes that exist."""

    code = "scope_unknown"
    mend = "Choose from: organizations, people, messages, gate."


class AlreadyRevoked(Refusal):
    """The token was revoked before."""

    code = "already_revoked"
    mend = "Nothing needs to be done."


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


@transaction.atomic
def issue(
    *,
    name: str,
    scopes: Sequence[str],
    organization: Organization | None,
    by: Actor | StaffMember,
    at: datetime,
) -> tuple[ServiceToken, str]:
    """A new token, as its row and the words to show once. Nobody can have the words again."""
    chosen = [scope for scope, _label in ServiceToken.SCOPES if scope in scopes]
    if not chosen or len(chosen) != len(set(scopes)):
        raise ScopeUnknown
    words = PREFIX + secrets.token_urlsafe(32)
    actor = by if isinstance(by, Actor) else by.actor
    token = ServiceToken.objects.create(
        name=line(name, field="service", longest=80), digest=_digest(words), scopes=chosen,
        organization=organization, created_at=at, created_by=str(actor),
    )  # fmt: skip
    ledger.record(
        "token.issued", by=by, about=token.reference, at=at,
        facts={"scopes": chosen, "organization": organization.reference if organization else None},
    )  # fmt: skip
    return token, words


def authenticate(authorization_header: str | None, *, scope: str, at: datetime) -> ServiceToken:
    """The token behind an Authorization header. Raises TokenMissing, TokenUnknown or TokenNotForThis."""
    kind, _space, words = (authorization_header or "").strip().partition(" ")
    if kind.lower() != "bearer" or not words.strip():
        raise TokenMissing
    if len(words) > LONGEST_HEADER:
        raise TokenUnknown
    token = ServiceToken.objects.usable().select_related("organization").filter(digest=_digest(words.strip())).first()
    if token is None:
        raise TokenUnknown
    if scope not in token.scopes:
        raise TokenNotForThis(f"The token is not for the scope “{scope}”.")
    today = day_of(at)
    if token.last_used_on != today:
        ServiceToken.objects.filter(pk=token.pk).update(last_used_on=today)
    return token


def require_organization(token: ServiceToken, organization_reference: str | None) -> None:
    """Refuse with TokenNotForThis where the token is limited to another organization."""
    if token.organization is not None and token.organization.reference != organization_reference:
        raise TokenNotForThis("The token is limited to another organization.")


@transaction.atomic
def revoke(*, token: ServiceToken, by: Actor | StaffMember, at: datetime) -> ServiceToken:
    """End a token at once and for good."""
    locked = ServiceToken.objects.select_for_update().get(pk=token.pk)
    if locked.revoked_at is not None:
        raise AlreadyRevoked
    locked.revoked_at = at
    locked.save(update_fields=["revoked_at"])
    ledger.record("token.revoked", by=by, about=locked.reference, at=at)
    return locked
