"""Seals on the ledger: who alters, removes or puts in an event behind a seal is named by the next verification.

A seal covers exactly the events of the transactions `from_transaction` ≤ t < `horizon` of one database server. The horizon
is never above the oldest transaction still running, so everything below it had ended: an event with a lower id that
commits late has a higher transaction and goes into a later seal, and an event found later among the covered
transactions was put there by hand. Transaction ids of different servers (a move by dump and restore) never mix.

The root (RFC 6962 §2.1) is over SHA-256(0x00 ‖ canonical event) in the order of ids. Seals are numbered, chained by digest and
signed with the ledger's key; once a day the last one is named in the journal, so that cutting off the newest seals shows too.

It must never take the erasable detail into a leaf: the salted commitment stands for it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import BigIntegerField, Func, Max, Min, QuerySet

from apps.audit import journal_file
from apps.audit.models import CURRENT_CLUSTER, Event, EventDetail, LedgerSeal
from apps.audit.services import installation, journal
from apps.foundation import signing
from apps.foundation.clock import day_of
from apps.foundation.digests import MerkleTree, canonical, commitment, leaf_hash, sha256
from apps.foundation.refusals import Refusal

NOTHING_BEFORE = bytes(32)
EVENTS_A_SEAL = 10_000  # a seal of more only where one transaction wrote more
NAMED = 100  # problems named; the rest is counted
LEAF = struct.Struct(">q32s")
SEALED = "ledger.sealed"
REPLAYED = "restore.replayed"
NEXT_TRANSACTION = Func(
    template="pg_snapshot_xmax(pg_current_snapshot())::text::bigint", output_field=BigIntegerField()
)
LOCK = 7_205_759_403_792_793  # of the one who seals


@dataclass(frozen=True)
class SealReport:
    """What a verification found: each problem is a sentence that names the row."""

    ok: bool
    events: int
    seals: int
    problems: tuple[str, ...]
    unsealed: int = 0


@transaction.atomic
def seal(*, at: datetime) -> LedgerSeal | None:
    """Seal the oldest events not yet sealed whose transactions are all over; None where there are none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    previous = LedgerSeal.objects.order_by("-number").first()
    run = _next_run()
    if run is None:
        return None
    cluster, start, horizon = run
    tree, leaves, first, last = MerkleTree(), bytearray(), 0, 0
    for event in _covered(cluster, start, horizon).iterator(chunk_size=2000):
        leaf = leaf_of(event)
        tree.add(leaf)
        leaves += LEAF.pack(event.pk, leaf)
        first, last = first or event.pk, event.pk
    made = LedgerSeal(
        number=previous.number + 1 if previous else 1,
        cluster=cluster, from_transaction=start, horizon=horizon,
        first_event=first, last_event=last, count=tree.count, root=tree.root(), leaves=bytes(leaves),
        previous=digest_of(previous) if previous else NOTHING_BEFORE,
        sealed_at=at,
    )  # fmt: skip
    made.signature = signing.sign("ledger", content_of(made, installation.ensure(at).installation_id))
    made.save(force_insert=True)
    _name_in_journal(made, previous, at)
    return made


def seal_all(*, at: datetime) -> int:
    """Seal everything that can be sealed now; returns the number of seals made."""
    made = 0
    while seal(at=at) is not None:
        made += 1
    return made


def leaf_of(event: Event) -> bytes:
    """The leaf of an event: every column of its public part."""
    return leaf_hash(
        b"",
        canonical(
            {
                "id": event.pk,
                "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
                "actor": event.actor,
                "verb": event.verb,
                "object": event.object,
                "facts": event.facts,
                "commitment": None if event.commitment is None else bytes(event.commitment).hex(),
                "transaction": event.transaction,
                "cluster": event.cluster,
            }
        ),
    )


