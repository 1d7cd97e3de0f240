"""How P20, P21, P22 and P24 are checked for requests: by SQL over the rows, the journal's file and keyed hashes made anew.

Nothing here is shared with what carries requests out or searches after them; which places may name an erased person is written down a
second time.
"""

import hmac
import json
import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from apps.foundation.keys import KeyDestroyed, KeyMissing, derive, keystore
from apps.foundation.promises import Check, Looked, Violation, fetch

MOST_NAMED = 1_000
AT_A_TIME = 10_000
OVER = ["completed", "denied", "called_back", "merged"]
ERASING = ["deletion", "closing", "minor"]

#: places that may name an erased person by reference: the proofs and ledgers, and the record of the request (table → columns, None: all)
MAY_NAME: dict[str, tuple[str, ...] | None] = {
    "audit_event": ("actor", "object", "facts"),
    "audit_journalentry": ("about", "body"),
    "assurance_finding": ("object", "why"),
    "data_requests_datarequest": ("person_reference",),
    "data_requests_erasedperson": ("person_reference",),
    "data_requests_erasurenotice": ("person_reference", "evidence"),
    "data_requests_clientquestion": ("evidence",),
    "gate_disclosure": ("recipient",),
    "gate_disclosuresubject": ("person_reference",),
    "gate_gaterefusal": ("about_reference", "recipient"),
    "gate_permit": ("recipient",),
    "gate_withdrawalnotice": ("person_reference",),
    "holds_hold": ("person_reference",),
    "mail_outgoingmail": ("subject", "body"),  # to recipients that are to erase what they got; emptied 30 days later
}

#: what addresses and the like stand in: table, column, kind of hash, when it was written
KNOWN_BY = (
    ("accounts_personemail", "address", "email", "added_at"),
    ("accounts_historicalpersonemail", "address", "email", "history_date"),
    ("accounts_personphone", "number", "phone", "added_at"),
    ("accounts_historicalpersonphone", "number", "phone", "history_date"),
)

#: erased people of whom nothing is kept on a ground that still stands
GONE = """
    SELECT e.person_reference FROM data_requests_erasedperson e
    WHERE e.done_at IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM data_requests_remainder r JOIN data_requests_datarequest q ON q.id = r.request_id
        WHERE q.reference = e.request_reference AND r.ended_at IS NULL)
"""


def no_request_is_past_its_day(at: datetime) -> Looked:
    """No open request is past a clock that runs, none that erases is older than the policy allows, or has no day of it."""
    return Looked(_open_requests(), _past(at, "q.kind <> 'minor'"))


def no_minor_waits_past_the_day(at: datetime) -> Looked:
    """The same for minors, and each removal that staff asked for became a request, within a day."""
    lost = fetch(
        "SELECT c.reference, 'its removal was asked for more than a day ago, and no request erases the minor' FROM accounts_minorcase c"
        " JOIN accounts_person p ON p.id = c.person_id WHERE c.removal_asked_at < %s AND c.state = 'open' AND NOT EXISTS ("
        " SELECT 1 FROM data_requests_datarequest q WHERE q.person_reference = p.reference AND q.kind = ANY(%s) AND q.state <> 'denied')"
        " ORDER BY 1 LIMIT %s",
        [at - timedelta(days=1), ERASING, MOST_NAMED],
    )
    rows = fetch("SELECT count(*) FROM data_requests_datarequest WHERE kind = 'minor'")[0][0]
    rows += fetch("SELECT count(*) FROM accounts_minorcase WHERE removal_asked_at IS NOT NULL")[0][0]
    return Looked(rows, (*_past(at, "q.kind = 'minor'"), *(Violation(*row) for row in lost)))


def _open_requests() -> int:
    return fetch("SELECT count(*) FROM data_requests_datarequest WHERE NOT state = ANY(%s)", [OVER])[0][0]


