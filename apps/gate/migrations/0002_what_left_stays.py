"""The database itself refuses to change what left, and to remove it before six years are over, whoever asks and however.

| table | allowed | refused |
|---|---|---|
| gate_disclosure, gate_disclosuresubject, gate_gaterefusal, gate_crossing | insert; delete after six years | update, truncate, any earlier delete |
| gate_permit | insert unspent; spending it once, before it lapses; delete after six years | any other update, truncate, any earlier delete |
| gate_countryexception | insert asked for; asked → approved, rejected, withdrawn; approved → withdrawn; delete after six years | all else |

Six years are counted by the clock of the database: nobody who hands over a time can make a row old.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION gate_is_over(moment timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT moment < clock_timestamp() - interval '2192 days'
$$;

CREATE FUNCTION gate_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what left, and what was refused, stays as it was recorded', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION gate_keep_six_years() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT coalesce(gate_is_over(OLD.at), false) THEN
        RAISE EXCEPTION 'DELETE of % is refused: it is kept for six years', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION gate_keep_subject() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM gate_disclosure WHERE id = OLD.disclosure_id AND NOT gate_is_over(at)) THEN
        RAISE EXCEPTION 'DELETE of % is refused: it is kept for six years', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION gate_permit_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF NOT gate_is_over(OLD.given_at) THEN
            RAISE EXCEPTION 'permit % is kept for six years', OLD.reference USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.spent_at IS NOT NULL THEN
            RAISE EXCEPTION 'a permit begins unspent' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.spent_at IS NOT NULL OR NEW.spent_at IS NULL OR to_jsonb(NEW) - 'spent_at' IS DISTINCT FROM to_jsonb(OLD) - 'spent_at' THEN
        RAISE EXCEPTION 'permit % is spent once, and nothing else of it changes', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION gate_exception_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF NOT gate_is_over(OLD.ends_at) THEN
            RAISE EXCEPTION 'exception % is kept for six years', OLD.reference USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'asked' OR NEW.decided_by <> '' OR NEW.decided_at IS NOT NULL THEN
            RAISE EXCEPTION 'an exception begins as asked for' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.reference, NEW.recipient_kind, NEW.recipient, NEW.country, NEW.starts_at, NEW.ends_at, NEW.reason, NEW.asked_by,
        NEW.asked_at)
       IS DISTINCT FROM
       (OLD.id, OLD.reference, OLD.recipient_kind, OLD.recipient, OLD.country, OLD.starts_at, OLD.ends_at, OLD.reason, OLD.asked_by,
        OLD.asked_at) THEN
        RAISE EXCEPTION 'what exception % allows never changes', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF (OLD.state, NEW.state) NOT IN (('asked', 'approved'), ('asked', 'rejected'), ('asked', 'withdrawn'), ('approved', 'withdrawn')) THEN
        RAISE EXCEPTION 'exception % does not go from % to %', OLD.reference, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'approved' AND (NEW.decided_by, NEW.decided_at) IS DISTINCT FROM (OLD.decided_by, OLD.decided_at) THEN
        RAISE EXCEPTION 'who approved exception % stays', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER a_disclosure_stays BEFORE UPDATE ON gate_disclosure FOR EACH ROW EXECUTE FUNCTION gate_refuse();
CREATE TRIGGER a_disclosure_is_kept BEFORE DELETE ON gate_disclosure FOR EACH ROW EXECUTE FUNCTION gate_keep_six_years();
CREATE TRIGGER disclosures_are_not_emptied BEFORE TRUNCATE ON gate_disclosure FOR EACH STATEMENT EXECUTE FUNCTION gate_refuse();

CREATE TRIGGER a_subject_stays BEFORE UPDATE ON gate_disclosuresubject FOR EACH ROW EXECUTE FUNCTION gate_refuse();
CREATE TRIGGER a_subject_is_kept BEFORE DELETE ON gate_disclosuresubject FOR EACH ROW EXECUTE FUNCTION gate_keep_subject();
CREATE TRIGGER subjects_are_not_emptied BEFORE TRUNCATE ON gate_disclosuresubject FOR EACH STATEMENT EXECUTE FUNCTION gate_refuse();

CREATE TRIGGER a_refusal_stays BEFORE UPDATE ON gate_gaterefusal FOR EACH ROW EXECUTE FUNCTION gate_refuse();
CREATE TRIGGER a_refusal_is_kept BEFORE DELETE ON gate_gaterefusal FOR EACH ROW EXECUTE FUNCTION gate_keep_six_years();
CREATE TRIGGER refusals_are_not_emptied BEFORE TRUNCATE ON gate_gaterefusal FOR EACH STATEMENT EXECUTE FUNCTION gate_refuse();

CREATE TRIGGER a_crossing_stays BEFORE UPDATE ON gate_crossing FOR EACH ROW EXECUTE FUNCTION gate_refuse();
CREATE TRIGGER a_crossing_is_kept BEFORE DELETE ON gate_crossing FOR EACH ROW EXECUTE FUNCTION gate_keep_six_years();
CREATE TRIGGER crossings_are_not_emptied BEFORE TRUNCATE ON gate_crossing FOR EACH STATEMENT EXECUTE FUNCTION gate_refuse();

CREATE TRIGGER a_permit_is_spent_once BEFORE INSERT OR UPDATE OR DELETE ON gate_permit FOR EACH ROW EXECUTE FUNCTION gate_permit_guard();
CREATE TRIGGER permits_are_not_emptied BEFORE TRUNCATE ON gate_permit FOR EACH STATEMENT EXECUTE FUNCTION gate_refuse();

CREATE TRIGGER an_exception_stays_as_it_was_asked BEFORE INSERT OR UPDATE OR DELETE ON gate_countryexception
    FOR EACH ROW EXECUTE FUNCTION gate_exception_guard();
CREATE TRIGGER exceptions_are_not_emptied BEFORE TRUNCATE ON gate_countryexception FOR EACH STATEMENT EXECUTE FUNCTION gate_refuse();
"""

BACKWARD = """
DROP TRIGGER exceptions_are_not_emptied ON gate_countryexception;
DROP TRIGGER an_exception_stays_as_it_was_asked ON gate_countryexception;
DROP TRIGGER permits_are_not_emptied ON gate_permit;
DROP TRIGGER a_permit_is_spent_once ON gate_permit;
DROP TRIGGER crossings_are_not_emptied ON gate_crossing;
DROP TRIGGER a_crossing_is_kept ON gate_crossing;
DROP TRIGGER a_crossing_stays ON gate_crossing;
DROP TRIGGER refusals_are_not_emptied ON gate_gaterefusal;
DROP TRIGGER a_refusal_is_kept ON gate_gaterefusal;
DROP TRIGGER a_refusal_stays ON gate_gaterefusal;
DROP TRIGGER subjects_are_not_emptied ON gate_disclosuresubject;
DROP TRIGGER a_subject_is_kept ON gate_disclosuresubject;
DROP TRIGGER a_subject_stays ON gate_disclosuresubject;
DROP TRIGGER disclosures_are_not_emptied ON gate_disclosure;
DROP TRIGGER a_disclosure_is_kept ON gate_disclosure;
DROP TRIGGER a_disclosure_stays ON gate_disclosure;
DROP FUNCTION gate_exception_guard();
DROP FUNCTION gate_permit_guard();
DROP FUNCTION gate_keep_subject();
DROP FUNCTION gate_keep_six_years();
DROP FUNCTION gate_refuse();
DROP FUNCTION gate_is_over(timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [("gate", "0001_what_leaves")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
