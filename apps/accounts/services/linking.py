"""Third-party accounts of people: linked with the scopes they granted, and unlinked (P04).

| who depends on it | on what |
|---|---|
| whoever reads a claim | that a granted scope covers it: the rows point to the grant, and the database refuses the rest |
| unlinking | that what the account told is gone in the same transaction, and its secret with it, so that backups hold nothing that opens |
| a restore | that the journal says which accounts were unlinked |

It must never take more than the person authorised, never let an account be linked to two people, and never put a value or a token into
a message, a log or the ledger.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from apps.accounts import details, keeping
from apps.accounts.models import GrantedScope, LinkedAccount, LinkedClaim, Person
from apps.accounts.scopes import CLAIMS, OPENID, beyond, within
from apps.accounts.services.looking import Reason, ReasonMissing
from apps.accounts.sign_on import providers
from apps.accounts.states import PersonStanding
from apps.audit.journal_file import Line
from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.digests import canonical
from apps.foundation.keys import SealBroken, forget, keystore, seal, unseal
from apps.foundation.keys.refusals import KeyDestroyed, KeyMissing
from apps.foundation.refusals import Refusal
from apps.policies.services.force import version_in_force
from apps.staff.models import StaffMember

#: claims whose name is not what a person calls it
LABELS = {"zoneinfo": "Time zone", "locale": "Language", "birthdate": "Date of birth", "email": "E-mail", "email_verified": "E-mail verified"}
LONGEST_VALUE = 2_000  # characters of one claim
LONGEST_SUBJECT = 255  # OpenID Connect Core 1.0 §2
MOST_ATTEMPTS = 5
#: of the advisory lock that keeps a new secret, whose row is not committed yet, from being taken for one that was left
NEW_SECRETS = 0x434F_0401
#: minutes to wait after the first, second… failed attempt to tell a provider
BACK_OFF = (1, 10, 60, 360)
LEASE = timedelta(minutes=5)


class ClaimBeyondScopes(Refusal):
    """It says more than the person authorised, and nothing of it was taken."""

    code = "claim_beyond_scopes"
    mend = "Send only what the granted scopes cover (OpenID Connect Core 1.0, 5.4), or have the person grant more."


class ScopeNotKnown(Refusal):
    """A scope is none of those that can be granted."""

    code = "linked_scope_unknown"
    mend = f"Choose from: {', '.join(CLAIMS)}."


class AccountTaken(Refusal):
    """That account can't be linked: it is linked already."""

    code = "linked_account_taken"
    mend = "Unlink it where it is linked, then try again."


class NotActive(Refusal):
    """Nothing is linked for somebody whose registration is suspended or closed."""

    code = "person_not_active"
    mend = "Wait until the registration is active again."


class AlreadyUnlinked(Refusal):
    """That account is unlinked already."""

    code = "already_unlinked"
    mend = "Nothing needs to be done."


class ValueNotUsable(Refusal):
    """What the account told can't be kept as it is."""

    code = "claim_not_usable"
    mend = "Send texts of at most 2,000 characters, true or false, numbers, and an address as an object of texts."


@dataclass(frozen=True)
class Told:
    """One thing that an account told, opened."""

    scope: str
    claim: str
    value: str

    @property
    def label(self) -> str:
        return LABELS.get(self.claim, self.claim.replace("_", " ").capitalize())


def secret_of(reference: str) -> str:
    """The name of the account's secret in the keystore."""
    return f"linked/{reference}"


@transaction.atomic
def link(
    *, person: Person, provider: str, subject: str, scopes: Iterable[str], claims: Mapping[str, Any], tokens: Mapping[str, str] | None = None,
    lapses_at: datetime | None = None, how: str, leave_out: bool = False, by: Actor | StaffMember, at: datetime,
) -> LinkedAccount:  # fmt: skip
    """Link an account, or bring a linked one up to what it says now.

    Claims that no granted scope covers are refused with ClaimBeyondScopes; with `leave_out`, for providers that tell more than they
    were asked for, they are left out and named in the ledger. What the database itself refuses besides stands in the models.
    """
    granted = _scopes(scopes)
    left_out = beyond(claims, granted=granted)
    if left_out and not leave_out:
        raise ClaimBeyondScopes
    kept = {claim: (scope, _value(value)) for claim, (scope, value) in within(claims, granted=granted).items()}
    locked = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    if locked.standing != PersonStanding.ACTIVE:
        raise NotActive
    account, is_new = _account(locked, details.source(provider), _subject(subject), how, at)
    _write(account, granted, kept, tokens, lapses_at, at)
    ledger.record(
        "linked_account.linked" if is_new else "linked_account.renewed", by=by, about=account.reference, at=at,
        facts={
            "person": locked.reference, "provider": account.provider, "scopes": sorted(granted), "claims": len(kept),
            "left_out": len(left_out),
        },
    )  # fmt: skip
    return account


