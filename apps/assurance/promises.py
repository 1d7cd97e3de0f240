"""What is proven over all tables at once: P01, that every column is declared, and P26, under which policy each row was collected.

A later version of the policy reaches nothing that was collected before it: neither how long it lives nor what it is used for. Both are
looked at where they are written down: the end of a consent and what left on it against the text that the person read, the day of messages
against the rules of life that were there when they came.
"""

from datetime import datetime

from apps.assurance import collected, columns
from apps.assurance.inventory import HOLDINGS
from apps.foundation.promises import Check, Looked, Violation, fetch

MOST_NAMED = 1_000

#: what is extended → how it is told; each against what was said, or was there, when the data was collected
EXTENDED: dict[str, str] = {
    "lasts longer than the text that the person read": """
        SELECT e.reference FROM consents_consentevent e JOIN consents_purposetext t ON t.id = e.text_id
        WHERE e.act = 'given' AND t.months IS NOT NULL
          AND (e.until IS NULL OR e.until > ((e.at AT TIME ZONE 'UTC') + make_interval(months => t.months)) AT TIME ZONE 'UTC')
    """,
    "stands by a text that came after what the person said": """
        SELECT e.reference FROM consents_standing s JOIN consents_consentevent e ON e.id = s.event_id JOIN consents_purposetext t ON t.id = s.text_id
        WHERE s.stands AND (t.published_at > e.at OR (t.months IS NOT NULL AND (s.until IS NULL OR s.until > e.until)))
    """,
    "left for what only a later text names": """
        SELECT DISTINCT d.reference FROM gate_disclosure d JOIN gate_disclosuresubject s ON s.disclosure_id = d.id
        JOIN consents_consentevent e ON e.reference = s.consent JOIN consents_purposetext t ON t.id = e.text_id
        JOIN consents_purposetext later ON later.purpose_id = t.purpose_id AND later.number > t.number AND later.state = 'published'
        WHERE d.ground = 'consent' AND NOT t.categories::varchar[] @> d.categories AND later.categories::varchar[] @> d.categories
    """,
    "holds messages longer than any rule of life that was there when they came": """
        SELECT DISTINCT c.reference FROM retention_cohort c JOIN retention_batchshare s ON s.cohort_id = c.id
        CROSS JOIN LATERAL (SELECT max(r.life_days) AS days FROM retention_retentionrule r
            WHERE r.organization_id = c.organization_id AND r.state = 'approved' AND r.decided_at <= s.at) longest
        CROSS JOIN LATERAL (SELECT (s.at AT TIME ZONE 'UTC')::date + longest.days + 2 AS day) latest
        WHERE c.expiry_on > CASE WHEN longest.days > 400
            THEN (date_trunc('month', latest.day::timestamp) + interval '1 month - 1 day')::date ELSE latest.day END
    """,
}
OF_EXTENDED = (
    "SELECT (SELECT count(*) FROM consents_consentevent WHERE act = 'given') + (SELECT count(*) FROM gate_disclosure WHERE ground = 'consent')"
    " + (SELECT count(*) FROM retention_cohort)"
)


def every_column_is_declared(at: datetime) -> Looked:
    there = columns.columns_in_database()
    said = columns.declarations(columns.our_models(), HOLDINGS)
    return Looked(len(there), tuple(columns.violations(there, said)))


def every_row_knows_its_policy(at: datetime) -> Looked:
    """Each row of each table that names a version names the one that was in force when it was collected."""
    there = collected.tables(columns.our_models())
    found = tuple(violation for table in there for violation in table.wrong())
    return Looked(sum(table.looked() for table in there), found[:MOST_NAMED])


def no_later_policy_reaches_back(at: datetime) -> Looked:
    """Nothing lives longer, or is used for more, than what was said when it was collected."""
    found = [Violation(reference, why) for why, sql in EXTENDED.items() for (reference,) in fetch(f"{sql} LIMIT {MOST_NAMED}")]
    return Looked(fetch(OF_EXTENDED)[0][0], tuple(found))


CHECKS: tuple[Check, ...] = (
    Check(
        promise="P01",
        code="p01_every_column_is_declared",
        title="Every column of every table is declared as personal or not, and every personal one is in a holding",
        run=every_column_is_declared,
    ),
    Check("P26", "p26_every_row_knows_its_policy", "Every row that was collected names the policy in force then", every_row_knows_its_policy),
    Check("P26", "p26_nothing_is_extended", "No later version extends the life or the purposes of what was collected before", no_later_policy_reaches_back),
)
