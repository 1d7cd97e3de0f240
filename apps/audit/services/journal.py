"""The signed journal: what must survive the loss, the restore and the forging of the database.

Order (DESIGN): the row commits first, with the act it belongs to; then the line, fsynced; then the row learns its sequence
and digest. Hence: a line whose entry has no row means that the database was restored from a backup; a row with a
sequence that the file lacks means that the journal was lost. Either way nothing more may be served or destroyed.

| killed | what happens |
|---|---|
| before the row commits | nothing was done |
| between row and line | the row is owed; the sweep writes the line |
| in the middle of the line | the next writer cuts the torn tail, records that, and writes the line anew |
| between line and row | the next writer finds the line by its entry and only fills the row |

It must never be written inside a transaction: a line whose row is rolled back could not be told from a restored database.
"""

import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from apps.audit import journal_file, plain
from apps.audit.journal_file import (
    GENESIS,
    NOTHING_BEFORE,
    JournalDamaged,
    JournalLost,
    JournalNotOpened,
    JournalUnwritable,
    Line,
)
from apps.audit.models import Event, Installation, JournalEntry
from apps.audit.services import installation, ledger
from apps.foundation import signing
from apps.foundation.actors import SYSTEM
from apps.foundation.digests import sha256
from apps.foundation.refusals import Refusal

__all__ = [
    "DatabaseRestored",
    "JournalDamaged",
    "JournalForeign",
    "JournalLost",
    "JournalNotOpened",
    "JournalStatus",
    "JournalUnwritable",
    "Line",
    "open_journal",
    "owe",
    "read",
    "require_in_step",
    "status",
    "write",
    "write_owed",
]

TORN_TAIL_CUT = "journal.torn_tail_cut"


class JournalForeign(Refusal):
    """The journal belongs to another installation than the database."""

    code = "journal_foreign"
    mend = (
        "Connect the database that belongs to this journal, or put back the journal that belongs to this database. "
        "To begin a new installation, name an empty folder as COVENANT_HOME."
    )


class DatabaseRestored(Refusal):
    """The journal tells of acts that the database does not know: it was restored from a backup."""

    code = "database_restored"
    mend = (
        "The backup may hold what was destroyed since it was made, so nobody is served. Restore a newer backup if there is one; "
        "then run `manage.py replay`, which destroys again what was destroyed and protects again what was protected."
    )


@dataclass(frozen=True)
class JournalStatus:
    """Whether journal and database tell the same story; if not, what is wrong and what mends it."""

    in_step: bool
    problem: str
    mend: str
    file_entries: int
    database_entries: int
    last_at: datetime | None
    code: str = ""
    owed: int = 0


def open_journal(at: datetime) -> Line:
    """Begin the journal of a new installation; on one that has its journal, check that it is the right one."""
    own = installation.ensure(at)
    if not journal_file.path().exists():
        if not isinstance(missing := _missing(), JournalNotOpened):
            raise missing
        journal_file.create(
            journal_file.compose(
                installation=own.installation_id,
                sequence=0,
                entry=own.installation_id,
                kind=GENESIS,
                about="journal",
                body={"format": 1, "public_key": signing.public_key("journal").hex()},
                at=at,
                previous=NOTHING_BEFORE,
            )
        )
    known = journal_file.look()
    _refuse_another_installation(known, own)
    return known.first


def owe(kind: str, *, about: str, body: dict, at: datetime) -> JournalEntry:
    """Owe the journal an entry, in the transaction of the act it belongs to. `write` puts it on disk after the commit."""
    if not connection.in_atomic_block:
        raise ledger.NotInTransaction("journal.owe needs the transaction of the act it belongs to")
    return JournalEntry.objects.create(
        id=_entry_id(),
        kind=plain.code(kind, name="kind", longest=40),
        about=plain.code(about, name="about"),
        body=plain.body(body),
        created_at=at,
    )


