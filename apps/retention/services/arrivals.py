"""Where an arriving message may stand, and how it gets there: the one module that writes rows of the message table.

It must never add to a cohort that is not open, or sealed with an open supplement before its day: the cohort's row is
locked FOR SHARE from the question to the commit (a destruction and a hold lock the same rows FOR UPDATE).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from struct import Struct

from django.db import connection, transaction

from apps.accounts.models import Organization
from apps.audit.services import ledger
from apps.foundation import binary_copy
from apps.foundation.actors import Actor
from apps.foundation.clock import day_of
from apps.foundation.keys import keystore
from apps.retention import envelope
from apps.retention.envelope import PROOF_BYTES, TAG_BYTES, Sealed
from apps.retention.models import Amendment, Cohort, Destruction, EarlyDeletion, Message, Segment
from apps.retention.states import READABLE, DestructionScope

#: columns, and the row's number: what each row of a COPY begins with
_NUMBER = Struct("!hiq").pack
_PROOF = binary_copy.size(PROOF_BYTES)


@dataclass(frozen=True)
class Place:
    """Where rows of one organization and day go now."""

    cohort: Cohort
    segment: int
    sealed_segments: frozenset[int]


@dataclass(frozen=True)
class Stored:
    """A row that is there already."""

    id: int
    segment: int
    policy_version: int
    ciphertext: bytes


def open_place(*, organization: Organization, day: date, owed: bool, at: datetime, by: Actor) -> Place | None:
    """The open segment of that cohort, with the cohort locked FOR SHARE; None where nothing may be added any more.

    The first arrival of a day makes the cohort, a late one of a sealed cohort opens a supplement.
    """
    if day <= day_of(at) or Destruction.objects.filter(scope=DestructionScope.DAY, day=day).exists():
        return None
    cohort = Cohort.objects.filter(organization=organization, expiry_on=day).first()
    if cohort is None or not _may_take(cohort, _segments(cohort), owed):
        cohort = _prepared(organization, day, owed=owed, at=at, by=by)
    else:
        cohort = Cohort.objects.raw("SELECT * FROM retention_cohort WHERE id = %s FOR SHARE", [cohort.pk])[0]
    segments = _segments(cohort)
    open_ones = [segment.number for segment in segments if segment.sealed_at is None]
    if not open_ones or cohort.state not in READABLE:
        return None
    return Place(cohort, open_ones[-1], frozenset(s.number for s in segments if s.sealed_at is not None))


def _segments(cohort: Cohort) -> list[Segment]:
    return list(Segment.objects.filter(cohort=cohort))


def _may_take(cohort: Cohort, segments: list[Segment], owed: bool) -> bool:
    return (cohort.archive_owed or not owed) and any(segment.sealed_at is None for segment in segments)


def _prepared(organization: Organization, day: date, *, owed: bool, at: datetime, by: Actor) -> Cohort:
    """Under the full lock: make the cohort, open its first segment or a supplement, mark what is now owed to an archive."""
    Cohort.objects.bulk_create(
        [Cohort(organization=organization, expiry_on=day, opened_at=at, archive_owed=owed)], ignore_conflicts=True
    )
    cohort = Cohort.objects.select_for_update().get(organization=organization, expiry_on=day)
    if cohort.state not in READABLE:
        return cohort
    if owed and not cohort.archive_owed:
        cohort.archive_owed = True
        cohort.save(update_fields=["archive_owed"])
    if cohort.canary is None:
        key = envelope.for_cohort(keystore(), organization=organization.reference, expiry=day, create=True)
        cohort.canary = envelope.canary(key, cohort=cohort.reference)
        cohort.save(update_fields=["canary"])
    segments = _segments(cohort)
    if all(segment.sealed_at is not None for segment in segments):
        number = max((segment.number for segment in segments), default=-1) + 1
        Segment.objects.create(cohort=cohort, number=number, opened_at=at)
        if number:
            ledger.record("cohort.supplemented", by=by, about=cohort.reference, at=at, facts={"segment": number})
    return cohort


def stored(day: date, tags: Iterable[bytes]) -> dict[bytes, Stored]:
    """The rows of one leaf that carry one of these source tags. One look into the index for each, whatever the planner thinks:

    while a leaf fills, its statistics say that it is empty, and the whole of it would be read for each chunk.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.source_tag, m.id, m.segment, m.policy_version_id, m.ciphertext FROM unnest((%s)::bytea[]) AS asked(tag)"
            " CROSS JOIN LATERAL (SELECT * FROM message WHERE expiry = %s AND source_tag = asked.tag OFFSET 0) AS m",
            [as_array(tags), day],
        )
        return {bytes(tag): Stored(number, segment, version, bytes(text)) for tag, number, segment, version, text in cursor}


