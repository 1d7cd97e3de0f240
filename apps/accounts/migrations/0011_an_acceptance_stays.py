"""The database itself keeps what people accepted: as it was said, of the version in force then, until the person's row goes.

| table | allowed | refused |
|---|---|---|
| accounts_policyacceptance | insert of the version that was in force at that moment | any other insert, update, truncate, delete while the person is there |
"""

from django.db import migrations

FORWARD = """
ALTER TABLE accounts_policyacceptance ADD CONSTRAINT an_acceptance_goes_with_its_person
    FOREIGN KEY (person_id) REFERENCES accounts_person (id) ON DELETE CASCADE;

CREATE FUNCTION accounts_acceptance_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'acceptance % stays as it was said', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.policy_version_id IS DISTINCT FROM (
            SELECT id FROM policies_policyversion WHERE state = 'published' AND published_at <= NEW.at ORDER BY published_at DESC, number DESC LIMIT 1
        ) THEN
            RAISE EXCEPTION 'that version of the policy was not in force then' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT 1 FROM accounts_person WHERE id = OLD.person_id) THEN
        RAISE EXCEPTION 'acceptance % goes with its person only', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION accounts_acceptances_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: it goes with its people only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER an_acceptance_stays BEFORE INSERT OR UPDATE OR DELETE ON accounts_policyacceptance
    FOR EACH ROW EXECUTE FUNCTION accounts_acceptance_guard();
CREATE TRIGGER acceptances_are_not_emptied BEFORE TRUNCATE ON accounts_policyacceptance
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_acceptances_are_kept();
"""

BACKWARD = """
DROP TRIGGER acceptances_are_not_emptied ON accounts_policyacceptance;
DROP TRIGGER an_acceptance_stays ON accounts_policyacceptance;
DROP FUNCTION accounts_acceptances_are_kept();
DROP FUNCTION accounts_acceptance_guard();
ALTER TABLE accounts_policyacceptance DROP CONSTRAINT an_acceptance_goes_with_its_person;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_policy_acceptances")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