def _scopes(scopes: Iterable[str]) -> frozenset[str]:
    granted = frozenset(scopes) - {OPENID}
    if granted - CLAIMS.keys():
        raise ScopeNotKnown
    return granted


def _subject(subject: str) -> str:
    return details.line(subject, field="subject", longest=LONGEST_SUBJECT)


def _value(value: Any) -> Any:
    """What a claim may be: a text, a truth, a whole number, or an object of texts (the address)."""
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) < 1 << 53):
        return value
    if isinstance(value, str) and len(value) <= LONGEST_VALUE and "\x00" not in value:
        return value
    texts = [text for pair in value.items() for text in pair] if isinstance(value, dict) else [None]
    if all(isinstance(text, str) for text in texts) and len("".join(texts)) <= LONGEST_VALUE:
        return value
    raise ValueNotUsable


def _account(person: Person, provider: str, subject: str, how: str, at: datetime) -> tuple[LinkedAccount, bool]:
    """The account as it is linked already, else a new one. Whose it is tells nobody: the refusal is the same for both."""
    linked = LinkedAccount.objects.linked().filter(provider=provider).select_for_update(no_key=True)
    known = linked.filter(person=person).first()
    if known is not None and known.subject == subject:
        return known, False
    if known is not None or linked.filter(subject=subject).exists():
        raise AccountTaken
    return LinkedAccount.objects.create(
        person=person, provider=provider, subject=subject, how=how, linked_at=at, policy_version=version_in_force(at)
    ), True


def _write(
    account: LinkedAccount, granted: frozenset[str], kept: Mapping[str, tuple[str, Any]], tokens: Mapping[str, str] | None,
    lapses_at: datetime | None, at: datetime,
) -> None:  # fmt: skip
    """What is granted and told now, in place of what was before."""
    version, store, secret = version_in_force(at), keystore(), secret_of(account.reference)
    _lock_secrets(shared=True)
    account.claims.all().delete()
    account.scopes.all().delete()
    GrantedScope.objects.bulk_create(GrantedScope(account=account, scope=scope) for scope in sorted(granted))
    LinkedClaim.objects.bulk_create(
        LinkedClaim(
            account=account, scope=scope, claim=claim, told_at=at, policy_version=version,
            value=seal(canonical(value), store=store, secret=secret, about=f"{account.reference}/{claim}"),
        )
        for claim, (scope, value) in sorted(kept.items())
    )  # fmt: skip
    if tokens:
        account.tokens = seal(canonical(dict(tokens)), store=store, secret=secret, about=account.reference)
        account.lapses_at = lapses_at
        account.save(update_fields=["tokens", "lapses_at"])


def told_by(account: LinkedAccount) -> list[Told]:
    """What an account told, opened, for the person themself or for a look that was recorded."""
    store, secret = keystore(), secret_of(account.reference)
    return [
        Told(row.scope, row.claim, _words(json.loads(unseal(row.value, store=store, secret=secret, about=f"{account.reference}/{row.claim}"))))
        for row in account.claims.order_by("scope", "claim")
    ]


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return value.get("formatted") or ", ".join(text for text in value.values() if text)
    return str(value)


@transaction.atomic
def reveal(*, account: LinkedAccount, reason: str, by: StaffMember, at: datetime) -> list[tuple[str, str]]:
    """What an account told, for a member of staff, who says why; recorded in the same transaction."""
    if reason not in Reason.values:
        raise ReasonMissing
    told = told_by(account)
    ledger.record(
        "linked_account.revealed", by=by, about=account.reference, at=at, facts={"claims": len(told), "reason": str(reason)}
    )
    return [("subject", account.subject), *((one.claim.replace("_", " "), one.value) for one in told)]


@transaction.atomic
def unlink(*, account: LinkedAccount, how: str, by: Actor | StaffMember, at: datetime) -> LinkedAccount:
    """Unlink an account: what it told is erased now; the provider is told soon, and then the token goes too."""
    row = LinkedAccount.objects.select_for_update(no_key=True, of=("self",)).select_related("person").get(pk=account.pk)
    if row.revoked_at is not None:
        raise AlreadyUnlinked
    row.revoked_at, row.revoked_how, row.kept_for_hold = at, how, keeping.is_kept(person=row.person, at=at)
    row.tell_at = at if row.tokens else None
    erased = 0 if row.kept_for_hold else _erase_told(row)
    row.save(update_fields=["subject", "revoked_at", "revoked_how", "kept_for_hold", "tell_at"])
    journal.owe("linked_account.revoked", about=row.reference, body={"how": how}, at=at)
    ledger.record(
        "linked_account.unlinked", by=by, about=row.reference, at=at,
        facts={
            "person": row.person.reference, "provider": row.provider, "how": how, "claims_erased": erased,
            "kept_for_hold": row.kept_for_hold,
        },
    )  # fmt: skip
    doorbell.ring("linked_accounts.due")
    doorbell.ring("journal.owed")
    return row


