"""How P01, P04, P24 and P26 are checked on the tables of accounts: by SQL over the rows, without the services that wrote them.

That every personal field is declared is checked over all tables at once, on the floor of assurance.
"""

from datetime import datetime, timedelta

from django.conf import settings

from apps.accounts.models import Organization, Person
from apps.foundation.promises import Check, Looked, Violation, fetch

MOST_NAMED = 1_000

#: table, how a row is named, and the moment its data was collected
COLLECTED = (
    ("accounts_organization", "row.reference", "registered_at"),
    ("accounts_person", "row.reference", "registered_at"),
    ("accounts_personemail", "'e-mail ' || row.id", "added_at"),
    ("accounts_personphone", "'phone ' || row.id", "added_at"),
    ("accounts_externalidentity", "'identity ' || row.id", "added_at"),
    ("accounts_representative", "row.reference", "proposed_at"),
    ("accounts_minorcase", "row.reference", "opened_at"),
    ("accounts_linkedaccount", "row.reference", "linked_at"),
    ("accounts_linkedclaim", "'what account ' || row.account_id || ' told as ' || row.claim", "told_at"),
)


def _count(table: str) -> int:
    return fetch(f"SELECT count(*) FROM {table}")[0][0]  # names of our own tables


def required_details_are_there(at: datetime) -> Looked:
    """What is called required is there, so that nothing half-registered is kept without a use for it."""
    people = fetch(
        "SELECT reference, 'it has no given name' FROM accounts_person WHERE btrim(given_name) = ''"
        " UNION ALL SELECT reference, 'it has no contact' FROM accounts_organization"
        " WHERE btrim(contact_name) = '' OR btrim(contact_email) = ''"
        " UNION ALL SELECT reference, 'it has no name' FROM accounts_organization WHERE btrim(name) = ''"
        " ORDER BY 1 LIMIT %s",
        [MOST_NAMED],
    )
    rows = _count("accounts_person") + _count("accounts_organization")
    return Looked(rows, tuple(Violation(reference, why) for reference, why in people))


def optional_details_may_be_left_out(at: datetime) -> Looked:
    """What is called optional can be left empty: on the forms, and in the database's own definition."""
    rows = _count("accounts_person") + _count("accounts_organization")
    if not rows:
        return Looked(0)
    found = []
    for model in (Person, Organization):
        table = model._meta.db_table
        defined = {name: (kind, nullable) for name, kind, nullable in _columns(table)}
        refusing = _columns_that_refuse_emptiness(table)
        for field in model._meta.local_concrete_fields:
            declared = getattr(field, "personal", None)
            if declared is None or not declared.optional:
                continue
            kind, nullable = defined[field.column]
            if not field.blank:
                found.append(Violation(f"{table}.{field.column}", "it is called optional, and forms demand it"))
            if (kind not in ("varchar", "text") and not nullable) or field.column in refusing:
                found.append(Violation(f"{table}.{field.column}", "it is called optional, and the database demands it"))
    return Looked(rows, tuple(found))


def _columns(table: str) -> list[tuple[str, str, bool]]:
    return fetch(
        "SELECT a.attname, t.typname, NOT a.attnotnull FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
        " WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped",
        [table],
    )


def _columns_that_refuse_emptiness(table: str) -> set[str]:
    """Columns with a check of their own that compares them with the empty string or null."""
    rows = fetch(
        "SELECT a.attname FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)"
        " WHERE c.contype = 'c' AND c.conrelid = %s::regclass"
        r" AND (pg_get_constraintdef(c.oid) ~ '<> ''''' OR pg_get_constraintdef(c.oid) ~ 'IS NOT NULL')",
        [table],
    )
    return {row[0] for row in rows}


def rows_know_their_policy(at: datetime) -> Looked:
    """Each row names the version of the policy that was in force when its data was collected."""
    looked, found = 0, []
    for table, name, moment in COLLECTED:
        looked += _count(table)
        found += [Violation(*row) for row in _under_another_version(table, name, moment)]
    return Looked(looked, tuple(found))


def _under_another_version(table: str, name: str, moment: str) -> list[tuple[str, str]]:
    return fetch(
        f"""
        WITH force AS (
            SELECT id, published_at AS since, lead(published_at) OVER (ORDER BY published_at, number) AS until
            FROM policies_policyversion WHERE state = 'published'
        )
        SELECT {name}, 'the policy it names was not in force when it was collected' FROM {table} row
        WHERE NOT EXISTS (
            SELECT 1 FROM force
            WHERE force.id = row.policy_version_id
              AND force.since <= row.{moment} AND (force.until IS NULL OR row.{moment} < force.until)
        )
        ORDER BY row.id LIMIT %s
        """,  # names of our own tables and columns
        [MOST_NAMED],
    )


