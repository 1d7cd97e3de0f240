"""Rows that may not be destroyed with their day step aside first, so that everyone else's destruction goes on.

They are re-encrypted under a secret of their own and moved, in chunks, with their proof hash unchanged, into the bundle of
their ground. Hidden all the while. It must never leave a row in both places or in none: each chunk is one transaction.

| killed | what happens |
|---|---|
| between two chunks | the next run looks at what is left in the leaf; what has moved is not there any more |
| before the last chunk's commit | `holds_seen` stays, so the destruction looks again |
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import starmap
from typing import NamedTuple

import psycopg
from django.db import connection, transaction

from apps.audit.services import ledger
from apps.foundation import binary_copy, garbage
from apps.foundation.actors import SYSTEM
from apps.foundation.digests import leaf_hash
from apps.foundation.keys import keystore
from apps.holds.models import Matter
from apps.retention import envelope
from apps.retention.envelope import Resealed
from apps.retention.models import AsideBundle, AsideMessage, Cohort, Destruction
from apps.retention.services import arrivals, grounds
from apps.retention.services.grounds import Grounds
from apps.retention.states import AsideGround, CohortState

CHUNK = 20_000
#: attachments make rows large: a chunk ends before it would fill the memory of whoever decrypts it
CHUNK_BYTES = 64 * 1024 * 1024

#: while the day's key still exists rows may step aside, also when a hold comes in after the intent
MAY_STEP_ASIDE = (CohortState.EXPIRED, CohortState.INTENDED)


class Row(NamedTuple):
    """One row as it is read: its number, where it stood, and what is encrypted."""

    id: int
    segment: int
    policy_version: int
    proof: bytes
    ciphertext: bytes


#: why a row is kept, and for which matter where a hold keeps it
Ground = tuple[AsideGround, Matter | None]


class Opened(NamedTuple):
    """A row, its 32 random bytes, the canonical JSON that its proof is of, and that as a message."""

    row: Row
    salt: bytes
    body: bytes
    message: dict


def step_aside(*, cohort: Cohort, at: datetime) -> int:
    """Move every row that a hold, an archive or a review keeps out of its day's leaf. Returns how many this call moved."""
    moved, after, seen = 0, 0, None
    while True:
        with garbage.put_off():
            count, after, looked = _move_chunk(cohort.pk, after, seen, at)
        seen = looked if seen is None else seen
        moved += count
        if after is None:
            return moved


@transaction.atomic
def _move_chunk(cohort_id: int, after: int, seen: int | None, at: datetime) -> tuple[int, int | None, int]:
    """One chunk: how many moved, the last number looked at (None when that was all), the newest hold looked at."""
    cohort = Cohort.objects.select_for_update(of=("self",)).select_related("organization").get(pk=cohort_id)
    if cohort.state not in MAY_STEP_ASIDE:
        return 0, None, 0
    kept = grounds.grounds_of(cohort, at=at)
    store, organization = keystore(), cohort.organization.reference
    go_on, moved = None, 0
    if not kept.keeps_nothing:
        opener = envelope.for_cohort(store, organization=organization, expiry=cohort.expiry_on)
        rows, go_on = candidates(cohort, kept, opener, after)
        moved = put_aside(cohort, kept, opener, rows, at)
    if go_on is not None:
        return moved, go_on, kept.holds_seen
    cohort.holds_seen = max(cohort.holds_seen, kept.holds_seen if seen is None else seen)
    if AsideMessage.objects.filter(cohort=cohort).exists() and cohort.aside_at is None:
        cohort.aside_at = at
        ledger.record(
            "cohort.stepped_aside", by=SYSTEM, about=cohort.reference, at=at, facts=_counts(cohort),
        )  # fmt: skip
    cohort.save(update_fields=["holds_seen", "aside_at"])
    return moved, None, kept.holds_seen


def _counts(cohort: Cohort) -> dict[str, int]:
    grounds_there = AsideMessage.objects.filter(cohort=cohort).values_list("ground", flat=True).distinct()
    return {str(ground): AsideMessage.objects.filter(cohort=cohort, ground=ground).count() for ground in grounds_there}


def candidates(cohort: Cohort, kept: Grounds, opener: envelope.Envelope, after: int) -> tuple[list[Row], int | None]:
    """The next rows of the leaf that may have a ground: all of them, or those of certain segments or with certain tags.

    And the number after which to go on, None where these were the last. The rows themselves need no lock: whoever changes one
    holds its cohort's, and who takes them out counts them.
    """
    narrow, values = "", []
    tags = [scope.tags(opener) for scope in kept.scopes]
    if not kept.review and all(found is not None for found in tags):
        narrow = " AND (segment = ANY(%s::smallint[]) OR tags && %s::bytea[])"
        values = [sorted(kept.unarchived), sorted({tag for found in tags for tag in found})]
    where = f" FROM message WHERE expiry = %s AND organization_id = %s AND id > %s{narrow}"
    asked = [cohort.expiry_on, cohort.organization_id, after, *values]
    last, go_on = chunk_end(read(f"SELECT id, octet_length(ciphertext){where} ORDER BY id LIMIT {CHUNK + 1}", asked))
    if last is None:
        return [], None
    rows = read(f"SELECT id, segment, policy_version_id, proof, ciphertext{where} AND id <= %s ORDER BY id", [*asked, last])
    return list(starmap(Row, rows)), go_on