def write(entry_id: UUID) -> JournalEntry:
    """Put an owed entry on disk and mark its row. Twice is once, also when killed at any moment in between."""
    with transaction.atomic(durable=True):
        entry = JournalEntry.objects.get(pk=entry_id)
    if entry.sequence is not None:
        return entry
    own = installation.current()
    if not journal_file.path().exists():
        raise _missing()
    with journal_file.opened_for_writing() as journal:
        _refuse_another_installation(journal.known, own)
        _heal(journal, at=entry.created_at)
        _refuse_to_append_out_of_step(journal)
        sequence = journal.known.sequence_of(entry.pk)
        if sequence is None:
            sequence = journal.append(_line_of(entry, own, journal.known)).sequence
        else:
            journal.flush()
        digest = journal.known.digest_of(sequence)
    return _mark(entry_id, sequence, digest)


def write_owed() -> int:
    """Write every entry still owed, oldest first; returns how many. A ring that was lost costs a minute."""
    owed = JournalEntry.objects.filter(sequence__isnull=True).order_by("created_at", "id").values_list("pk", flat=True)
    count = 0
    for entry_id in list(owed):
        write(entry_id)
        count += 1
    return count


def read(*, each_signature: bool = True) -> Iterator[Line]:
    """Every line from the first, each checked before it is given out. Refusals: JournalLost, JournalDamaged, JournalForeign.

    Does not ask whether the database knows the entries: who replays a journal after a restore reads what it lacks.
    """
    own = installation.current()
    public = signing.public_key("journal")
    chain = journal_file.Known()
    raw = b""
    for raw in journal_file.raw_lines():
        line = chain.take(raw)
        if line.sequence == 0:
            _refuse_another_installation(chain, own)
        if each_signature and not journal_file.is_signed(raw, public):
            raise JournalDamaged(f"Line {chain.lines} of the journal is not signed by this installation's key.")
        yield line
    if not each_signature and not journal_file.is_signed(raw, public):
        raise JournalDamaged(f"Line {chain.lines} of the journal is not signed by this installation's key.")


def require_in_step() -> None:
    """Refuse unless journal and database tell the same story: JournalLost, JournalDamaged, JournalForeign, DatabaseRestored."""
    _compare()


def status() -> JournalStatus:
    """Whether journal and database are in step. Quick enough for each minute: what was read before is only hashed."""
    counted = JournalEntry.objects.filter(sequence__isnull=False).count()
    owed = JournalEntry.objects.filter(sequence__isnull=True).count()
    refusal, file_entries, last_at = None, 0, None
    try:
        _compare()
    except Refusal as found:
        refusal = found
    with suppress(Refusal):
        known = journal_file.look()
        file_entries, last_at = known.lines - 1, known.last.at
    what, mend, code = (refusal.what, refusal.mend, refusal.code) if refusal else ("", "", "")
    return JournalStatus(refusal is None, what, mend, file_entries, counted, last_at, code=code, owed=owed)


