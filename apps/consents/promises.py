"""How consents are proven: by SQL on what people said, on what stands and on what is kept under it, sharing nothing with the services.

Each check says how many rows it looked at; one that had nothing to look at proves nothing and says so.
"""

import hashlib
import json
from datetime import datetime, timedelta

from apps.foundation.promises import Check, Looked, Violation, fetch, fetch_named

NAMED = 1000
#: a sweep lets consents fall every five minutes
TIME_TO_FALL = timedelta(minutes=30)
TIME_TO_WRITE = timedelta(minutes=10)


def _count(table: str, where: str = "true") -> int:
    return fetch(f"SELECT count(*) FROM {table} WHERE {where}")[0][0]


def what_stands_is_what_was_said_last(at: datetime) -> Looked:
    """Each standing against the newest event of its person and purpose, in both directions."""
    rows = fetch(
        "WITH last AS (SELECT DISTINCT ON (person_id, purpose_id) id, reference, person_id, purpose_id, text_id, act, at, until"
        "  FROM consents_consentevent ORDER BY person_id, purpose_id, at DESC, id DESC)"
        " SELECT coalesce(l.reference, p.reference, 'standing ' || s.id),"
        "  CASE WHEN s.id IS NULL THEN 'was said, and no standing says so'"
        "       WHEN l.id IS NULL THEN 'stands in ' || s.purpose_id || ', and nobody ever said so'"
        "       WHEN s.stands AND l.act <> 'given' THEN 'stands in ' || s.purpose_id || ' although it was ' || l.act"
        "       WHEN NOT s.stands AND l.act = 'given' THEN 'was given and does not stand'"
        "       ELSE 'stands otherwise than it was said' END"
        " FROM last l FULL JOIN consents_standing s ON s.person_id = l.person_id AND s.purpose_id = l.purpose_id"
        " LEFT JOIN accounts_person p ON p.id = s.person_id"
        " WHERE s.id IS NULL OR l.id IS NULL OR s.stands <> (l.act = 'given') OR s.event_id <> l.id OR s.text_id <> l.text_id"
        "  OR s.since <> l.at OR s.until IS DISTINCT FROM l.until ORDER BY 1 LIMIT %s", [NAMED]
    )  # fmt: skip
    return Looked(_count("consents_standing"), tuple(Violation(*row) for row in rows))


def nothing_stands_past_its_end(at: datetime) -> Looked:
    """What stands past its end by more than a sweep needs. It allows nothing any more, but what rests on it should be gone."""
    rows = fetch(
        "SELECT e.reference, 'is over since ' || to_char(s.until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC and still stands'"
        " FROM consents_standing s JOIN consents_consentevent e ON e.id = s.event_id WHERE s.stands AND s.until <= %s ORDER BY s.until LIMIT %s",
        [at - TIME_TO_FALL, NAMED],
    )
    return Looked(_count("consents_standing", "stands"), tuple(Violation(*row) for row in rows))


#: each key that points to what stands, with its columns; and what has the columns although its key is gone
COLLECTED = """
SELECT con.conrelid::regclass::text, max(here.attname) FILTER (WHERE there.attname = 'person_id'), max(here.attname) FILTER (WHERE there.attname = 'purpose_id')
FROM pg_constraint con CROSS JOIN LATERAL unnest(con.conkey, con.confkey) AS pair (here, there)
JOIN pg_attribute here ON here.attrelid = con.conrelid AND here.attnum = pair.here
JOIN pg_attribute there ON there.attrelid = con.confrelid AND there.attnum = pair.there
WHERE con.contype = 'f' AND con.confrelid = 'consents_standing'::regclass GROUP BY con.oid, con.conrelid
UNION
SELECT quote_ident(c.table_name), 'person_id', 'purpose_id'
FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.column_name IN ('person_id', 'purpose_id', 'stands')
    AND c.table_name <> 'consents_standing' GROUP BY c.table_name HAVING count(*) = 3
ORDER BY 1, 2
"""


