"""What is held on this floor about a person goes, and what of it may not: rows in bounded pieces, their own row last of all.

| who depends on it | on what |
|---|---|
| data requests | that a call may be repeated after any kill: what is gone counts nothing, and the person's row is there until everything else went |
| the database | that evidence goes only once the account is closed (migration 0013), and the person's row takes along what points to it |

It must never erase who represents somebody else: that is the other one's protection (P24), and stays as long as it is in force.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from apps.accounts import details
from apps.accounts.models import ExternalIdentity, LinkedAccount, Person, PersonEmail, PersonPhone, Representative
from apps.accounts.services import documents, linking
from apps.accounts.sign_on import providers
from apps.accounts.states import RepresentativeState
from apps.foundation import held
from apps.foundation.clock import day_of
from apps.foundation.keys import KeyDestroyed, KeyMissing, SealBroken, keystore, unseal
from apps.foundation.personal_data import Collected, Ended, Kept, KeptGround, Redaction, Subject

log = structlog.get_logger(__name__)

UNOPENABLE = (SealBroken, KeyMissing, KeyDestroyed)
#: said where something lies here that nobody can open any more
UNREADABLE = "can't be opened any more"


def person_row(subject: Subject, at: datetime) -> Ended:
    """The person's own row and its history: the last step of an erasure.

    What came in behind the steps before it, such as a mail that opened an inquiry, goes with the row; the sweeps of its floor destroy its secret.
    """
    found = list(Person.objects.select_for_update(of=("self",)).filter(pk=subject.pk).values_list("pk", flat=True))
    gone = 0
    if found:
        held.forget_log(found, model=Person)
        gone, _by_model = Person.objects.filter(pk__in=found).delete()
    # after the rows: simple-history writes down what is deleted
    pasts = [Person.history.model.objects.filter(id=subject.pk)]
    pasts += [model.history.model.objects.filter(person_id=subject.pk) for model in (PersonEmail, PersonPhone, ExternalIdentity)]
    return Ended(erased=gone + sum(past._raw_delete(past.db) for past in pasts))


def told_by(account: LinkedAccount) -> dict[str, dict[str, str] | str]:
    """What a linked account told, opened, as it is handed over."""
    try:
        return {"What it told": {told.label: told.value for told in linking.told_by(account)}}
    except UNOPENABLE:
        return {"What it told": UNREADABLE}


def tell_providers(subject: Subject, at: datetime) -> None:
    """The tokens of accounts that are still linked are handed back at the providers once the erasure is committed, as well as that goes.

    Ours are destroyed in any case, so that nobody can use them here.
    """
    rows = LinkedAccount.objects.filter(person_id=subject.pk, tokens__isnull=False).order_by("pk")
    tokens = [(row.provider, token) for row in rows if (token := _token(row)) is not None]
    if tokens:
        transaction.on_commit(lambda: _revoke(tokens), robust=True)


def _token(account: LinkedAccount) -> str | None:
    try:
        opened = json.loads(unseal(account.tokens, store=keystore(), secret=linking.secret_of(account.reference), about=account.reference))
    except UNOPENABLE:
        return None
    return opened.get("refresh_token") or opened.get("access_token")


def _revoke(tokens: Iterable[tuple[str, str]]) -> None:
    for code, token in tokens:
        try:
            providers.revoke(code=code, token=token)
        except (providers.ProviderFailed, providers.ProviderUnknown) as error:
            log.info("token_not_revoked", provider=code, why=type(error).__name__)


def representatives_are_others(rows: QuerySet) -> Iterator[Redaction]:
    """Who represents a person is somebody else."""
    count = rows.count()
    if count:
        yield Redaction("Representatives", "name, e-mail address and document of the representative", count, "They are about another person.")


def representing(subject: Subject) -> QuerySet[Representative]:
    """Where the person acts, or acted, for somebody else: by their address as it was registered, with their name."""
    addresses = {details.normalise_email(address) for address in subject.emails}
    by_address = Representative.objects.annotate(address=Lower("email")).filter(address__in=addresses)
    return by_address.exclude(full_name="", email="").exclude(person_id=subject.pk).order_by("pk")


def count_representing(subject: Subject, at: datetime) -> int:
    return representing(subject).count()


def collect_representing(subject: Subject, at: datetime) -> Iterator[Collected]:
    """For whom is left out: a child has rights of their own."""
    rows = representing(subject)
    yield Collected(
        title="Where you represent somebody below 18",
        rows=(
            {
                "Reference": row.reference, "Your name": row.full_name, "Your e-mail address": row.email, "Authority": row.get_authority_display(),
                "From": row.valid_from.isoformat(), "Until": row.valid_until.isoformat() if row.valid_until else "", "State": row.get_state_display(),
            }
            for row in rows
        ),
        redactions=_children(rows),
    )  # fmt: skip


def _children(rows: QuerySet) -> Iterator[Redaction]:
    count = rows.count()
    if count:
        yield Redaction("Representations", "for whom you act", count, "It is about another person.")


def erase_representing(subject: Subject, at: datetime) -> Ended:
    """Names and documents of representations that are over go; the rest stays until it is over, because a child is protected by it."""
    kept, secrets, done = [], [], 0
    for row in representing(subject).select_for_update(of=("self",)):
        if _protects(row, at):
            until = datetime.combine(row.valid_until, datetime.min.time(), at.tzinfo) if row.valid_until else None
            kept.append(Kept(KeptGround.LAW, row.reference, 1, until))
            continue
        if row.document is not None:
            row.document, row.document_destroyed_at = None, at
            secrets.append(documents.secret_of(row.reference))
        row.full_name = row.email = ""
        row.save(update_fields=["full_name", "email", "document", "document_destroyed_at"])
        done += 1
    return Ended(anonymised=done, kept=tuple(kept), secrets=tuple(secrets))


def _protects(row: Representative, at: datetime) -> bool:
    if row.state == RepresentativeState.PROPOSED:
        return True
    return row.state == RepresentativeState.VERIFIED and (row.valid_until is None or row.valid_until > day_of(at))


def about(subject: Subject) -> Q:
    """Rows that point to the person."""
    return Q(person_id=subject.pk)