#: what each scope covers, written down a second time (OpenID Connect Core 1.0 §5.4)
COVERED = {
    "profile": ["birthdate", "family_name", "gender", "given_name", "locale", "middle_name", "name", "nickname", "preferred_username", "zoneinfo"],
    "email": ["email", "email_verified"],
    "phone": ["phone_number", "phone_number_verified"],
    "address": ["address"],
}  # fmt: skip


def nothing_beyond_what_was_granted(at: datetime) -> Looked:
    """Each claim stands under a scope that the person granted and that covers it; an account that was unlinked says nothing any more."""
    pairs = [f"{scope}/{claim}" for scope, claims in COVERED.items() for claim in claims]
    rows = fetch(
        """
        SELECT a.reference || ' / ' || c.claim, CASE
            WHEN NOT c.scope || '/' || c.claim = ANY (%s) THEN 'no scope of that name covers it'
            WHEN g.id IS NULL THEN 'its scope was not granted'
            ELSE 'the account is unlinked, and no hold keeps it' END
        FROM accounts_linkedclaim c JOIN accounts_linkedaccount a ON a.id = c.account_id
        LEFT JOIN accounts_grantedscope g ON g.account_id = c.account_id AND g.scope = c.scope
        WHERE NOT c.scope || '/' || c.claim = ANY (%s) OR g.id IS NULL OR (a.revoked_at IS NOT NULL AND NOT a.kept_for_hold)
        ORDER BY 1 LIMIT %s
        """,
        [pairs, pairs, MOST_NAMED],
    )
    return Looked(_count("accounts_linkedclaim"), tuple(Violation(*row) for row in rows))


def tokens_are_sealed_and_end(at: datetime) -> Looked:
    """No token or claim lies in clear; a token ends within two days after its account was unlinked."""
    rows = fetch(
        """
        SELECT reference, 'its token does not look sealed' FROM accounts_linkedaccount
            WHERE octet_length(tokens) < 28 OR position('{'::bytea IN tokens) = 1
        UNION ALL
        SELECT reference, 'its token is there two days after it was unlinked' FROM accounts_linkedaccount
            WHERE tokens IS NOT NULL AND revoked_at < %s - interval '2 days'
        UNION ALL
        SELECT a.reference || ' / ' || c.claim, 'its value does not look sealed'
            FROM accounts_linkedclaim c JOIN accounts_linkedaccount a ON a.id = c.account_id WHERE octet_length(c.value) < 28
        ORDER BY 1 LIMIT %s
        """,
        [at, MOST_NAMED],
    )
    return Looked(_count("accounts_linkedaccount"), tuple(Violation(*row) for row in rows))


#: whole years of age on the day of the check, without the code that registers people
IS_MINOR = "extract(year FROM age((%s::timestamptz AT TIME ZONE 'UTC')::date::timestamp, p.birth_date::timestamp)) < 18"


def no_minor_is_active_alone(at: datetime) -> Looked:
    """Nobody known to be below 18 is active without a representative whom two people verified and whose time is not over."""
    rows = fetch(
        f"""
        WITH asked AS (SELECT (%s::timestamptz AT TIME ZONE 'UTC')::date AS day), acting AS (
            SELECT r.person_id FROM accounts_representative r, asked
            WHERE r.state = 'verified' AND r.valid_from <= asked.day AND (r.valid_until IS NULL OR r.valid_until > asked.day)
        )
        SELECT p.reference, 'below 18, active, and no verified representative is in force' FROM accounts_person p
            WHERE p.standing = 'active' AND p.birth_date IS NOT NULL AND {IS_MINOR} AND p.id NOT IN (SELECT person_id FROM acting WHERE person_id IS NOT NULL)
        UNION ALL
        SELECT p.reference, 'active while ' || c.reference || ' is open' FROM accounts_minorcase c JOIN accounts_person p ON p.id = c.person_id
            WHERE c.state = 'open' AND p.standing = 'active'
        UNION ALL
        SELECT c.reference, 'open past the day by which the minor is represented or removed' FROM accounts_minorcase c
            WHERE c.state = 'open' AND c.due_at < %s
        UNION ALL
        SELECT c.reference, 'closed for a representative who was not verified, or acts for somebody else' FROM accounts_minorcase c
            LEFT JOIN accounts_representative r ON r.id = c.representative_id
            WHERE c.state = 'represented' AND (r.id IS NULL OR r.state NOT IN ('verified', 'ended') OR r.person_id IS DISTINCT FROM c.person_id)
        ORDER BY 1, 2 LIMIT %s
        """,  # IS_MINOR is our own text
        [at, at, at, MOST_NAMED],
    )
    looked = fetch("SELECT count(*) FROM accounts_person WHERE birth_date IS NOT NULL")[0][0] + _count("accounts_minorcase")
    return Looked(looked, tuple(Violation(*row) for row in rows))


