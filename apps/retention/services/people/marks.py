"""Who was erased, as keyed hashes: what still comes of them is stored under a pseudonym, and never stands under them again.

The key of the hashes is made from the organization's secret and ends with it. A pseudonym is made with the key of its cohort from
something random: the same for all messages of one cohort, another in the next, and nobody's once the cohort's key is gone.

| who depends on it | on what |
|---|---|
| ingest | that a mark which stands when it locks the organization is seen; `mark` takes the same lock against it |
| somebody who comes back | that a participant who matches a person of today is that person, and no mark's |

It must never keep an address or an id, nor ask once per message: ingest asks once per chunk.
"""

import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db import connection, transaction

from apps.accounts.models import Organization
from apps.audit.services import journal, ledger
from apps.consents.months import months_later
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import derive, keystore
from apps.foundation.personal_data import Subject
from apps.retention import envelope
from apps.retention.models import ErasedParticipant
from apps.retention.services import arrivals
from apps.retention.services.people import whose
from apps.retention.services.people.whose import Handle

INFO = b"|erased-participant"
NOBODY = "former-"
ALIAS_BYTES = 16


def digest_key(organization: str) -> bytes:
    """Under which the participants of one organization are hashed. Raises KeyDestroyed for a client who left."""
    return derive(keystore(), (envelope.organization_secret(organization),), envelope.VERSION + INFO, create=True)


def digest_of(key: bytes, handle: Handle) -> bytes:
    return hmac.digest(key, "\x00".join(handle).encode("utf-8", "surrogatepass"), sha256)


@dataclass(frozen=True)
class Marks:
    """Which of the participants looked at were erased, by how they are known, and what their pseudonyms are made of."""

    aliases: Mapping[Handle, bytes]

    def of(self, source: str, party: dict) -> bytes | None:
        return next((alias for handle in whose.handles(source, party) if (alias := self.aliases.get(handle))), None)

    def marks(self, source: str, parties: Iterable[dict]) -> bool:
        """Whether any of them was erased."""
        return any(self.of(source, party) is not None for party in parties)

    def veiled(self, source: str, party: dict, sealer: envelope.Envelope) -> dict:
        """The participant as the message is to name them in this cohort."""
        alias = self.of(source, party)
        return party if alias is None else pseudonym(alias, sealer)


def pseudonym(alias: bytes, sealer: envelope.Envelope) -> dict:
    """Whoever has no key of the cohort can't tell of whom it was made, and in another cohort it is another."""
    name = NOBODY + sealer.tag("pseudonym", alias.hex()).hex()
    return {"id": name, "email": None, "name": None, "owned_by_organization": False, "person": None}


NONE = Marks({})


def marks_among(organization: Organization, source: str, parties: Iterable[dict]) -> Marks:
    """Which of these participants were erased: no question where nobody of the organization ever was, else one for all of them."""
    if not ErasedParticipant.objects.filter(organization=organization).exists():
        return NONE
    key = digest_key(organization.reference)
    digests = {digest_of(key, handle): handle for party in parties for handle in whose.handles(source, party)}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT digest, alias FROM retention_erasedparticipant WHERE organization_id = %s AND digest = ANY((%s)::bytea[])",
            [organization.pk, arrivals.as_array(digests)],
        )
        return Marks({digests[bytes(digest)]: bytes(alias) for digest, alias in cursor})


@dataclass(frozen=True)
class Standing:
    """How a person is marked: what their pseudonyms are made of, what the client had said, and whether all they are known by is marked."""

    alias: bytes
    answer: str
    is_whole: bool


def standing(subject: Subject) -> Standing | None:
    """None where no erasure of the person began. Raises KeyDestroyed."""
    key = digest_key(subject.organization)
    digests = {digest_of(key, handle) for handle in whose.of(subject).known_by}
    rows = ErasedParticipant.objects.filter(organization__reference=subject.organization)
    first = rows.filter(digest=digest_of(key, ("person", subject.reference))).first()
    if first is None:
        return None
    marked = {bytes(digest) for digest in rows.filter(alias=first.alias).values_list("digest", flat=True)}
    return Standing(bytes(first.alias), first.answer, marked >= digests)


def mark(subject: Subject, answer: str, at: datetime) -> None:
    """From the commit of the caller's transaction on, nothing is stored under the person any more. Twice is once.

    It waits for every ingest of the organization that has begun, and those that come wait for it.
    """
    organization = Organization.objects.select_for_update(no_key=True).get(reference=subject.organization)
    known = standing(subject)
    if known and known.answer == answer and known.is_whole:
        return
    key, alias = digest_key(organization.reference), known.alias if known else secrets.token_bytes(ALIAS_BYTES)
    digests = sorted(digest_of(key, handle) for handle in whose.of(subject).known_by)
    write(organization, alias, digests, answer, at)
    journal.owe(
        "participant.erased", about=organization.reference, at=at,
        body={"alias": alias.hex(), "digests": [digest.hex() for digest in digests], "answer": answer},
    )  # fmt: skip
    ledger.record("participant.erased", by=SYSTEM, about=organization.reference, at=at, facts={"hashes": len(digests), "answer": answer})
    doorbell.ring("journal.owed")


def write(organization: Organization, alias: bytes, digests: Iterable[bytes], answer: str, at: datetime) -> None:
    """Marks, as they are made or repeated after a restore."""
    ErasedParticipant.objects.bulk_create(
        [
            ErasedParticipant(
                organization=organization, digest=digest, alias=alias, answer=answer, at=at,
                kept_until=months_later(at, settings.RETENTION_ERASED_PARTICIPANT_MONTHS),
            )
            for digest in digests
        ],
        update_conflicts=True, unique_fields=["organization", "digest"], update_fields=["alias", "answer", "at", "kept_until"],
    )  # fmt: skip


@transaction.atomic
def forget(*, at: datetime) -> int:
    """Marks whose time is over; returns how many."""
    rows = ErasedParticipant.objects.filter(kept_until__lte=at)
    gone, _by_model = rows.delete()
    if gone:
        ledger.record("participants.forgotten", by=SYSTEM, about="retention", at=at, facts={"hashes": gone})
    return gone