def deleted_early(cohort: Cohort, tags: Iterable[bytes]) -> list[bytes]:
    """Those of these source tags whose messages were deleted early: they do not come back."""
    gone = EarlyDeletion.objects.filter(cohort=cohort)
    if not gone.exists():
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT source_tag FROM retention_earlydeletion WHERE cohort_id = %s AND source_tag = ANY(%s::bytea[])",
            [cohort.pk, as_array(tags)],
        )
        return [bytes(row[0]) for row in cursor]


def as_array(tags: Iterable[bytes]) -> str:
    """Tags as the text of a bytea[]: the driver's own way costs more than all of their encryption."""
    return "{" + ",".join([f'"\\\\x{tag.hex()}"' for tag in tags]) + "}"


def next_numbers(count: int) -> list[int]:
    """Row numbers ahead of the insert: the encryption is bound to them."""
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('message_id_seq') FROM generate_series(1, %s)", [count])
        return [row[0] for row in cursor.fetchall()]


def copy_in(
    rows: Iterable[tuple[int, Sealed]], *, day: date, organization_id: int, segment: int, policy_version: int
) -> None:
    """Write rows into their leaf by binary COPY, in the caller's transaction. They are sent while the next are made."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("messages are written together with their account")
    same = b"".join(
        (
            binary_copy.day(day),
            binary_copy.bigint(organization_id),
            binary_copy.smallint(segment),
            binary_copy.bigint(policy_version),
            binary_copy.size(TAG_BYTES),
        )
    )
    binary_copy.send(
        "COPY message (id, expiry, organization_id, segment, policy_version_id, source_tag, tags, proof, ciphertext)"
        " FROM STDIN (FORMAT BINARY)",
        _rows(rows, same),
    )


def _rows(rows: Iterable[tuple[int, Sealed]], same: bytes) -> Iterator[bytes]:
    array_of, size = binary_copy.array_of, binary_copy.size
    for number, (source_tag, tags, proof, ciphertext) in rows:
        yield b"".join(
            (_NUMBER(9, 8, number), same, source_tag, array_of(tags, TAG_BYTES), _PROOF, proof, size(len(ciphertext)), ciphertext)
        )


def replace(cohort: Cohort, row: Stored, sealed: Sealed, *, at: datetime) -> None:
    """Put an edited message in the place of the one that stands; its number, day and segment stay.

    Where an archive is owed it may have left in a part already: the next part carries it again.
    """
    if cohort.archive_owed:
        Amendment.objects.create(cohort=cohort, message=row.id, at=at)
    changed = Message.objects.on_days([cohort.expiry_on]).filter(id=row.id).update(
        tags=sealed.tags, proof=sealed.proof, ciphertext=sealed.ciphertext
    )  # fmt: skip
    if changed != 1:
        raise RuntimeError("the row that was to be replaced is not there")


def take_out(day: date, numbers: list[int]) -> None:
    """Remove rows from their leaf, in the transaction that puts them somewhere else or records that they are gone."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("messages leave together with their account")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM message WHERE expiry = %s AND id = ANY(%s::bigint[])", [day, numbers])
        if cursor.rowcount != len(numbers):
            raise RuntimeError("rows that were to be moved are not there")