def nothing_is_kept_without_a_consent(at: datetime) -> Looked:
    """Every table whose rows are collected under a consent, found in the catalogue: each row against what its person said last."""
    looked, found = 0, []
    for table, person, purpose in fetch(COLLECTED):
        looked += _count(table)
        rows = fetch(
            f"SELECT coalesce(p.reference, 'nobody'), count(*), k.{purpose} FROM {table} k LEFT JOIN accounts_person p ON p.id = k.{person}"
            f" LEFT JOIN LATERAL (SELECT act, until FROM consents_consentevent e WHERE e.person_id = k.{person} AND e.purpose_id = k.{purpose}"
            "  ORDER BY at DESC, id DESC LIMIT 1) last ON true"
            " WHERE last.act IS DISTINCT FROM 'given' OR last.until <= %s GROUP BY 1, 3 ORDER BY 1, 3 LIMIT %s",
            [at - TIME_TO_FALL, NAMED],
        )
        found += [Violation(whose, f"{count} rows of {table} are kept, and no consent to {code} stands") for whose, count, code in rows]
    return Looked(looked, tuple(found))


def each_answer_was_to_the_text_and_policy_in_force(at: datetime) -> Looked:
    """Each event: its text was published, of its purpose, the newest then and the one that was shown; its policy version was in force then."""
    rows = fetch(
        "SELECT e.reference, CASE"
        "  WHEN t.purpose_id <> e.purpose_id OR t.state <> 'published' OR t.published_at > e.at THEN 'is about a text that was not in force then'"
        "  WHEN e.act IN ('given', 'refused') AND newest.id <> e.text_id THEN 'is about a text that was no longer in force'"
        "  WHEN e.shown_digest IS DISTINCT FROM t.digest AND (e.shown_digest IS NOT NULL OR e.act = 'given') THEN 'was shown another text'"
        "  ELSE 'carries a policy version that was not in force then' END"
        " FROM consents_consentevent e JOIN consents_purposetext t ON t.id = e.text_id"
        " LEFT JOIN LATERAL (SELECT id FROM consents_purposetext n WHERE n.purpose_id = e.purpose_id AND n.state = 'published'"
        "  AND n.published_at <= e.at ORDER BY n.published_at DESC, n.number DESC LIMIT 1) newest ON true"
        " LEFT JOIN LATERAL (SELECT id FROM policies_policyversion v WHERE v.state = 'published' AND v.published_at <= e.at"
        "  ORDER BY v.published_at DESC, v.number DESC LIMIT 1) policy ON true"
        " WHERE t.purpose_id <> e.purpose_id OR t.state <> 'published' OR t.published_at > e.at"
        "  OR (e.act IN ('given', 'refused') AND newest.id <> e.text_id)"
        "  OR (e.shown_digest IS DISTINCT FROM t.digest AND (e.shown_digest IS NOT NULL OR e.act = 'given'))"
        "  OR policy.id IS DISTINCT FROM e.policy_version_id ORDER BY e.id LIMIT %s", [NAMED]
    )  # fmt: skip
    return Looked(_count("consents_consentevent"), tuple(Violation(*row) for row in rows))


