"""A person on their way to a provider and back: one attempt, one browser, ten minutes, once.

The state travels through the provider, the other half stays in the browser that left: who gets somebody to open the address of a
callback can't link that one's account to a person of their own. What RFC 7636 and the nonce need is derived from the state, not stored.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from apps.accounts.models import LinkAttempt, Person
from apps.accounts.scopes import CLAIMS
from apps.accounts.services.linking import NotActive, ScopeNotKnown
from apps.accounts.sign_on import providers
from apps.accounts.states import PersonStanding
from apps.foundation.refusals import Refusal

LIFE = timedelta(minutes=10)
LONGEST = 200


class AttemptOver(Refusal):
    """This way back from the provider is not open any more: it was used, took too long, or began in another browser."""

    code = "link_attempt_over"
    mend = "Open your preferences again and begin anew."


@dataclass(frozen=True)
class Begun:
    """What goes with the person: `state` through the provider, `browser` in a cookie of ten minutes."""

    state: str
    browser: str

    @property
    def verifier(self) -> str:
        return _derived("verifier", self.state)

    @property
    def nonce(self) -> str:
        return _derived("nonce", self.state)


def _derived(what: str, state: str) -> str:
    digest = salted_hmac(f"covenant.linking.{what}", state, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token[:LONGEST].encode("utf-8", "surrogatepass")).digest()


@transaction.atomic
def begin(*, person: Person, provider: str, scopes: Iterable[str], at: datetime) -> Begun:
    """Remember that the person goes to the provider to grant these scopes. Raises ProviderUnknown, ScopeNotKnown or NotActive."""
    asked = set(scopes)
    if asked - set(providers.find(provider).scopes) or asked - CLAIMS.keys():
        raise ScopeNotKnown
    if Person.objects.get(pk=person.pk).standing != PersonStanding.ACTIVE:
        raise NotActive
    begun = Begun(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
    LinkAttempt.objects.create(
        person=person, provider=provider, scopes=sorted(asked), state_digest=_digest(begun.state), browser_digest=_digest(begun.browser),
        begun_at=at, lapses_at=at + LIFE,
    )  # fmt: skip
    return begun


@transaction.atomic
def finish(*, state: str, browser: str, at: datetime) -> LinkAttempt:
    """The attempt that comes back, used up by this. Raises AttemptOver, whatever is wrong with it."""
    attempt = LinkAttempt.objects.select_for_update().select_related("person").filter(state_digest=_digest(state)).first()
    if attempt is None or attempt.used_at is not None or at >= attempt.lapses_at:
        raise AttemptOver
    if not constant_time_compare(bytes(attempt.browser_digest), _digest(browser)):
        raise AttemptOver
    attempt.used_at = at
    attempt.save(update_fields=["used_at"])
    return attempt


def forget_old(*, at: datetime) -> int:
    """Remove the attempts that lapsed a day ago; returns how many."""
    return LinkAttempt.objects.filter(lapses_at__lt=at - timedelta(days=1)).delete()[0]
