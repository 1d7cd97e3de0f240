"""What the journal knows and the database does not: how a restored backup is noticed, told and caught up with.

A restored database lacks the end of the story that the journal tells. Whoever repeats that story asks here for its lines,
in their order, and has each taken over as the row it once was. The row keeps the line's sequence and digest, so that
afterwards both tell the same story again and the journal goes on behind its last line.

It must never take over a line whose chain or signature does not hold, and never write to the journal.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from django.db import connection

from apps.audit import journal_ends, journal_file
from apps.audit.journal_file import JournalDamaged, Line
from apps.audit.models import JournalEntry
from apps.audit.services import installation, journal, ledger
from apps.foundation import signing
from apps.foundation.refusals import Refusal

ROWS_A_QUERY = 500

NEWEST = """
SELECT i.installation_id, e.sequence, e.id, e.digest FROM audit_installation i
LEFT JOIN LATERAL (SELECT sequence, id, digest FROM audit_journalentry WHERE sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1) e ON true
"""

FIRST_GAP = """
SELECT coalesce(
    (SELECT place FROM (SELECT sequence, row_number() OVER (ORDER BY sequence) AS place FROM audit_journalentry
                        WHERE sequence IS NOT NULL) marked WHERE sequence <> place ORDER BY sequence LIMIT 1),
    (SELECT count(*) + 1 FROM audit_journalentry WHERE sequence IS NOT NULL))
"""


@dataclass(frozen=True)
class Lacking:
    """A line that no row is marked for. With `act_is_known` its row is there unmarked, and so is the act it came with."""

    line: Line
    act_is_known: bool


def ends_agree() -> bool:
    """Whether the newest row is the journal's last line: one query and two short reads, however long the journal is.

    True means in step as far as can be told from the ends. False means nothing yet: ask `journal.status`.
    """
    with connection.cursor() as cursor:
        cursor.execute(NEWEST)
        row = cursor.fetchone()
    if row is None:
        return False
    own, sequence, entry, digest = row
    try:
        first, last = journal_ends.first_and_last()
    except Refusal:
        return False
    if first.installation != own or last.installation != own:
        return False
    if sequence is None:
        return last.sequence == 0
    return (last.sequence, last.entry, last.digest) == (sequence, entry, bytes(digest))


def lacking() -> Iterator[Lacking]:
    """Every line that no row is marked for, in the journal's order; the chain of all and the signature of each is checked.

    Nobody can append while this is being read: the file is held for reading. Refusals: as `journal.read`.
    """
    with connection.cursor() as cursor:
        cursor.execute(FIRST_GAP)
        start = cursor.fetchone()[0]
    lines = _signed_from(max(start, 1))
    while chunk := list(islice(lines, ROWS_A_QUERY)):
        rows = dict(JournalEntry.objects.filter(pk__in=[line.entry for line in chunk]).values_list("pk", "sequence"))
        for line in chunk:
            if rows.get(line.entry) is None:
                yield Lacking(line, line.entry in rows)


def _signed_from(start: int) -> Iterator[Line]:
    own, public, chain = installation.current(), signing.public_key("journal"), journal_file.Known()
    for raw in journal_file.raw_lines():
        line = chain.take(raw)
        if own is None or line.installation != own.installation_id:
            raise journal.JournalForeign("The journal belongs to another installation than the database.")
        if line.sequence < start:
            continue
        if not journal_file.is_signed(raw, public):
            raise JournalDamaged(f"Line {chain.lines} of the journal is not signed by this installation's key.")
        yield line


def adopt(line: Line) -> bool:
    """Take a line over as the row it once was, in the transaction of what is repeated with it. Twice is once.

    True where the row was not there; False where it only had to be marked, or was marked already.
    """
    if not connection.in_atomic_block:
        raise ledger.NotInTransaction("restoring.adopt needs the transaction of the act that is repeated")
    row = JournalEntry.objects.select_for_update().filter(pk=line.entry).first()
    if row is None:
        JournalEntry.objects.create(
            id=line.entry, kind=line.kind, about=line.about, body=line.body, created_at=line.at, sequence=line.sequence,
            digest=line.digest,
        )  # fmt: skip
        return True
    if (row.kind, row.about, row.body) != (line.kind, line.about, line.body):
        raise JournalDamaged(f"Entry {line.sequence} stands differently in journal and database.")
    if row.sequence is None:
        row.sequence, row.digest = line.sequence, line.digest
        row.save(update_fields=["sequence", "digest"])
    return False
