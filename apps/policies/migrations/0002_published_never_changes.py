"""What is published stays as it is: the database itself refuses changes, removals, and steps back in time.

The trigger on clauses takes a share lock on the version's row, so that no clause slips into a version that another
transaction is publishing at that moment. Nothing here needs more than PostgreSQL 15.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION policies_version_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_at timestamptz;
    last_number integer;
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.state = 'published' THEN
        RAISE EXCEPTION 'policy version % is published: it never changes and never goes', OLD.number
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.state = 'published' THEN
        IF TG_OP = 'INSERT' THEN
            RAISE EXCEPTION 'a policy version is published from a draft' USING ERRCODE = 'restrict_violation';
        END IF;
        PERFORM pg_advisory_xact_lock(hashtext('policies.publication'));
        SELECT max(published_at), max(number) INTO last_at, last_number
            FROM policies_policyversion WHERE state = 'published';
        IF NEW.published_at <= last_at OR NEW.number <= last_number THEN
            RAISE EXCEPTION 'policy versions come into force forward only' USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER a_published_version_never_changes
    BEFORE INSERT OR UPDATE OR DELETE ON policies_policyversion
    FOR EACH ROW EXECUTE FUNCTION policies_version_guard();

CREATE FUNCTION policies_clause_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    version_state text;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        SELECT state INTO version_state FROM policies_policyversion WHERE id = OLD.version_id FOR SHARE;
        IF version_state = 'published' THEN
            RAISE EXCEPTION 'the clauses of a published policy version never change and never go'
                USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    SELECT state INTO version_state FROM policies_policyversion WHERE id = NEW.version_id FOR SHARE;
    IF version_state = 'published' THEN
        RAISE EXCEPTION 'the clauses of a published policy version never change and never go'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER clauses_of_a_published_version_never_change
    BEFORE INSERT OR UPDATE OR DELETE ON policies_clause
    FOR EACH ROW EXECUTE FUNCTION policies_clause_guard();

CREATE FUNCTION policies_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the table % is never emptied: published policy versions stay', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER policy_versions_are_never_truncated
    BEFORE TRUNCATE ON policies_policyversion
    FOR EACH STATEMENT EXECUTE FUNCTION policies_refuse_truncate();

CREATE TRIGGER clauses_are_never_truncated
    BEFORE TRUNCATE ON policies_clause
    FOR EACH STATEMENT EXECUTE FUNCTION policies_refuse_truncate();
"""

BACKWARD = """
DROP TRIGGER clauses_are_never_truncated ON policies_clause;
DROP TRIGGER policy_versions_are_never_truncated ON policies_policyversion;
DROP FUNCTION policies_refuse_truncate();
DROP TRIGGER clauses_of_a_published_version_never_change ON policies_clause;
DROP FUNCTION policies_clause_guard();
DROP TRIGGER a_published_version_never_changes ON policies_policyversion;
DROP FUNCTION policies_version_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("policies", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