def _past(at: datetime, which: str) -> tuple[Violation, ...]:
    longest = {"minor": settings.REQUEST_MINOR_DAYS, "deletion": settings.REQUEST_DELETION_DAYS, "closing": settings.REQUEST_DELETION_DAYS}
    rows = fetch(
        f"""
        SELECT q.reference, 'open past ' || c.regime || ', due on ' || (coalesce(c.extended_due_at, c.due_at) AT TIME ZONE 'UTC')::date
            FROM data_requests_datarequest q JOIN data_requests_clock c ON c.request_id = q.id
            WHERE {which} AND NOT q.state = ANY(%s) AND c.stopped_at IS NULL AND c.paused_at IS NULL AND coalesce(c.extended_due_at, c.due_at) < %s
        UNION
        SELECT q.reference, 'open for more than ' || (%s::jsonb ->> q.kind) || ' days' FROM data_requests_datarequest q
            WHERE {which} AND NOT q.state = ANY(%s) AND q.state <> 'answering' AND q.kind = ANY(%s)
            AND q.received_at < %s::timestamptz - make_interval(days => (%s::jsonb ->> q.kind)::int)
        UNION
        SELECT q.reference, 'erases, and the policy set it no day' FROM data_requests_datarequest q
            WHERE {which} AND NOT q.state = ANY(%s) AND q.kind = ANY(%s)
            AND NOT EXISTS (SELECT 1 FROM data_requests_clock c WHERE c.request_id = q.id AND c.regime IN ('policy_deletion', 'policy_minor'))
        ORDER BY 1, 2 LIMIT %s
        """,  # `which` is our own text
        [OVER, at, json.dumps(longest), OVER, list(longest), at, json.dumps(longest), OVER, ERASING, MOST_NAMED],
    )
    return tuple(Violation(*row) for row in rows)


def every_erasure_is_proven(at: datetime) -> Looked:
    """Behind each erasure that is completed stand two people, a clean search after its last step, and evidence."""
    rows = fetch(
        """
        WITH over AS (
            SELECT q.id, q.reference, q.person_reference, q.outcome FROM data_requests_datarequest q
            WHERE q.state = 'completed' AND q.kind = ANY(%s) AND q.outcome IN ('whole', 'part')
              AND EXISTS (SELECT 1 FROM data_requests_erasedperson e WHERE e.request_reference = q.reference)
        ), counting AS (SELECT p.* FROM data_requests_plan p JOIN over ON over.id = p.request_id WHERE p.void_at IS NULL)
        SELECT over.reference, 'completed, and its last search was not clean, or there was none after its last step' FROM over
            WHERE NOT coalesce((
                SELECT s.is_clean AND s.at >= coalesce((
                    SELECT max(step.done_at) FROM data_requests_step step JOIN counting c ON c.id = step.plan_id
                    WHERE c.request_id = over.id AND step.kind = 'erase'), '-infinity')
                FROM data_requests_scan s WHERE s.request_id = over.id ORDER BY s.number DESC LIMIT 1), false)
        UNION ALL
        SELECT over.reference, 'completed without evidence for an auditor' FROM over
            WHERE NOT EXISTS (SELECT 1 FROM data_requests_evidence e WHERE e.request_id = over.id)
        UNION ALL
        SELECT over.reference, 'erased without a second person who approved it' FROM over
            WHERE NOT EXISTS (SELECT 1 FROM counting c WHERE c.request_id = over.id AND c.approved_by <> '' AND c.approved_by <> c.made_by
                AND EXISTS (SELECT 1 FROM staff_approval a JOIN staff_staffmember decider ON decider.id = a.decided_by_id
                    WHERE a.reference = c.approval AND a.verdict = 'approved' AND a.digest = c.digest AND a.decided_by_id <> a.asked_by_id
                    AND 'staff:' || decider.reference = c.approved_by))
        UNION ALL
        SELECT over.reference, 'completed, and a step of its plan is not done' FROM over
            WHERE EXISTS (SELECT 1 FROM data_requests_step step JOIN counting c ON c.id = step.plan_id
                WHERE c.request_id = over.id AND step.state <> 'done')
        ORDER BY 1, 2 LIMIT %s
        """,
        [ERASING, MOST_NAMED],
    )
    looked = fetch("SELECT count(*) FROM data_requests_erasedperson")[0][0]
    return Looked(looked, tuple(Violation(*row) for row in rows))