def content_of(seal: LedgerSeal, installation_id: object) -> bytes:
    """What the signature of a seal is over. The leaves follow from the root."""
    return canonical(
        {
            "installation": str(installation_id),
            "number": seal.number,
            "cluster": seal.cluster,
            "from_transaction": seal.from_transaction,
            "horizon": seal.horizon,
            "first_event": seal.first_event,
            "last_event": seal.last_event,
            "count": seal.count,
            "root": bytes(seal.root).hex(),
            "previous": bytes(seal.previous).hex(),
            "sealed_at": seal.sealed_at.astimezone(UTC).isoformat(timespec="microseconds"),
        }
    )


def digest_of(seal: LedgerSeal) -> bytes:
    """What the next seal names as its previous one: the signed content with its signature."""
    own = installation.current()
    return sha256(content_of(seal, own.installation_id if own else ""), bytes(seal.signature))


def verify(*, public_key: bytes | None = None) -> SealReport:
    """Compare every seal with the events it covers. `public_key` pins the key; else the installation's own is used."""
    return _Verification(public_key or signing.public_key("ledger")).run()


def _covered(cluster: int, start: int, horizon: int) -> QuerySet:
    return Event.objects.filter(cluster=cluster, transaction__gte=start, transaction__lt=horizon).order_by("id")


