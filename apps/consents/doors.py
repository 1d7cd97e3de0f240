"""What a link is for and by which way it reached its person; how tokens are made and which digest of them is stored.

A digest is bound to what the token is for, so that no token opens a door it was not made for.
"""

import re
import secrets

from django.db.models import TextChoices

from apps.foundation.digests import sha256

#: 32 random bytes in base 64 for addresses
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
VISIT = "visit"


class LinkPurpose(TextChoices):
    """Which page a link opens. A later floor that sends links adds its own."""

    PREFERENCES = "preferences", "the preference page"


class LinkWay(TextChoices):
    MAIL = "mail", "by e-mail"
    PRODUCT = "product", "by the product"


def new_token() -> str:
    return secrets.token_urlsafe(32)


def is_token(text: str) -> bool:
    """Whether it could be one; whatever else is not looked for."""
    return TOKEN.fullmatch(text) is not None


def digest_of(token: str, *, door: str) -> bytes:
    """What is stored of a token that was made for that door."""
    return sha256(door.encode(), b"\x00", token.encode())
