"""The messages of one segment exactly as they were at one moment, read in a stream without holding anybody up.

Numbers are given out only while the cohort is locked FOR SHARE. So a snapshot that is taken while it is locked FOR UPDATE
has every message up to its highest number, and each in the one state that the edits and deletions recorded by then left
it in. The lock is let go at once; the snapshot is read on a connection of its own, behind a cursor of the server.

Before the day the rows are in their leaf, from the day on aside: a leaf that is about to be emptied is not read, so that
no destruction waits for an archive. It must never return a message that was deleted early, nor write anything.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from psycopg import IsolationLevel

from apps.foundation.clock import day_of
from apps.foundation.keys import keystore
from apps.retention import envelope
from apps.retention.models import AsideBundle, Cohort, EarlyDeletion
from apps.retention.services import aside

#: rows fetched at once, and bytes: attachments make rows large
AT_ONCE, BYTES_AT_ONCE = 2_000, 32 << 20

LEAF = "FROM message WHERE expiry = %(day)s AND organization_id = %(organization)s AND segment = %(segment)s"
ASIDE = (
    "FROM retention_asidemessage a WHERE cohort_id = %(cohort)s AND segment = %(segment)s AND NOT EXISTS"
    " (SELECT 1 FROM retention_earlydeletion d WHERE d.cohort_id = a.cohort_id AND d.message = a.id)"
)
#: rows of the segment that have not stepped aside though their day has come
LEFT_BEHIND = f"SELECT EXISTS (SELECT 1 {LEAF})"


@dataclass(frozen=True)
class Line:
    """One message as an archive takes it: the 32 bytes and the canonical JSON that its proof was made of, and its tags."""

    id: int
    policy_version: int
    proof: bytes
    salt: bytes
    message: bytes
    tags: tuple[bytes, ...]


class Snapshot:
    """One segment at one moment. Belongs to one thread; use it inside `snapshot`."""

    def __init__(self, reader, cohort: Cohort, segment: int, *, is_aside: bool):
        self._reader, self._is_aside, self._cohort = reader, is_aside, cohort
        self._values = {
            "day": cohort.expiry_on, "organization": cohort.organization_id, "segment": segment, "cohort": cohort.pk,
        }  # fmt: skip
        self._rows = ASIDE if is_aside else LEAF
        self._bundle = "bundle_id" if is_aside else "0"
        self._openers: dict[int, envelope.Envelope] = {}

    def upto(self, after: int, *, lines: int, size: int) -> int | None:
        """The number of the last message behind `after` before there are more lines or bytes than a part may have; None where there is none."""
        query = (
            "SELECT max(id) FROM (SELECT id, sum(octet_length(ciphertext)) OVER (ORDER BY id) - octet_length(ciphertext) AS before"
            f" {self._rows} AND id > %(after)s ORDER BY id LIMIT %(lines)s) AS next WHERE before < %(size)s"
        )
        return self._one(query, after=after, lines=lines, size=size)

    def has_more(self, after: int) -> bool:
        """Whether there is a message behind `after`."""
        return self._one(f"SELECT EXISTS (SELECT 1 {self._rows} AND id > %(after)s)", after=after)

    def edited(self, after_amendment: int) -> tuple[int, list[int]]:
        """The newest edit of the cohort, and which messages of the segment were edited after the given one."""
        newest = self._one("SELECT max(id) FROM retention_amendment WHERE cohort_id = %(cohort)s") or 0
        query = (
            f"SELECT id {self._rows} AND id IN (SELECT message FROM retention_amendment"
            " WHERE cohort_id = %(cohort)s AND id > %(after)s) ORDER BY id"
        )
        return newest, [number for (number,) in self._all(query, after=after_amendment)]

    def policy_versions(self, after: int, upto: int, also: Sequence[int]) -> dict[int, int]:
        """Key → number of each version that the messages between, and those named, came under."""
        query = (
            f"SELECT v.id, v.number FROM policies_policyversion v WHERE v.id IN (SELECT policy_version_id {self._rows}"
            " AND (id > %(after)s AND id <= %(upto)s OR id = ANY(%(also)s)))"
        )
        return dict(self._all(query, after=after, upto=upto, also=list(also)))

    def lines(self, after: int, upto: int) -> Iterator[Line]:
        """The messages behind `after` up to `upto`, decrypted, in the order of their numbers."""
        return self._lines("AND id > %(after)s AND id <= %(upto)s ORDER BY id", after=after, upto=upto)

    def those(self, numbers: Sequence[int]) -> Iterator[Line]:
        """The messages of these numbers that are still there."""
        return self._lines("AND id = ANY(%(numbers)s) ORDER BY id", numbers=list(numbers))

    def proofs(self) -> Iterator[tuple[int, bytes]]:
        """Number and proof hash of every message of the segment, in the order of their numbers."""
        return self._stream(f"SELECT id, proof {self._rows} ORDER BY id")

    def deleted(self) -> list[EarlyDeletion]:
        """What was deleted early from the segment, as of the snapshot."""
        ids = self._all(
            "SELECT id FROM retention_earlydeletion WHERE cohort_id = %(cohort)s AND segment = %(segment)s ORDER BY message"
        )
        return list(EarlyDeletion.objects.filter(pk__in=[pk for (pk,) in ids]).order_by("message"))

    def is_left_behind(self) -> bool:
        """Whether messages of the segment still lie in their leaf."""
        return self._one(LEFT_BEHIND)

    def _lines(self, which: str, **values) -> Iterator[Line]:
        largest = self._one(f"SELECT max(octet_length(ciphertext)) {self._rows} {which.partition('ORDER')[0]}", **values) or 1
        columns = f"SELECT id, policy_version_id, proof, ciphertext, tags, {self._bundle}"
        rows = self._stream(f"{columns} {self._rows} {which}", at_once=max(1, min(AT_ONCE, BYTES_AT_ONCE // largest)), **values)
        for number, version, proof, ciphertext, tags, bundle in rows:
            salt, message = self._opener(bundle).open_raw(ciphertext, number=number, policy_version=version)
            yield Line(number, version, proof, salt, message, tuple(tags))

    def _opener(self, bundle: int) -> envelope.Envelope:
        if bundle not in self._openers:
            self._openers[bundle] = (
                aside.envelope_of(AsideBundle.objects.get(pk=bundle), self._cohort)
                if self._is_aside
                else envelope.for_cohort(keystore(), organization=self._cohort.organization.reference, expiry=self._cohort.expiry_on)
            )
        return self._openers[bundle]

    def _stream(self, query: str, *, at_once: int = AT_ONCE, **values) -> Iterator[tuple]:
        with self._reader.cursor(name="archive", binary=True) as cursor:
            cursor.itersize = at_once
            yield from cursor.execute(query, self._values | values)

    def _all(self, query: str, **values) -> list[tuple]:
        with self._reader.cursor() as cursor:
            return cursor.execute(query, self._values | values).fetchall()

    def _one(self, query: str, **values):
        return self._all(query, **values)[0][0]


@contextmanager
def snapshot(cohort_id: int, segment: int, *, at: datetime, under_lock: Callable[[Cohort], None] | None = None) -> Iterator[Snapshot | None]:
    """The segment as it is now; None where its day has come and its rows have not stepped aside yet.

    `under_lock` is called while the cohort is locked, to look at what must agree with the snapshot.
    """
    with _reading() as reader:
        with transaction.atomic():
            cohort = Cohort.objects.select_for_update(of=("self",)).select_related("organization").get(pk=cohort_id)
            reader.execute("SELECT 1")  # the snapshot is taken here, and the cohort is ours
            if under_lock:
                under_lock(cohort)
        is_aside = cohort.expiry_on <= day_of(at)
        found = Snapshot(reader, cohort, segment, is_aside=is_aside)
        yield None if is_aside and found.is_left_behind() else found


@contextmanager
def _reading():
    """A connection of its own, in one read-only transaction whose snapshot its first query takes."""
    own = connection.copy()
    own.connect()
    reader = own.connection
    try:
        reader.isolation_level, reader.read_only, reader.autocommit = IsolationLevel.REPEATABLE_READ, True, False
        yield reader
    finally:
        if not reader.closed:
            reader.rollback()
            reader.isolation_level, reader.read_only, reader.autocommit = None, None, True  # a pool gives it to somebody else
        own.close()
