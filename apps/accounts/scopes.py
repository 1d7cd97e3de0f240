"""Which claims a scope of a third-party account covers: OpenID Connect Core 1.0 §5.4, and what each means in plain words.

The same table stands in the database (migration `what_a_scope_covers`), where the rows of claims point to it: a claim that no granted
scope covers can't be written by anybody. `picture`, `profile` and `website` are left out on purpose: nothing here needs them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

#: the scope that every sign-on has; of its one claim, the subject, the account itself is made
OPENID = "openid"

CLAIMS: dict[str, tuple[str, ...]] = {
    "profile": (
        "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "gender", "birthdate", "zoneinfo", "locale",
    ),
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
    "address": ("address",),
}  # fmt: skip

#: what a person is asked for, in their words
MEANING: dict[str, str] = {
    "profile": "your name, nickname, time zone, language, gender and date of birth, as far as they stand there",
    "email": "your e-mail address there, and whether it was verified",
    "phone": "your phone number there, and whether it was verified",
    "address": "your postal address there",
}


def scope_of(claim: str) -> str | None:
    """The scope that covers a claim; None where none does."""
    return next((scope for scope, claims in CLAIMS.items() if claim in claims), None)


def within(claims: Mapping[str, Any], *, granted: Iterable[str]) -> dict[str, tuple[str, Any]]:
    """Of `claims` those that a granted scope covers and that say something: claim → (its scope, its value)."""
    allowed = set(granted)
    covered = {claim: scope_of(claim) for claim in claims}
    return {claim: (scope, claims[claim]) for claim, scope in covered.items() if scope in allowed and claims[claim] not in (None, "")}


def beyond(claims: Mapping[str, Any], *, granted: Iterable[str]) -> list[str]:
    """The claims that no granted scope covers. The subject is none: it names the account."""
    allowed = set(granted)
    return sorted(claim for claim in claims if claim != "sub" and scope_of(claim) not in allowed)
