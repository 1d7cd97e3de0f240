"""What the database kept while a person's row is there may go once their account is closed: an erasure takes the row itself last.

| table | was | is |
|---|---|---|
| accounts_policyacceptance, accounts_representative, accounts_minorcase | removed with the person's row only | removed with it, or once the account is closed, which is final |
| accounts_representative, who they are | emptied once rejected | emptied once rejected, ended, or past the last day |
"""

from django.db import migrations

IS_CLOSED = """
CREATE FUNCTION accounts_keeps_evidence(whom bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM accounts_person WHERE id = whom AND standing <> 'closed')
$$;
"""

KEEP_WITH_PERSON = """
CREATE OR REPLACE FUNCTION accounts_keep_with_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION '% is never emptied', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.person_id IS NULL OR {kept} THEN
        RAISE EXCEPTION 'a row of % goes with its person only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
"""
ROW_IS_THERE = "EXISTS (SELECT 1 FROM accounts_person WHERE id = OLD.person_id)"
NOT_CLOSED = "accounts_keeps_evidence(OLD.person_id)"

#: the two functions are changed where they stand, so that all else they say stays as it is said there
REPLACE = """
DO $do$
DECLARE
    source text;
BEGIN
    source := pg_get_functiondef('{function}()'::regprocedure);
    IF position($a${before}$a$ IN source) = 0 THEN
        RAISE EXCEPTION 'the guard {function} is not the one this migration knows';
    END IF;
    EXECUTE replace(source, $a${before}$a$, $b${after}$b$);
END $do$;
"""
NAMES_ONCE_REJECTED = "AND NOT (OLD.state = 'rejected' AND NEW.full_name = '' AND NEW.email = '')"
NAMES_ONCE_OVER = (
    "AND NOT ((OLD.state IN ('rejected', 'ended') OR (OLD.state = 'verified' AND OLD.valid_until <= current_date))"
    " AND NEW.full_name = '' AND NEW.email = '')"
)


def replace(function: str, before: str, after: str) -> str:
    return REPLACE.format(function=function, before=before, after=after)


FORWARD = "".join([
    IS_CLOSED,
    KEEP_WITH_PERSON.format(kept=NOT_CLOSED),
    replace("accounts_acceptance_guard", ROW_IS_THERE, NOT_CLOSED),
    replace("accounts_representative_guard", NAMES_ONCE_REJECTED, NAMES_ONCE_OVER),
])  # fmt: skip
BACKWARD = "".join([
    replace("accounts_representative_guard", NAMES_ONCE_OVER, NAMES_ONCE_REJECTED),
    replace("accounts_acceptance_guard", NOT_CLOSED, ROW_IS_THERE),
    KEEP_WITH_PERSON.format(kept=ROW_IS_THERE),
    "DROP FUNCTION accounts_keeps_evidence(bigint);",
])  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_registrations_are_cancelled")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