def each_text_is_what_two_persons_agreed_on(at: datetime) -> Looked:
    """Each published text: says what its digest says, and was asked for and approved by two. What came with the software has its digest."""
    rows = fetch_named(
        "SELECT p.code, p.kind, p.channel, p.title, p.recipient, p.disclosure_purpose, t.number, t.words, t.collected, t.lost_without,"
        " t.categories, t.months, t.digest, t.published_by, t.drafted_by,"
        " EXISTS (SELECT 1 FROM staff_approval a JOIN staff_staffmember d ON d.id = a.decided_by_id"
        "  WHERE a.act = 'consents.publish_purposetext' AND a.subject = p.code || '/' || t.number AND a.verdict = 'approved'"
        "  AND a.asked_by_id <> a.decided_by_id AND 'staff:' || d.reference = t.published_by AND a.digest = t.digest) AS approved"
        " FROM consents_purposetext t JOIN consents_consentpurpose p ON p.code = t.purpose_id WHERE t.state = 'published' ORDER BY t.id"
    )
    found = []
    for row in rows:
        said = {
            "purpose": row["code"], "categories": sorted(row["categories"]),
            **{name: row[name] for name in ("kind", "channel", "title", "recipient", "disclosure_purpose", "number", "words", "collected",
                                            "lost_without", "months")},
        }  # fmt: skip
        digest = hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).digest()
        named = f"{row['code']}/{row['number']}"
        if digest != bytes(row["digest"]):
            found.append(Violation(named, "says something else than when it was published"))
        if row["published_by"] == "system:covenant" and row["number"] == 1:
            continue
        if row["published_by"] == row["drafted_by"] or not row["approved"]:
            found.append(Violation(named, "was published without the approval of a second person"))
    return Looked(len(rows), tuple(found))


def nobody_is_asked_again_too_soon(at: datetime) -> Looked:
    """Each refusal and withdrawal keeps its months, as long as nothing was said after it."""
    rows = fetch(
        "SELECT e.reference, 'may be asked about again sooner than after twelve months' FROM consents_standing s"
        " JOIN consents_consentevent e ON e.id = s.event_id WHERE e.act IN ('refused', 'withdrawn') AND e.\"where\" NOT LIKE 'replay%%'"
        " AND (s.asked_again_from IS NULL OR s.asked_again_from < ((s.since AT TIME ZONE 'UTC') + interval '12 months') AT TIME ZONE 'UTC')"
        " ORDER BY e.id LIMIT %s", [NAMED]
    )  # fmt: skip
    return Looked(_count("consents_standing", "NOT stands"), tuple(Violation(*row) for row in rows))


def every_no_stands_in_the_journal(at: datetime) -> Looked:
    """Each withdrawal and each refusal is told to the journal, so that a restored backup does not forget it."""
    rows = fetch(
        "SELECT e.reference, CASE WHEN j.about IS NULL THEN 'was ' || e.act || ', and the journal is not even owed a line about it'"
        "  ELSE 'was ' || e.act || ', and the journal still lacks its line' END"
        " FROM consents_consentevent e LEFT JOIN (SELECT about, bool_or(sequence IS NOT NULL) AS written FROM audit_journalentry"
        "  WHERE kind IN ('consent.withdrawn', 'consent.refused') GROUP BY about) j ON j.about = e.reference"
        " WHERE e.act IN ('withdrawn', 'refused') AND (j.about IS NULL OR (NOT j.written AND e.at < %s)) ORDER BY e.id LIMIT %s",
        [at - TIME_TO_WRITE, NAMED],
    )  # fmt: skip
    return Looked(_count("consents_consentevent", "act IN ('withdrawn', 'refused')"), tuple(Violation(*row) for row in rows))


CHECKS = (
    Check("P01", "consents.asked_again", "After a no nobody is asked again for twelve months", nobody_is_asked_again_too_soon),
    Check("P02", "consents.kept", "Nothing that was collected under a consent is kept without one", nothing_is_kept_without_a_consent),
    Check("P02", "consents.past_end", "No consent stands past its end", nothing_stands_past_its_end),
    Check("P12", "consents.standing", "What stands is what each person said last", what_stands_is_what_was_said_last),
    Check("P22", "consents.journalled", "What people refused and took back stands in the journal", every_no_stands_in_the_journal),
    Check("P26", "consents.in_force", "Each answer was to the text and under the policy in force then", each_answer_was_to_the_text_and_policy_in_force),
    Check("P26", "consents.texts", "Each text is what two persons agreed on", each_text_is_what_two_persons_agreed_on),
)