def _entry_id() -> UUID:
    """An id that sorts by when it was made (RFC 9562, version 7): entries of one moment are written in the order of their acts.

    A replay repeats them in that order, and a hold can't be placed again before its matter is opened.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    return UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62))


def _missing() -> JournalLost:
    if JournalEntry.objects.filter(sequence__isnull=False).exists():
        return JournalLost("The journal file is missing, but the database says that it was written.")
    return JournalNotOpened("This installation has no journal yet.")


def _refuse_another_installation(known: journal_file.Known, own: Installation | None) -> None:
    if own is None or known.first.installation != own.installation_id:
        raise JournalForeign("The journal belongs to another installation than the database.")


def _heal(journal: journal_file.Writer, *, at: datetime) -> None:
    """Mend what a power cut left behind the last newline; refuse where it was more than an unfinished line."""
    torn = journal.torn
    if not torn:
        return
    if journal.is_torn_line_whole():
        journal.complete_torn_line()
        return
    if JournalEntry.objects.filter(sequence__gt=journal.known.last.sequence).exists():
        raise JournalDamaged("The last line of the journal is cut off, although the database says that it was written whole.")
    facts = {"after_line": journal.known.lines, "bytes": len(torn), "sha256": sha256(torn).hex()}
    with transaction.atomic(durable=True):
        if not Event.objects.filter(verb=TORN_TAIL_CUT, object="journal", facts=facts).exists():
            ledger.record(TORN_TAIL_CUT, by=SYSTEM, about="journal", at=at, facts=facts)
    journal.cut_torn_line()


def _refuse_to_append_out_of_step(journal: journal_file.Writer) -> None:
    """What can be told from the last line; `status` compares everything, each minute."""
    last = journal.known.last
    ahead = JournalEntry.objects.filter(sequence__gt=last.sequence).order_by("sequence").first()
    if ahead is not None:
        raise JournalLost(f"The journal ends at entry {last.sequence}; the database knows of entry {ahead.sequence}.")
    if last.kind != GENESIS and not JournalEntry.objects.filter(pk=last.entry).exists():
        raise DatabaseRestored(f"Entry {last.sequence} of the journal is not known to the database.")


def _line_of(entry: JournalEntry, own: Installation, known: journal_file.Known) -> bytes:
    return journal_file.compose(
        installation=own.installation_id,
        sequence=known.last.sequence + 1,
        entry=entry.pk,
        kind=entry.kind,
        about=entry.about,
        body=entry.body,
        at=entry.created_at,
        previous=known.last.digest,
    )


def _mark(entry_id: UUID, sequence: int, digest: bytes) -> JournalEntry:
    with transaction.atomic(durable=True):
        entry = JournalEntry.objects.select_for_update().get(pk=entry_id)
        if entry.sequence is None:
            entry.sequence, entry.digest = sequence, digest
            entry.save(update_fields=["sequence", "digest"])
    return entry


def _compare() -> None:
    """Compare rows and lines: by one fingerprint where they agree, one by one where they do not.

    The rows are read before the file: a row gets its sequence only after its line is on disk, so a row seen must have
    its line. The other way round a line may be newer than the rows, so such lines ask for their rows again.
    """
    count, fingerprint = _fingerprint_of_rows()
    try:
        known = journal_file.look()
    except JournalLost:
        raise _missing() from None
    _refuse_another_installation(known, installation.current())
    if known.lines - 1 == count and known.fingerprint.digest() == fingerprint:
        return
    rows = JournalEntry.objects.filter(sequence__isnull=False).order_by("sequence")
    written = list(rows.values_list("sequence", "pk", "digest").iterator(chunk_size=5000))
    known = journal_file.look(entries=True)
    for sequence, entry, digest in written:
        if sequence >= known.lines:
            raise JournalLost(f"The journal ends at entry {known.lines - 1}; the database knows of entry {sequence}.")
        if known.sequence_of(entry) != sequence or known.digest_of(sequence) != bytes(digest):
            raise JournalDamaged(
                f"Entry {sequence} stands differently in journal and database.",
                mend="One of the two was put back from another time. Put back the pair that belongs together.",
            )
    _refuse_lines_without_rows(known, {entry for _sequence, entry, _digest in written})


def _refuse_lines_without_rows(known: journal_file.Known, seen: set[UUID]) -> None:
    genesis = known.first.entry.bytes
    unseen = [UUID(bytes=entry) for entry in known.sequences if entry != genesis and UUID(bytes=entry) not in seen]
    there: set[UUID] = set()
    for start in range(0, len(unseen), 5000):
        there.update(JournalEntry.objects.filter(pk__in=unseen[start : start + 5000]).values_list("pk", flat=True))
    missing = [known.sequence_of(entry) for entry in unseen if entry not in there]
    if missing:
        raise DatabaseRestored(
            f"The database does not know {len(missing)} of the journal's entries, the first of them entry {min(missing)}."
        )


def _fingerprint_of_rows() -> tuple[int, bytes]:
    """Count and SHA-256 of (entry, digest) of the written rows in their order, made by the database in one pass."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), sha256(coalesce(string_agg(uuid_send(id) || digest, ''::bytea ORDER BY sequence), ''))"
            " FROM audit_journalentry WHERE sequence IS NOT NULL"
        )
        count, digest = cursor.fetchone()
    return count, bytes(digest) if count else hashlib.sha256().digest()
