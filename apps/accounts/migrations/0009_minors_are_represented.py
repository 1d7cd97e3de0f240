"""The database itself refuses an active person below 18 whom nobody verified represents, and keeps what was decided about representatives.

| table | allowed | refused |
|---|---|---|
| accounts_person | active below 18 only with a representative in force on the day the age was looked at (judged when the transaction commits) | the same without one |
| accounts_representative | insert proposed; verification that two people approved; rejection, end; the document going after the decision | another name, document, authority or first day; a longer time; any other move |
| accounts_minorcase | insert open; closing once | any other change |
| the last two | removal with the person's row | delete while the person is there, truncate |

A person of 18 years needs no representative: that follows from the day and needs no row. `age_seen_on` is that day; an older one makes a person
only younger, so that a forgotten one refuses and never lets through.
"""

from django.db import migrations

FORWARD = """
ALTER TABLE accounts_representative ADD CONSTRAINT a_representative_goes_with_their_person
    FOREIGN KEY (person_id) REFERENCES accounts_person (id) ON DELETE CASCADE;
ALTER TABLE accounts_minorcase ADD CONSTRAINT a_case_goes_with_its_person
    FOREIGN KEY (person_id) REFERENCES accounts_person (id) ON DELETE CASCADE;
ALTER TABLE accounts_minorcase ADD CONSTRAINT a_case_names_a_representative_there_is
    FOREIGN KEY (representative_id) REFERENCES accounts_representative (id) DEFERRABLE INITIALLY DEFERRED;

CREATE FUNCTION accounts_is_minor(born date, on_day date) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT extract(year FROM age(on_day::timestamp, born::timestamp)) < 18
$$;

CREATE FUNCTION accounts_require_represented() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whom bigint;
    their_reference text;
    their_standing text;
    born date;
    on_day date;
BEGIN
    IF TG_TABLE_NAME = 'accounts_person' THEN
        whom := NEW.id;
    ELSE
        whom := OLD.person_id;
    END IF;
    SELECT reference, standing, birth_date, coalesce(age_seen_on, (registered_at AT TIME ZONE 'UTC')::date)
        INTO their_reference, their_standing, born, on_day FROM accounts_person WHERE id = whom FOR NO KEY UPDATE;
    IF NOT FOUND OR their_standing <> 'active' OR born IS NULL OR NOT accounts_is_minor(born, on_day) THEN
        RETURN NULL;
    END IF;
    IF EXISTS (
        SELECT 1 FROM accounts_representative
        WHERE person_id = whom AND state = 'verified' AND valid_from <= on_day AND (valid_until IS NULL OR valid_until > on_day)
    ) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'person % is below 18, and no verified representative acts for them', their_reference USING ERRCODE = 'restrict_violation';
END $$;

CREATE CONSTRAINT TRIGGER a_new_minor_is_represented AFTER INSERT ON accounts_person DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (
        NEW.standing = 'active' AND NEW.birth_date IS NOT NULL
        AND accounts_is_minor(NEW.birth_date, coalesce(NEW.age_seen_on, (NEW.registered_at AT TIME ZONE 'UTC')::date))
    ) EXECUTE FUNCTION accounts_require_represented();
CREATE CONSTRAINT TRIGGER an_active_minor_is_represented AFTER UPDATE ON accounts_person DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (
        NEW.standing = 'active' AND NEW.birth_date IS NOT NULL
        AND (NEW.standing, NEW.birth_date, NEW.age_seen_on) IS DISTINCT FROM (OLD.standing, OLD.birth_date, OLD.age_seen_on)
        AND accounts_is_minor(NEW.birth_date, coalesce(NEW.age_seen_on, (NEW.registered_at AT TIME ZONE 'UTC')::date))
    ) EXECUTE FUNCTION accounts_require_represented();
CREATE CONSTRAINT TRIGGER an_active_minor_stays_represented AFTER UPDATE ON accounts_representative DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.state = 'verified' AND OLD.person_id IS NOT NULL AND (
        NEW.state <> 'verified' OR NEW.valid_until IS DISTINCT FROM OLD.valid_until OR NEW.person_id IS DISTINCT FROM OLD.person_id
    )) EXECUTE FUNCTION accounts_require_represented();

CREATE FUNCTION accounts_representative_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'proposed' OR NEW.document IS NULL THEN
            RAISE EXCEPTION 'a representative begins proposed, with a document' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.reference, NEW.authority, NEW.valid_from, NEW.document_kind, NEW.document_digest, NEW.document_size, NEW.proposed_by,
        NEW.proposed_at, NEW.policy_version_id)
       IS DISTINCT FROM
       (OLD.id, OLD.reference, OLD.authority, OLD.valid_from, OLD.document_kind, OLD.document_digest, OLD.document_size, OLD.proposed_by,
        OLD.proposed_at, OLD.policy_version_id)
       OR coalesce(NEW.valid_until, 'infinity') > coalesce(OLD.valid_until, 'infinity') THEN
        RAISE EXCEPTION 'representative % stays as they were registered', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.full_name, NEW.email) IS DISTINCT FROM (OLD.full_name, OLD.email)
       AND NOT (OLD.state = 'rejected' AND NEW.full_name = '' AND NEW.email = '') THEN
        RAISE EXCEPTION 'who representative % is stays', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (('proposed', 'verified'), ('proposed', 'rejected'), ('verified', 'ended')) THEN
        RAISE EXCEPTION 'representative % does not go from % to %', OLD.reference, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'proposed' AND NEW.state = 'verified' AND NOT EXISTS (
        SELECT 1 FROM staff_approval WHERE act = 'accounts.approve_representative' AND subject = NEW.reference AND verdict = 'approved'
          AND asked_by_id <> decided_by_id
    ) THEN
        RAISE EXCEPTION 'representative % was not approved by a second person', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state <> 'proposed' AND (NEW.asked_by, NEW.asked_at, NEW.decided_by, NEW.decided_at, NEW.rejection)
       IS DISTINCT FROM (OLD.asked_by, OLD.asked_at, OLD.decided_by, OLD.decided_at, OLD.rejection) THEN
        RAISE EXCEPTION 'what was decided about representative % stays', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'ended' AND (NEW.ended_by, NEW.ended_at, NEW.end_reason) IS DISTINCT FROM (OLD.ended_by, OLD.ended_at, OLD.end_reason) THEN
        RAISE EXCEPTION 'representative % is ended: that is final', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.person_id IS NOT NULL AND NEW.person_id IS DISTINCT FROM OLD.person_id THEN
        RAISE EXCEPTION 'representative % acts for one person', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.document IS DISTINCT FROM OLD.document AND (NEW.document IS NOT NULL OR NEW.state = 'proposed') THEN
        RAISE EXCEPTION 'the document of representative % never changes, and goes after the decision', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION accounts_case_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'open' THEN
            RAISE EXCEPTION 'a case begins open' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state <> 'open' OR (NEW.id, NEW.reference, NEW.person_id, NEW.how, NEW.opened_at, NEW.opened_by, NEW.due_at, NEW.policy_version_id)
       IS DISTINCT FROM (OLD.id, OLD.reference, OLD.person_id, OLD.how, OLD.opened_at, OLD.opened_by, OLD.due_at, OLD.policy_version_id) THEN
        RAISE EXCEPTION 'case % stays as it was opened, and is closed once', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION accounts_keep_with_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION '% is never emptied', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.person_id IS NULL OR EXISTS (SELECT 1 FROM accounts_person WHERE id = OLD.person_id) THEN
        RAISE EXCEPTION 'a row of % goes with its person only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER a_representative_stays_as_decided BEFORE INSERT OR UPDATE ON accounts_representative
    FOR EACH ROW EXECUTE FUNCTION accounts_representative_guard();
CREATE TRIGGER a_case_stays_as_it_was_opened BEFORE INSERT OR UPDATE ON accounts_minorcase
    FOR EACH ROW EXECUTE FUNCTION accounts_case_guard();
CREATE TRIGGER rows_stay BEFORE DELETE ON accounts_representative FOR EACH ROW EXECUTE FUNCTION accounts_keep_with_person();
CREATE TRIGGER rows_stay BEFORE DELETE ON accounts_minorcase FOR EACH ROW EXECUTE FUNCTION accounts_keep_with_person();
CREATE TRIGGER the_table_is_not_emptied BEFORE TRUNCATE ON accounts_representative FOR EACH STATEMENT EXECUTE FUNCTION accounts_keep_with_person();
CREATE TRIGGER the_table_is_not_emptied BEFORE TRUNCATE ON accounts_minorcase FOR EACH STATEMENT EXECUTE FUNCTION accounts_keep_with_person();
"""