def _next_run() -> tuple[int, int, int] | None:
    """Server, first transaction and horizon of the next seal: earlier servers first, then ours below what still runs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (pg_control_system()).system_identifier, pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        )
        here, oldest_running = cursor.fetchone()
    for cluster in sorted(_clusters(), key=lambda cluster: (cluster == here, cluster)):
        start = LedgerSeal.objects.filter(cluster=cluster).aggregate(end=Max("horizon"))["end"] or 0
        waiting = Event.objects.filter(cluster=cluster, transaction__gte=start)
        if cluster == here:
            waiting = waiting.filter(transaction__lt=oldest_running)
        chosen = waiting.order_by("transaction", "id").values_list("transaction", flat=True)[:EVENTS_A_SEAL]
        transactions = list(chosen)
        if not transactions:
            continue
        if len(transactions) < EVENTS_A_SEAL and cluster == here:
            return cluster, start, oldest_running
        return cluster, start, transactions[-1] + 1
    return None


def _clusters() -> Iterator[int]:
    """The servers named in the ledger, each found by one step in the index."""
    cluster = Event.objects.aggregate(first=Min("cluster"))["first"]
    while cluster is not None:
        yield cluster
        cluster = Event.objects.filter(cluster__gt=cluster).aggregate(first=Min("cluster"))["first"]


def _name_in_journal(made: LedgerSeal, previous: LedgerSeal | None, at: datetime) -> None:
    if previous is None or day_of(previous.sealed_at) < day_of(at):
        journal.owe(SEALED, about=f"seal-{made.number}", body={"number": made.number, "digest": digest_of(made)}, at=at)


class _Verification:
    """One pass over seals and events, in memory bounded by the largest seal."""

    def __init__(self, public: bytes):
        self.public = public
        self.problems: list[str] = []
        self.more = 0
        self.digests: dict[int, str] = {}

    def run(self) -> SealReport:
        own = installation.current()
        ends: dict[int, int] = {}
        previous, events, seals = NOTHING_BEFORE, 0, 0
        for seal in LedgerSeal.objects.order_by("number").iterator(chunk_size=10):
            seals += 1
            if seal.number != seals:
                self._say(f"Seal {seals} is missing.")
                seals = seal.number
            elif bytes(seal.previous) != previous:
                self._say(f"Seal {seal.number} does not follow on the seal before it.")
            content = content_of(seal, own.installation_id if own else "")
            if not signing.is_signed(self.public, content, bytes(seal.signature)):
                self._say(f"Seal {seal.number} was altered: its signature does not fit.")
            if seal.from_transaction != ends.get(seal.cluster, 0):
                self._say(f"Seal {seal.number} leaves out transactions before it.")
            ends[seal.cluster] = seal.horizon
            previous = sha256(content, bytes(seal.signature))
            self.digests[seal.number] = previous.hex()
            events += self._compare(seal)
        unsealed = self._look_at_unsealed(ends)
        self._look_at_details()
        self._look_into_journal()
        problems = [*self.problems, *([f"And {self.more} more."] if self.more else [])]
        return SealReport(not problems, events + unsealed, seals, tuple(problems), unsealed)

    def _say(self, problem: str) -> None:
        if len(self.problems) < NAMED:
            self.problems.append(problem)
        else:
            self.more += 1

    def _compare(self, seal: LedgerSeal) -> int:
        """The events a seal covers against its leaves; returns how many events there are."""
        tree, sealed = MerkleTree(), {}
        raw = bytes(seal.leaves)
        for number, leaf in LEAF.iter_unpack(raw[: len(raw) - len(raw) % LEAF.size]):
            tree.add(leaf)
            sealed[number] = leaf
        trusted = tree.root() == bytes(seal.root) and tree.count == seal.count and len(sealed) * LEAF.size == len(raw)
        found, count = MerkleTree(), 0
        for event in _covered(seal.cluster, seal.from_transaction, seal.horizon).iterator(chunk_size=2000):
            count += 1
            leaf = leaf_of(event)
            found.add(leaf)
            if trusted:
                expected = sealed.pop(event.pk, None)
                if expected is None:
                    self._say(f"{event} was put in behind seal {seal.number}.")
                elif expected != leaf:
                    self._say(f"{event} was altered after seal {seal.number}.")
        if trusted:
            for number in sealed:
                self._say(f"E{number} is missing: seal {seal.number} covers it.")
        else:
            self._say(f"The leaves of seal {seal.number} were altered, so the rows it covers can't be named one by one.")
            if found.root() != bytes(seal.root):
                self._say(f"Between E{seal.first_event} and E{seal.last_event} events are altered, missing or put in.")
        return count

    def _look_at_unsealed(self, ends: dict[int, int]) -> int:
        """Events no seal covers yet. One whose transaction is still to come was never written by a transaction."""
        unsealed = Event.objects.all()
        for cluster, end in ends.items():
            unsealed = unsealed.exclude(cluster=cluster, transaction__lt=end)
        for event in unsealed.filter(cluster=CURRENT_CLUSTER, transaction__gte=NEXT_TRANSACTION)[:NAMED]:
            self._say(f"{event} was put in by hand: its transaction has not happened yet.")
        return unsealed.count()

    def _look_at_details(self) -> None:
        """Each detail that is still there against the commitment in its event."""
        for detail in EventDetail.objects.select_related("event").order_by("id").iterator(chunk_size=2000):
            promised = detail.event.commitment
            if promised is None or commitment(bytes(detail.salt), detail.detail) != bytes(promised):
                self._say(f"The detail of {detail.event} was altered.")

    def _look_into_journal(self) -> None:
        """Seals named in the journal that the database no longer has as they were."""
        if not journal_file.path().exists():
            return
        try:
            for line in self._named_seals():
                number = line.body["number"]
                if number not in self.digests:
                    self._say(f"Seal {number} is named in the journal and missing in the database.")
                elif self.digests[number] != line.body["digest"]:
                    self._say(f"Seal {number} is not the one named in the journal.")
        except Refusal as refusal:
            self._say(f"The journal can't vouch for the seals: {refusal.what}")

    @staticmethod
    def _named_seals() -> list[journal.Line]:
        """Seals that must still be there. Those that a restore left behind are gone with their events, and the journal tells of it."""
        named: list[journal.Line] = []
        for line in journal.read(each_signature=False):
            if line.kind == SEALED:
                named.append(line)
            elif line.kind == REPLAYED:
                named = [one for one in named if not line.body["first"] <= one.sequence <= line.body["last"]]
        return named