def _erase_told(row: LinkedAccount) -> int:
    """What the account told goes; the caller saves the row."""
    erased = row.claims.all().delete()[0]
    row.scopes.all().delete()
    row.subject = ""
    return erased


def erase_kept(*, at: datetime) -> int:
    """Erase what accounts told that were unlinked under a hold, where the hold is over; returns how many accounts."""
    waiting = LinkedAccount.objects.filter(kept_for_hold=True).order_by("pk").values_list("pk", flat=True)
    return sum(_erase_if_free(pk, at) for pk in list(waiting))


@transaction.atomic
def _erase_if_free(pk: int, at: datetime) -> bool:
    row = LinkedAccount.objects.select_for_update(no_key=True, of=("self",)).select_related("person").filter(pk=pk, kept_for_hold=True).first()
    if row is None or keeping.is_kept(person=row.person, at=at):
        return False
    row.kept_for_hold, erased = False, _erase_told(row)
    row.save(update_fields=["kept_for_hold", "subject"])
    ledger.record("linked_account.erased", by=SYSTEM, about=row.reference, at=at, facts={"claims_erased": erased})
    return True


def _destroy_secret(reference: str) -> None:
    store, secret = keystore(), secret_of(reference)
    if store.exists(secret):
        store.destroy(secret)
    forget(store.identity, secret)


def tell_due(*, at: datetime) -> int:
    """Tell providers which tokens are of no use any more, then destroy the tokens; returns how many are done with.

    A provider that does not answer five times is not told; the token goes all the same, and the ledger says so.
    """
    done = 0
    while (account := _claim(at)) is not None:
        try:
            told = _tell(account)
        except (providers.ProviderFailed, SealBroken, KeyMissing, KeyDestroyed):
            if account.tell_attempts < MOST_ATTEMPTS:
                _wait(account, at)
                continue
            told = False
        except providers.ProviderUnknown:
            told = False
        _done(account, told=told, at=at)
        done += 1
    return done


@transaction.atomic
def _claim(at: datetime) -> LinkedAccount | None:
    account = LinkedAccount.objects.to_tell(at).select_for_update(skip_locked=True).first()
    if account is not None:
        account.tell_attempts += 1
        account.leased_until = at + LEASE
        account.save(update_fields=["tell_attempts", "leased_until"])
    return account


def _tell(account: LinkedAccount) -> bool:
    opened = unseal(account.tokens, store=keystore(), secret=secret_of(account.reference), about=account.reference)
    tokens = json.loads(opened)
    return providers.revoke(code=account.provider, token=tokens.get("refresh_token") or tokens["access_token"])


def _wait(account: LinkedAccount, at: datetime) -> None:
    account.tell_at, account.leased_until = at + timedelta(minutes=BACK_OFF[account.tell_attempts - 1]), None
    account.save(update_fields=["tell_at", "leased_until"])


@transaction.atomic
def _done(account: LinkedAccount, *, told: bool, at: datetime) -> None:
    row = LinkedAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
    if row.tell_at is None:
        return
    row.tokens, row.tell_at, row.leased_until, row.told_at = None, None, None, at if told else None
    row.save(update_fields=["tokens", "tell_at", "leased_until", "told_at"])
    ledger.record("linked_account.token_destroyed", by=SYSTEM, about=row.reference, at=at, facts={"provider_told": told})


def _lock_secrets(*, shared: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}(%s)", [NEW_SECRETS])


@transaction.atomic
def destroy_left_secrets(*, at: datetime) -> int:
    """Destroy the secrets of accounts that are unlinked and told, or gone; for what a killed worker left between commit and key."""
    _lock_secrets(shared=False)
    kept = set(LinkedAccount.objects.needing_their_secret().values_list("reference", flat=True))
    left = [name for name in keystore().names("linked") if name.partition("/")[2] not in kept]
    for name in left:
        _destroy_secret(name.partition("/")[2])
    return len(left)


def account_revoked(line: Line, *, at: datetime) -> None:
    """After a restore: the account that was unlinked is unlinked again. Its secret is gone, so nothing can be told to the provider."""
    row = LinkedAccount.objects.select_for_update(no_key=True, of=("self",)).select_related("person").filter(reference=line.about).first()
    if row is None or row.revoked_at is not None:
        return
    row.revoked_at, row.revoked_how, row.kept_for_hold = max(line.at, row.linked_at), line.body["how"], keeping.is_kept(person=row.person, at=at)
    if not row.kept_for_hold:
        _erase_told(row)
    row.tokens, row.tell_at = None, None
    row.save(update_fields=["subject", "revoked_at", "revoked_how", "kept_for_hold", "tokens", "tell_at"])
    ledger.record("linked_account.unlinked_again", by=SYSTEM, about=row.reference, at=at, facts={"provider": row.provider})
