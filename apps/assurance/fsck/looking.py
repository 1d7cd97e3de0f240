"""What the examiner may look at: the database as of one moment, and the folder of this installation."""

import hashlib
import json
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from django.conf import settings
from django.db import connection, transaction

from apps.assurance.fsck.secrets import Secrets


@dataclass(frozen=True, order=True)
class Finding:
    """Something that must not be: what it was found at, by reference, and why it must not be."""

    object: str
    why: str


@dataclass(frozen=True)
class Leaf:
    """One partition of the message table, as PostgreSQL itself names it."""

    table: str
    day: date
    until: date


LEAVES = """
SELECT c.relname AS name, substring(pg_get_expr(c.relpartbound, c.oid) FROM $$FROM \\('([0-9-]+)'\\)$$)::date AS day,
       substring(pg_get_expr(c.relpartbound, c.oid) FROM $$TO \\('([0-9-]+)'\\)$$)::date AS until
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'message'::regclass ORDER BY 2
"""

COHORTS = """
SELECT c.id, c.reference, c.organization_id, o.reference AS organization, c.expiry_on AS day, c.state, c.canary, c.archive_owed,
       c.holds_seen, c.aside_at, c.expired_at, c.intended_at, c.shredded_at, c.destroyed_at, c.destroyed_messages AS destroyed
FROM retention_cohort c JOIN accounts_organization o ON o.id = c.organization_id ORDER BY c.id
"""

DESTRUCTIONS = """
SELECT d.id, d.reference, d.scope, d.secret, d.cohort_id, d.archive_id, d.day, d.state, d.intended_at, d.journalled_at, d.shredded_at,
       d.truncated_at, d.done_at, d.intent_entry, d.done_entry, d.newest_hold
FROM retention_destruction d ORDER BY d.id
"""

BUNDLES = """
SELECT b.id, b.cohort_id, b.ground, b.matter_id, b.holds, b.secret, b.destroyed_at,
       (SELECT count(*) FROM retention_asidemessage a WHERE a.bundle_id = b.id) AS rows
FROM retention_asidebundle b ORDER BY b.id
"""

#: from here on the key must be gone
WITHOUT_KEY = ("shredded", "truncated", "done")


@dataclass
class House:
    """Everything the checks look at. `most` is how many messages of a cohort are opened; None opens all."""

    at: datetime
    folder: Path
    most: int | None
    looked_at: dict[str, int] = field(default_factory=dict)
    seen: dict[bytes, int] = field(default_factory=dict)
    #: the journal's lines and what is wrong with its file, once `lines` has read it
    journal: tuple[list[Any], list[Finding]] | None = None

    def __post_init__(self) -> None:
        folders = tuple(map(Path, settings.KEYSTORE_DIRECTORIES)) or (self.folder / "keystore", self.folder / "keystore-second")
        master = Path(settings.KEYSTORE_MASTER_KEY_FILE or self.folder / "master" / "master-1.key")
        self.secrets = Secrets(folders, master)
        self.today = self.at.astimezone(UTC).date()

    def count(self, what: str, number: int = 1) -> None:
        """Remember how much of a kind was looked at: a check that saw nothing says nothing."""
        self.looked_at[what] = self.looked_at.get(what, 0) + number

    def seen_before(self, organization_id: int, message: dict, number: int) -> int | None:
        """The number of a row in which the same message was seen: same organization, source, id and time of sending."""
        name = f"{organization_id}\x00{message['source']}\x00{message['id']}\x00{message['sent_at']}"
        earlier = self.seen.setdefault(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:10], number)
        return None if earlier == number else earlier

    def rows(self, query: str, *values: Any) -> list[Any]:
        """All rows of a query, by the names of its columns."""
        with connection.cursor() as cursor:
            cursor.execute(query, values or None)
            row = namedtuple("row", [column.name for column in cursor.description], rename=True)
            return [row(*values) for values in cursor.fetchall()]

    def stream(self, query: str, *values: Any) -> Iterator[Any]:
        """The rows of a query one after the other, by a cursor of the server."""
        with connection.chunked_cursor() as cursor:
            cursor.execute(query, values or None)
            row = None
            while found := cursor.fetchmany(1_000):
                row = row or namedtuple("row", [column.name for column in cursor.description], rename=True)
                yield from (row(*values) for values in found)

    @cached_property
    def leaves(self) -> list[Leaf]:
        return [Leaf(row.name, row.day, row.until) for row in self.rows(LEAVES)]

    @cached_property
    def cohorts(self) -> dict[int, Any]:
        return {row.id: row for row in self.rows(COHORTS)}

    @cached_property
    def destructions(self) -> list[Any]:
        return self.rows(DESTRUCTIONS)

    @cached_property
    def bundles(self) -> list[Any]:
        return self.rows(BUNDLES)

    @cached_property
    def in_leaves(self) -> dict[tuple[date, int, int], int]:
        """Rows by day, organization and segment, counted leaf by leaf: one question over all would lock them all at once."""
        found = {}
        for leaf in self.leaves:
            query = f'SELECT organization_id, segment, count(*) AS rows FROM "{leaf.table}" GROUP BY 1, 2'
            found |= {(leaf.day, row.organization_id, row.segment): row.rows for row in self.rows(query)}
        return found

    def in_leaf(self, cohort: Any) -> int:
        """How many rows of a cohort its leaf has."""
        return self._by_cohort.get((cohort.day, cohort.organization_id), 0)

    @cached_property
    def _by_cohort(self) -> dict[tuple[date, int], int]:
        found: dict[tuple[date, int], int] = {}
        for (day, organization, _segment), rows in self.in_leaves.items():
            found[day, organization] = found.get((day, organization), 0) + rows
        return found

    @cached_property
    def table_of(self) -> dict[date, str]:
        return {leaf.day: leaf.table for leaf in self.leaves}

    @cached_property
    def day_destructions(self) -> dict[date, Any]:
        return {work.day: work for work in self.destructions if work.scope == "day"}

    def day_is_shredded(self, day: date) -> bool:
        """Whether the rows say that the day's secret is gone."""
        work = self.day_destructions.get(day)
        return work is not None and work.state in WITHOUT_KEY

    def is_dying(self, secret: str) -> bool:
        """Whether a secret is gone, or half of it, and its destruction has not come to write that down: it may have been killed."""
        journalled = {work.secret for work in self.destructions if work.state == "journalled"}
        return secret in self.secrets.gone and secret in journalled

    def public_key(self, use: str) -> bytes:
        """The public half of a signing key of this installation, from its file."""
        key = load_pem_private_key((self.folder / "signing" / f"{use}.pem").read_bytes(), password=None)
        return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and without spaces, in UTF-8: what is hashed and signed."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the owner of `public` signed `message` (Ed25519)."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, level by level, over leaves that are hashes already."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = leaves
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\x01" + level[n] + level[n + 1]).digest() for n in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]


@contextmanager
def one_moment() -> Iterator[None]:
    """All questions inside are answered as of one moment, and nothing can be written."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