def representatives_were_verified_by_two(at: datetime) -> Looked:
    """Behind each representative who counts stand two people: who checked, and another who approved exactly that."""
    rows = fetch(
        """
        SELECT r.reference, CASE
            WHEN r.asked_by = '' OR r.decided_by = '' THEN 'it does not say who checked and who approved'
            WHEN r.asked_by = r.decided_by THEN 'who checked approved too'
            ELSE 'no approval of a second person stands behind it' END
        FROM accounts_representative r
        WHERE r.state IN ('verified', 'ended') AND (r.asked_by = '' OR r.decided_by = '' OR r.asked_by = r.decided_by OR NOT EXISTS (
            SELECT 1 FROM staff_approval a
            JOIN staff_staffmember asker ON asker.id = a.asked_by_id JOIN staff_staffmember decider ON decider.id = a.decided_by_id
            WHERE a.act = 'accounts.approve_representative' AND a.subject = r.reference AND a.verdict = 'approved'
              AND asker.id <> decider.id AND r.asked_by = 'staff:' || asker.reference AND r.decided_by = 'staff:' || decider.reference
        ))
        ORDER BY 1 LIMIT %s
        """,
        [MOST_NAMED],
    )
    return Looked(_count("accounts_representative"), tuple(Violation(*row) for row in rows))


def documents_are_sealed_and_end(at: datetime) -> Looked:
    """No document lies in clear, nor two days past its time where no hold keeps the person; of whom was rejected no name outlives it."""
    late = at - timedelta(days=settings.MINOR_DOCUMENT_DAYS + 2)
    rows = fetch(
        """
        SELECT reference, 'its document does not look sealed' FROM accounts_representative
            WHERE octet_length(document) < document_size + 28
               OR substr(document, 1, 3) IN ('\\x255044'::bytea, '\\x89504e'::bytea, '\\xffd8ff'::bytea)
        UNION ALL
        SELECT reference, 'who was named stays after the document of a rejected one went' FROM accounts_representative
            WHERE state = 'rejected' AND document IS NULL AND (full_name <> '' OR email <> '' OR minor_given_name <> '' OR minor_birth_date IS NOT NULL)
        UNION ALL
        SELECT r.reference, 'its document is there two days past its time, and no hold keeps the person' FROM accounts_representative r
            LEFT JOIN accounts_person p ON p.id = r.person_id
            WHERE r.document IS NOT NULL AND r.decided_at < %s AND NOT EXISTS (
                SELECT 1 FROM holds_hold h WHERE p.id IS NOT NULL AND (h.state = 'active' OR h.kept_until > %s - interval '2 days')
                AND (h.person_reference = p.reference OR (
                    h.person_reference = '' AND h.conversation_id = '' AND (h.organization_id IS NULL OR h.organization_id = p.organization_id)
                ))
            )
        ORDER BY 1 LIMIT %s
        """,
        [late, at, MOST_NAMED],
    )
    return Looked(_count("accounts_representative"), tuple(Violation(*row) for row in rows))


CHECKS: tuple[Check, ...] = (
    Check("P01", "accounts.required", "Nobody is registered without what registration requires", required_details_are_there),
    Check("P01", "accounts.optional", "What is called optional can be left out", optional_details_may_be_left_out),
    Check("P24", "accounts.minors", "No minor is active without a verified representative, and no case is past its day", no_minor_is_active_alone),
    Check("P24", "accounts.representatives", "Each representative was verified by two people", representatives_were_verified_by_two),
    Check("P24", "accounts.representative_documents", "What proves an authority is sealed, and ends", documents_are_sealed_and_end),
    Check("P26", "accounts.policy_known", "Organizations, people and their details know the policy they were collected under",
          rows_know_their_policy),
    Check("P04", "accounts.linked_scopes", "Linked accounts say no more than the person authorised", nothing_beyond_what_was_granted),
    Check("P04", "accounts.linked_sealed", "Tokens of linked accounts are sealed, and end with the link", tokens_are_sealed_and_end),
)  # fmt: skip