BACKWARD = """
DROP TRIGGER the_table_is_not_emptied ON accounts_minorcase;
DROP TRIGGER the_table_is_not_emptied ON accounts_representative;
DROP TRIGGER rows_stay ON accounts_minorcase;
DROP TRIGGER rows_stay ON accounts_representative;
DROP TRIGGER a_case_stays_as_it_was_opened ON accounts_minorcase;
DROP TRIGGER a_representative_stays_as_decided ON accounts_representative;
DROP TRIGGER an_active_minor_stays_represented ON accounts_representative;
DROP TRIGGER an_active_minor_is_represented ON accounts_person;
DROP TRIGGER a_new_minor_is_represented ON accounts_person;
DROP FUNCTION accounts_keep_with_person();
DROP FUNCTION accounts_case_guard();
DROP FUNCTION accounts_representative_guard();
DROP FUNCTION accounts_require_represented();
DROP FUNCTION accounts_is_minor(date, date);
ALTER TABLE accounts_minorcase DROP CONSTRAINT a_case_names_a_representative_there_is, DROP CONSTRAINT a_case_goes_with_its_person;
ALTER TABLE accounts_representative DROP CONSTRAINT a_representative_goes_with_their_person;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_representatives_and_minors"), ("staff", "0003_decided_is_final")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