def providers_erase_too(at: datetime) -> Looked:
    """Whoever got something of an erased person confirmed in time that it is gone there."""
    rows = fetch(
        "SELECT n.reference, 'the provider ' || n.provider || ' has not confirmed by ' || (n.due_at AT TIME ZONE 'UTC')::date"
        " FROM data_requests_erasurenotice n WHERE n.acknowledged_at IS NULL AND n.due_at < %s ORDER BY 1 LIMIT %s",
        [at, MOST_NAMED],
    )
    return Looked(fetch("SELECT count(*) FROM data_requests_erasurenotice")[0][0], tuple(Violation(*row) for row in rows))


def who_was_erased_is_nowhere(at: datetime) -> Looked:
    """No reference of an erased person stands in a live table but for proofs and ledgers, and nothing they were known by is still there."""
    gone = {reference for (reference,) in fetch(GONE)}
    if not gone:
        return Looked(0)
    found = []
    for table, columns in _text_columns():
        found += [Violation(reference, f"was erased, and {table} still names them") for reference in sorted(_named_in(table, columns) & gone)]
    found += [Violation(reference, f"was erased, and what they were known by is still in {table}") for table, reference in _known_again(gone)]
    return Looked(len(gone), tuple(found[:MOST_NAMED]))


def _text_columns() -> Iterator[tuple[str, list[str]]]:
    """Every live table, with its columns of text and JSON in which an erased person may not be named."""
    rows = fetch(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid"
        " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0"
        " AND NOT a.attisdropped AND (t.typcategory = 'S' OR t.typname IN ('json', 'jsonb', '_text', '_varchar')) ORDER BY 1, a.attnum"
    )
    columns: dict[str, list[str]] = {}
    for table, column in rows:
        if column not in (MAY_NAME.get(table) or ()):
            columns.setdefault(table, []).append(column)
    yield from columns.items()


def _named_in(table: str, columns: list[str]) -> set[str]:
    """The references of people in a table, by one pass over it."""
    quote = connection.ops.quote_name
    words = f"concat_ws(' ', {', '.join(f'{quote(column)}::text' for column in columns)})"
    rows = fetch(
        f"SELECT DISTINCT found[1] FROM (SELECT {words} AS words FROM {quote(table)} OFFSET 0) AS row,"
        " LATERAL regexp_matches(words, 'PER-[0-9A-Z]{7}', 'g') AS found WHERE strpos(words, 'PER-') > 0"
    )  # names of the catalogue
    return {reference for (reference,) in rows}


def _known_again(gone: set[str]) -> Iterator[tuple[str, str]]:
    """Each table with an address or phone that an erased person was known by, written before they were erased."""
    erased = fetch("SELECT person_reference, digests, done_at FROM data_requests_erasedperson WHERE person_reference = ANY(%s)", [sorted(gone)])
    known = {bytes(digests)[place : place + 32]: (reference, done) for reference, digests, done in erased for place in range(0, len(digests), 32)}
    try:
        key = derive(keystore(), ("request/known-by",), b"covenant-known-by/1")
    except (KeyMissing, KeyDestroyed):
        return
    last = max(done for _reference, done in known.values()) if known else None
    for table, column, kind, moment in KNOWN_BY if known else ():
        with transaction.atomic(), connection.chunked_cursor() as cursor:
            cursor.execute(f"SELECT {column}, {moment} FROM {table} WHERE {moment} < %s", [last])  # names of our own
            while rows := cursor.fetchmany(AT_A_TIME):
                for text, written in rows:
                    reference, done = known.get(_hash(key, kind, text), (None, None))
                    if reference and written < done:
                        yield table, reference


def _hash(key: bytes, kind: str, text: str) -> bytes:
    if kind == "email":
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).strip().casefold())
    return hmac.digest(key, f"{kind}\x00{text}".encode("utf-8", "surrogatepass"), "sha256")


def what_is_kept_joins_to_nobody(at: datetime) -> Looked:
    """What stays of people for its statistical worth are numbers: not a row of it points to a row about somebody, or holds a digest or a text."""
    rows, found = 0, []
    for table in STATISTICAL:
        rows += fetch(f"SELECT coalesce(sum(count), 0) FROM {table}")[0][0]  # names of our own
        for column, pointed in _ways_out(table):
            found.append(Violation(f"{table}.{column}", f"kept as a number about nobody, and it leads to {pointed}"))
    left = fetch(
        "SELECT 'delivery ' || d.id, 'the delivery is of nobody any more, and its mail still has its address' FROM communications_delivery d"
        " JOIN mail_outgoingmail m ON m.id = d.mail_id WHERE d.person_id IS NULL AND m.emptied_at IS NULL ORDER BY 1 LIMIT %s",
        [MOST_NAMED],
    )
    return Looked(int(rows), (*found, *(Violation(*row) for row in left)))


