"""A request begins: sealed, with its regimes and clocks, or joined to the open one of the same person and kind.

| asked | becomes |
|---|---|
| by somebody who is known | a request of theirs; joins an open one of the same kind |
| by nobody who is known, with an address | a request of that address; joins an open one of the same kind |
| what needs no proof, or comes from a part of this system that knows who asks | in work at once |

What joins keeps a record of its own (11 CCR 7101) and starts no clock: those of the first go on unchanged. Both are worked on as one. It must
never say to whoever asks whether anybody is known, and never start a clock later than the moment of receipt.
"""

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from apps.accounts.models import Person
from apps.audit.services import ledger
from apps.data_requests import hashing, words
from apps.data_requests.clocks import regimes_of
from apps.data_requests.models import DataRequest
from apps.data_requests.services import clocks, merging, moving
from apps.data_requests.states import NEEDS_NO_PROOF, Asker, Channel, Kind, State
from apps.data_requests.words import Asked
from apps.foundation import doorbell
from apps.foundation.refusals import Refusal
from apps.policies.services.force import version_in_force

__all__ = ("Asked", "KindUnknown", "lock_secrets", "open_request")

#: of the advisory lock that keeps a new secret, whose row is not committed yet, from being taken for one that was left
NEW_SECRETS = 0x4452_0901


class KindUnknown(Refusal):
    """That is no kind of request."""

    code = "request_kind_unknown"
    mend = "Choose one from the list."


@transaction.atomic
def open_request(
    asked: Asked, *, channel: str, person: Person | None, received_at: datetime, by: Any, at: datetime
) -> tuple[DataRequest, bool]:
    """Open a request, or join the open one of the same person (where nobody is known: of the same address) and kind.

    Returns the request that goes on, locked, and whether it is new. Who comes by `Channel.OWN` was identified by whoever calls.
    """
    if asked.kind not in Kind.values or asked.asker not in Asker.values:
        raise KindUnknown
    lock_secrets(shared=True)
    digest = hashing.of_email(asked.email) if asked.email else None
    one_at_a_time(asked.kind, person.reference if person else "", digest)
    first = merging.open_one(asked.kind, person=person, address_digest=digest)
    request = _made(asked, channel=Channel(channel), person=person, digest=digest, received_at=received_at, at=at, into=first)
    facts = {"kind": request.kind, "channel": request.channel, "asker": request.asker, "received_at": received_at, "person": request.person_reference}
    ledger.record("request.received", by=by, about=request.reference, at=at, facts=facts | {"regimes": request.regimes})
    proven = request.channel == Channel.OWN and person is not None
    if first is not None:
        return merging.joined(request, first, proven=proven, by=by, at=at), False
    clocks.start_all(request, received_at)
    if proven:
        request.verified_at = at
    if proven or request.kind in NEEDS_NO_PROOF:
        moving.move(request, State.IN_WORK, by=by, at=at)
    doorbell.ring("requests.due")
    return request, True


def _made(
    asked: Asked, *, channel: Channel, person: Person | None, digest: bytes | None, received_at: datetime, at: datetime, into: DataRequest | None
) -> DataRequest:
    organization = person.organization if person else None
    request = DataRequest(
        kind=asked.kind, channel=channel, asker=asked.asker, organization=organization, person=person, address_digest=digest,
        person_reference=person.reference if person else "", received_at=received_at, policy_version=version_in_force(received_at),
        regimes=[] if into else [str(regime) for regime in regimes_of(asked.kind, person, organization)],
    )  # fmt: skip
    request.words = words.seal_words(asked, reference=request.reference)
    if into is not None:
        merging.as_merged(request, into, at=at)
    request.save(force_insert=True)
    return request


def lock_secrets(*, shared: bool) -> None:
    """Who makes secrets holds it with others, who destroys those that were left holds it alone."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}(%s)", [NEW_SECRETS])


def one_at_a_time(kind: str, person_reference: str, digest: bytes | None) -> None:
    """Two of the same person, or of the same address, at the same moment are opened one after the other: the second joins."""
    names = [name for name in (person_reference, digest.hex() if digest else "") if name]
    with connection.cursor() as cursor:
        for name in sorted(names):
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [NEW_SECRETS, f"{kind}/{name}"])