def read(query: str, values: list) -> list[tuple]:
    """The rows of a query in the wire's binary form: as text, each encrypted byte would take two digits and be read one by one."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(query, values, binary=True).fetchall()


def chunk_end(sizes: Sequence[tuple[int, int]]) -> tuple[int | None, int | None]:
    """Of numbers and sizes in their order, at most one more than a chunk: the last that belongs to it, and where to go on."""
    size, last = 0, None
    for count, (number, length) in enumerate(sizes):
        size += length
        if count == CHUNK or (last is not None and size > CHUNK_BYTES):
            return last, last
        last = number
    return last, None


def by_ground(kept: Grounds, opener: envelope.Envelope, rows: Iterable[Row]) -> dict[Ground, list[Opened]]:
    """Which of `rows` are kept, by why; the rest may go. The one decision, for stepping aside as for a dry run."""
    found: dict[Ground, list[Opened]] = defaultdict(list)
    for row in rows:
        salt, body = opener.open_raw(row.ciphertext, number=row.id, policy_version=row.policy_version)
        message = envelope.parsed(body)
        ground = kept.of(row.segment, message)
        if ground is not None:
            found[ground].append(Opened(row, salt, body, message))
    return found


def put_aside(cohort: Cohort, kept: Grounds, opener: envelope.Envelope, rows: list[Row], at: datetime) -> int:
    """Move those of `rows` that have a ground, under the cohort's lock; returns how many. The rest stays in the leaf."""
    kept_rows = by_ground(kept, opener, rows)
    for (ground, matter), found in kept_rows.items():
        bundle = standing_bundle(cohort, ground, matter, kept, at)
        _copy_in(bundle, reseal(envelope_of(bundle, cohort, create=True), found), at)
        arrivals.take_out(cohort.expiry_on, [opened.row.id for opened in found])
    return sum(len(found) for found in kept_rows.values())


def _copy_in(bundle: AsideBundle, rows: Iterable[tuple[Row, Resealed]], at: datetime) -> None:
    """Write rows into a bundle by binary COPY, in the caller's transaction."""
    same = binary_copy.bigint(bundle.cohort_id) + binary_copy.bigint(bundle.pk) + binary_copy.text(bundle.ground)
    before, moved_at = binary_copy.columns(10), binary_copy.moment(at)
    encoded = (
        b"".join(
            (
                before, binary_copy.bigint(row.id), same, binary_copy.smallint(row.segment), binary_copy.bigint(row.policy_version),
                binary_copy.array_of(tags, envelope.TAG_BYTES), binary_copy.bytea(row.proof), binary_copy.bytea(ciphertext), moved_at,
            )
        )
        for row, (tags, ciphertext) in rows
    )  # fmt: skip
    binary_copy.send(
        "COPY retention_asidemessage (id, cohort_id, bundle_id, ground, segment, policy_version_id, tags, proof, ciphertext, moved_at)"
        " FROM STDIN (FORMAT BINARY)",
        encoded,
    )


def reseal(sealer: envelope.Envelope, found: Iterable[Opened]) -> Iterable[tuple[Row, Resealed]]:
    """The same messages under another key, their proof hash unchanged; a row whose proof does not fit is refused."""
    for row, salt, body, message in found:
        if leaf_hash(salt, body) != row.proof:
            raise envelope.Unreadable(f"Message {row.id} does not match its proof hash.")
        yield row, sealer.reseal(salt, body, message, number=row.id, policy_version=row.policy_version)


def envelope_of(bundle: AsideBundle, cohort: Cohort, *, create: bool = False) -> envelope.Envelope:
    """The key of what lies in one bundle."""
    return envelope.for_secret(
        keystore(), bundle.secret, organization=cohort.organization.reference, expiry=cohort.expiry_on, create=create
    )


def standing_bundle(
    cohort: Cohort, ground: AsideGround, matter: Matter | None, kept: Grounds, at: datetime
) -> AsideBundle:
    """The bundle that takes rows of this ground now: the one that stands, or a new one under a secret never used before.

    Call it under the cohort's lock. A bundle whose destruction has begun takes nothing any more.
    """
    holds = sorted(scope.hold_id for scope in kept.scopes if matter is not None and scope.matter.pk == matter.pk)
    bundle = (
        AsideBundle.objects.filter(cohort=cohort, ground=ground, matter=matter, destroyed_at=None)
        .exclude(secret__in=Destruction.objects.filter(cohort=cohort).values("secret"))
        .first()
    )
    if bundle is not None:
        together = sorted({*bundle.holds, *holds})
        if together != bundle.holds:
            bundle.holds = together
            bundle.save(update_fields=["holds"])
        return bundle
    number = AsideBundle.objects.filter(cohort=cohort).count() + 1
    stem = f"matter/{matter.reference}_{cohort.reference}" if matter else f"aside/{cohort.reference}"
    return AsideBundle.objects.create(
        cohort=cohort, ground=ground, matter=matter, holds=holds, secret=f"{stem}_{number}", opened_at=at
    )