#: tables of numbers that outlive the people they were counted from, and what each of their rows may lead to
STATISTICAL = {"communications_formerdeliveries": frozenset({"communications_circular"})}


def _ways_out(table: str) -> list[tuple[str, str]]:
    """Columns by which a row could be joined to somebody: references to other rows, digests, free texts, times to the second."""
    rows = fetch(
        "SELECT a.attname, coalesce(target.relname::text, t.typname::text) FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
        " LEFT JOIN pg_constraint f ON f.conrelid = a.attrelid AND f.contype = 'f' AND f.conkey = ARRAY[a.attnum]"
        " LEFT JOIN pg_class target ON target.oid = f.confrelid"
        " WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped AND (f.oid IS NOT NULL OR t.typname IN ('bytea', 'timestamptz',"
        " 'jsonb', 'text', 'uuid', 'inet')) ORDER BY 1",
        [table],
    )
    return [(column, pointed) for column, pointed in rows if pointed not in STATISTICAL[table]]


def nobody_came_back_with_a_backup(at: datetime) -> Looked:
    """Whoever the journal says was erased is in no row of the register, or of its history: a restored database was cleaned again."""
    looked, found = 0, []
    told = _erased_in_the_journal()
    while chunk := list(islice(told, AT_A_TIME)):
        looked += len(chunk)
        for table in ("accounts_person", "accounts_historicalperson"):
            back = fetch(f"SELECT DISTINCT reference FROM {table} WHERE reference = ANY(%s) ORDER BY 1", [chunk])  # names of our own
            kept = {reference for (reference,) in fetch("SELECT person_reference FROM holds_hold WHERE state <> 'released' AND person_reference <> ''")}
            found += [Violation(reference, f"was erased by the journal, and is in {table}") for (reference,) in back if reference not in kept]
    return Looked(looked, tuple(found[:MOST_NAMED]))


def _erased_in_the_journal() -> Iterator[str]:
    path = Path(settings.COVENANT_HOME) / "journal" / "journal.ndjson"
    if not path.exists():
        return
    with path.open("rb") as file:
        for raw in file:
            if raw.endswith(b"\n") and b'"person.erased"' in raw:
                line = json.loads(raw)
                if line["kind"] == "person.erased":
                    yield line["about"]


def drills_look_for_people(at: datetime) -> Looked:
    """A drill that began after somebody was erased has looked whether they are back."""
    rows = fetch(
        "SELECT d.reference FROM backups_drill d WHERE d.outcome IN ('well', 'found')"
        " AND d.started_at > (SELECT min(done_at) FROM data_requests_erasedperson)"
        " AND coalesce((d.report -> 'looked_at' ->> 'people')::int, 0) = 0 AND d.id = (SELECT max(id) FROM backups_drill WHERE ended_at IS NOT NULL)"
    )
    looked = fetch("SELECT count(*) FROM backups_drill WHERE ended_at IS NOT NULL")[0][0]
    return Looked(looked, tuple(Violation(reference, "people were erased before it, and it looked for none of them") for (reference,) in rows))


CHECKS: tuple[Check, ...] = (
    Check("P20", "requests.in_time", "No request is past its day", no_request_is_past_its_day),
    Check("P20", "requests.gone", "Nobody who was erased is in a live table, but where the proofs are", who_was_erased_is_nowhere),
    Check("P20", "requests.proven", "Each erasure was approved by two, searched after, and has its evidence", every_erasure_is_proven),
    Check("P20", "requests.providers", "Providers confirmed in time that they erased what they got", providers_erase_too),
    Check("P21", "requests.anonymous", "What is kept of people who were erased joins to nobody", what_is_kept_joins_to_nobody),
    Check("P22", "requests.not_back", "Nobody who was erased came back with a backup", nobody_came_back_with_a_backup),
    Check("P22", "requests.drilled", "Drills look for the people who were erased", drills_look_for_people),
    Check("P24", "requests.minors", "No minor waits past the day to be removed", no_minor_waits_past_the_day),
)
